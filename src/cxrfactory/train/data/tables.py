"""One split of labelled tables, as training reads it."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.tables.parquet import read_batches, read_table
from cxrfactory.tables.schemas import LABELLED_VIEWS
from cxrfactory.tables.sources import leave_out

ROWS_AT_A_TIME = 64

log = get_logger(__name__)


ALL = "all"  # in place of names of regions: every region of the tables


def regions_of(paths: Sequence[str | Path]) -> list[str]:
    """Return the names of all regions that the tables draw, sorted.

    Raises
    ------
    CxrError
        If no table draws a region.
    """
    found: set[str] = set()
    for path in paths:
        for batch in read_batches(path, ["regions"], ROWS_AT_A_TIME, LABELLED_VIEWS):
            drawn = batch["regions"].flatten()
            found.update(drawn.field("name").unique().to_pylist())
    if not found:
        raise CxrError(f"{', '.join(map(str, paths))}: no drawn mask; organs: {ALL} needs tables with masks")
    return sorted(found)


def read_split(
    path: str | Path | Sequence[str | Path], split: str, without_sources: Sequence[str] = (), views: Sequence[str] = ()
) -> tuple[pd.DataFrame, str]:
    """Read the rows of one split, sorted by id, and return them with the names of the tables.

    Parameters
    ----------
    path
        Tables of schema ``LABELLED_IMAGES`` or ``LABELLED_VIEWS``.
    split
        ``train`` or ``val``.
    without_sources
        Sources (column ``source``) whose images are left out.
    views
        Views whose images are read; without any, all. An image whose view is unknown is read only without a choice.

    Raises
    ------
    CxrError
        If an id occurs twice, a source to leave out does not occur, or no image has the split and one of the views.
    """
    paths = [path] if isinstance(path, str | Path) else list(path)
    table = pd.concat([read_table(each, LABELLED_VIEWS) for each in paths], ignore_index=True)
    path = ", ".join(map(str, paths))
    table = leave_out(table, without_sources, path)
    table = table[table["split"] == split].sort_values("image_id")
    twice = table["image_id"][table["image_id"].duplicated()]
    if len(twice):
        raise CxrError(f"{path}: image_id '{twice.iloc[0]}' occurs twice; ids must be unique over all tables")
    if table.empty:
        raise CxrError(f"{path}: no image has split '{split}'; expected images of 'train' and of 'val'")
    if views:
        found = sorted(set(table["view"].dropna()))
        table = table[table["view"].isin(list(views))]
        if table.empty:
            raise CxrError(
                f"{path}: no image of split '{split}' has view {' or '.join(views)}; found "
                f"{', '.join(found) or 'no view at all'}"
            )
    return table, path
