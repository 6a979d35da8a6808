"""Labelled tables of a study: several read as one, and rows written again."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cxrfactory.errors import CxrError

ROWS_PER_GROUP = 64


def read_tables(paths: Sequence[str | Path], columns: Sequence[str] = (), by_id: bool = False) -> pd.DataFrame:
    """Read labelled tables as one.

    Parameters
    ----------
    paths
        Preprocessed labelled tables.
    columns
        Columns to read; by default those of ``LABELLED_VIEWS``. What older tables lack (view, sex, age, condition) is
        null.
    by_id
        Whether the rows are sorted by id; otherwise they keep the order of the tables.

    Raises
    ------
    CxrError
        If a table is unreadable, or an image occurs twice.
    """
    from cxrfactory.tables.parquet import read_table
    from cxrfactory.tables.schemas import LABELLED_VIEWS

    wanted = [*columns] or None
    table = pd.concat([read_table(path, LABELLED_VIEWS, wanted) for path in paths], ignore_index=True)
    if (twice := table["image_id"].duplicated()).any():
        where = ", ".join(map(str, paths))
        raise CxrError(f"{where}: image '{table.loc[twice, 'image_id'].iloc[0]}' occurs twice; expected it once")
    return table.sort_values("image_id", kind="stable", ignore_index=True) if by_id else table


def read_image_words(paths: Sequence[str | Path], column: str) -> pd.Series:
    """Read a word for each image from CSV files of people, such as its class or the device that it shows.

    Parameters
    ----------
    paths
        CSV files with the columns ``image_id`` and the one that is asked for; other columns are not read.
    column
        Name of the column of words.

    Returns
    -------
    The words by ``image_id``; empty ones are left out.

    Raises
    ------
    CxrError
        If a file is unreadable, lacks a column, or an image occurs twice.
    """
    where = ", ".join(map(str, paths))
    try:
        found = pd.concat([pd.read_csv(path, dtype=str, keep_default_na=False) for path in paths])
    except (OSError, ValueError) as error:
        raise CxrError(f"{where}: not a readable CSV file ({error}); expected columns image_id and {column}") from error
    if missing := [name for name in ("image_id", column) if name not in found]:
        raise CxrError(f"{where}: column {missing[0]} is missing; expected image_id and {column}")
    if (twice := found["image_id"].duplicated()).any():
        raise CxrError(f"{where}: image '{found['image_id'][twice].iloc[0]}' occurs twice; expected it once")
    words = found.set_index("image_id")[column]
    return words[words != ""]


def write_labelled(table: pd.DataFrame, path: Path, split: Sequence[str] | pd.Series | str | None = None) -> None:
    """Write rows as a labelled table, sorted by id, with other splits if any are given.

    Parameters
    ----------
    table
        Rows with the columns of ``LABELLED_VIEWS``; those of which a table knows nothing may be missing, and other
        columns are left out.
    path
        File to write.
    split
        Splits of the rows, or one for all; None keeps theirs.
    """
    from cxrfactory.tables.parquet import write_table
    from cxrfactory.tables.schemas import LABELLED_VIEWS

    rows = table if split is None else table.assign(split=split)
    write_table(rows.reindex(columns=LABELLED_VIEWS.names), path, LABELLED_VIEWS, rows_per_group=ROWS_PER_GROUP)
