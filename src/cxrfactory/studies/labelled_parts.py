"""Labelled tables of a study joined, cut into parts and written again."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.parquet import read_table, stored_schema, write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES

PEOPLE = ("sex", "age", "condition")
WITH_LUNGS = ("L", "LH", "LHC")  # label codes of images whose lungs end at the heart
WITH_HEART = ("LH", "LHC")
LUNG_POINTS = 94  # landmarks of both lungs, which come first in every code of the two tuples above


def read_labelled(paths: Sequence[Path]) -> pd.DataFrame:
    """Read labelled tables as one, with the columns ``sex``, ``age`` and ``condition`` where a table has them.

    Parameters
    ----------
    paths
        Tables of schema ``LABELLED_IMAGES``.

    Raises
    ------
    CxrError
        If a table is unreadable, or an image is in two of them.
    """
    frames = []
    for path in paths:
        people = [name for name in PEOPLE if name in stored_schema(path).names]
        columns = [name for name in LABELLED_IMAGES.names if name not in PEOPLE]
        frames.append(read_table(path, columns=[*columns, *people]))
    table = pd.concat(frames, ignore_index=True)
    if (twice := table["image_id"].duplicated()).any():
        found = ", ".join(map(str, paths))
        raise CxrError(f"{found}: image '{table.loc[twice, 'image_id'].iloc[0]}' occurs twice; expected it once")
    return table


def write_labelled(table: pd.DataFrame, path: Path, split: Sequence[str] | pd.Series | str | None = None) -> None:
    """Write a table or a part of it as a labelled table, with other splits if any are given.

    Parameters
    ----------
    table
        Rows of :func:`read_labelled`.
    path
        File to write, schema ``LABELLED_IMAGES``.
    split
        Splits of the rows, or one for all; None keeps theirs.
    """
    known = table[[name for name in LABELLED_IMAGES.names if name in table]]
    write_table(known if split is None else known.assign(split=split), path, LABELLED_IMAGES)


def lungs_only(table: pd.DataFrame) -> pd.DataFrame:
    """Return the images with lungs, without what else is annotated: landmarks of the lungs alone, no drawn masks."""
    held = table[table["labels"].isin(WITH_LUNGS)]
    points = [list(each[: 2 * LUNG_POINTS]) for each in held["landmarks"]]
    return held.assign(labels="L", landmarks=pd.Series(points, index=held.index), regions=None)


def by_hash(patients: Sequence[str], purpose: str, seed: int) -> list[str]:
    """Return patients in the order of a hash of their ids, each once."""
    return sorted(set(patients), key=lambda patient: (seed_of(patient, purpose, seed), patient))
