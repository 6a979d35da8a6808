"""Reading of selected rows of large Parquet tables by id."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cxrfactory.tables.parquet import check_columns, columns_of, filled, open_parquet

if TYPE_CHECKING:
    import pandas as pd


def selected_rows(
    path: str | Path, image_ids: Collection[str], columns: Sequence[str], key: str = "image_id"
) -> Iterator["pd.DataFrame"]:
    """Iterate over the rows of selected images, with one frame per row group that holds any of them.

    Row groups without a selected image are skipped by the range of their ids or by their id column alone. A shard of
    thousands of pictures therefore needs the memory of one row group.

    Parameters
    ----------
    path
        Parquet file with an id column.
    image_ids
        Ids of the images to read; ids that are not in the table are ignored.
    columns
        Columns to read besides the id column, which comes first.
    key
        Name of the id column.

    Raises
    ------
    CxrError
        If the file is missing, is not a Parquet file, or lacks a column.
    """
    ids = sorted(image_ids)
    wanted = pa.array(ids, pa.string())
    names = [key, *columns]
    with open_parquet(path) as file:
        check_columns(path, file.schema_arrow, names)
        for group in range(file.num_row_groups if ids else 0):
            if not _may_hold(file.metadata.row_group(group), key, ids[0], ids[-1]):
                continue
            found = pc.is_in(file.read_row_group(group, columns=[key])[key], value_set=wanted)
            if pc.any(found).as_py():
                rows = file.read_row_group(group, columns=columns_of(file, names))
                yield filled(rows, names).filter(found).to_pandas()


def _may_hold(group: pq.RowGroupMetaData, key: str, first: str, last: str) -> bool:
    """Return whether a row group's range of ids overlaps the wanted range; True if the group states no range."""
    columns = (group.column(place) for place in range(group.num_columns))
    stated = next((each.statistics for each in columns if each.path_in_schema == key), None)
    if stated is None or not stated.has_min_max:
        return True
    return stated.min <= last and first <= stated.max
