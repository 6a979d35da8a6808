"""A few rows of large Parquet tables by id, without reading the rest."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cxrfactory.tables.parquet import check_columns, open_parquet


def selected_rows(path: str | Path, image_ids: Collection[str], columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Iterate the rows of some images, one frame for each row group that holds any.

    Row groups without such an image are passed over by their id column alone, so a shard of thousands of
    pictures costs the memory of one of its row groups.

    Parameters
    ----------
    path
        Parquet with a column ``image_id``.
    image_ids
        Ids wanted; those that the table does not hold are not missed.
    columns
        Columns wanted beside ``image_id``, which comes first.

    Raises
    ------
    CxrError
        If the file is missing, is no Parquet file, or lacks a column.
    """
    wanted = pa.array(sorted(image_ids), pa.string())
    names = ["image_id", *columns]
    with open_parquet(path) as file:
        check_columns(path, file.schema_arrow, names)
        for group in range(file.num_row_groups):
            found = pc.is_in(file.read_row_group(group, columns=["image_id"])["image_id"], value_set=wanted)
            if pc.any(found).as_py():
                yield file.read_row_group(group, columns=names).select(names).filter(found).to_pandas()
