"""Rows of one case at one time of the cycle, from the tables of the product."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cxrfactory.tables.selected_rows import selected_rows

if TYPE_CHECKING:
    import pandas as pd


def frame_rows(path: Path, case_id: str, frame: str, columns: Sequence[str]) -> Iterator["pd.DataFrame"]:
    """Iterate over the rows of a case and frame, one table for each row group that holds the case.

    Parameters
    ----------
    path
        Table with the columns ``case_id`` and ``frame``.
    case_id, frame
        The case, and the time of its cycle.
    columns
        Columns to read besides these two.
    """
    for rows in selected_rows(path, [case_id], ["frame", *columns], key="case_id"):
        yield rows[rows["frame"] == frame]
