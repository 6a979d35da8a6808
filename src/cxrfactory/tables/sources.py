"""The sources (hospitals) of labelled tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cxrfactory.errors import CxrError

if TYPE_CHECKING:
    import pandas as pd


def sources_of(paths: Sequence[str | Path]) -> list[str]:
    """Return the sources that occur in labelled tables, sorted.

    Parameters
    ----------
    paths
        Parquet tables of schema ``LABELLED_IMAGES``; only their column ``source`` is read.

    Raises
    ------
    CxrError
        If a table is missing, unreadable or lacks the column.
    """
    from cxrfactory.tables.parquet import read_table

    return sorted({name for path in paths for name in read_table(path, columns=["source"])["source"]})


def leave_out(table: "pd.DataFrame", sources: Sequence[str], where: str) -> "pd.DataFrame":
    """Return the rows of a labelled table whose source is none of some sources.

    Parameters
    ----------
    table
        Rows with the column ``source``.
    sources
        Names of the sources to leave out.
    where
        File or files of the table, for the error message.

    Raises
    ------
    CxrError
        If a source does not occur in the table, or no row is left.
    """
    found = sorted(set(table["source"]))
    for name in sources:
        if name not in found:
            raise CxrError(
                f"{where}: no image has source '{name}', which is to be left out; found {', '.join(found) or 'none'}"
            )
    kept = table[~table["source"].isin(list(sources))]
    if sources and kept.empty:
        raise CxrError(
            f"{where}: no image is left without {', '.join(sorted(set(sources)))}; found {', '.join(found)}: give "
            "images of another source (--labelled)"
        )
    return kept
