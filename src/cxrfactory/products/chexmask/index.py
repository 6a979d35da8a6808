"""Write the index of the product: the rows of all releases in one small table, without masks and landmarks.

Whoever looks for images by score, interval or flag reads this table; programs that keep a table in memory, and the
viewer of the Hugging Face Hub, which counts values in the first five gigabytes alone, need it to be small.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from cxrfactory.anatomy.organs import ORGANS
from cxrfactory.errors import CxrError
from cxrfactory.tables.atomic import atomic_path
from cxrfactory.tables.parquet import parquet_writer, read_batches, stored_schema

INDEX = "index.parquet"
ROWS_PER_GROUP = 50_000  # it affects the bytes of the index
_ROWS_AT_A_TIME = 4096
_LISTS = ("flag_reasons",)  # short lists that the index keeps


def write_index(tables: Mapping[str, Path], path: str | Path) -> pa.Schema:
    """Write the index of some releases, and return its schema.

    Parameters
    ----------
    tables
        Parquet table of each release, by the release's published name, in the order of the index.
    path
        File to write.

    Raises
    ------
    CxrError
        If a table cannot be read, or two tables have a column of the same name with two types.
    """
    schema = index_schema({release: stored_schema(table) for release, table in tables.items()})
    with atomic_path(path) as temporary, parquet_writer(temporary, schema) as writer:
        waiting: list[pa.RecordBatch] = []
        for batch in _batches(tables, schema):
            waiting.append(batch)
            if sum(each.num_rows for each in waiting) >= ROWS_PER_GROUP:
                rows = pa.Table.from_batches(waiting)
                writer.write_table(rows.slice(0, ROWS_PER_GROUP), row_group_size=ROWS_PER_GROUP)
                waiting = rows.slice(ROWS_PER_GROUP).to_batches()
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting), row_group_size=ROWS_PER_GROUP)
    return schema


def index_schema(schemas: Mapping[str, pa.Schema]) -> pa.Schema:
    """Return the columns of the index: the release, and all columns of the tables that are neither mask nor landmarks.

    Raises
    ------
    CxrError
        If two tables have a column of the same name with two types.
    """
    found: dict[str, pa.DataType] = {}
    for release, schema in schemas.items():
        for column in schema:
            if column.name in ORGANS or (pa.types.is_nested(column.type) and column.name not in _LISTS):
                continue
            if found.setdefault(column.name, column.type) != column.type:
                raise CxrError(
                    f"{release}: column '{column.name}' is of type {column.type}, and of {found[column.name]} in "
                    "another release; package the releases again"
                )
    keys = {"release": pa.string(), "image_id": pa.string()}
    required = [pa.field(name, kind, nullable=False) for name, kind in keys.items()]
    return pa.schema([*required, *(pa.field(name, kind) for name, kind in found.items() if name not in keys)])


def _batches(tables: Mapping[str, Path], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for release, table in tables.items():
        present = stored_schema(table).names
        wanted = [name for name in schema.names if name in present]
        for batch in read_batches(table, wanted, _ROWS_AT_A_TIME):
            rows = batch.num_rows
            columns = [
                pa.repeat(pa.scalar(release, pa.string()), rows) if name == "release"
                else batch[name] if name in present
                else pa.nulls(rows, schema.field(name).type)
                for name in schema.names
            ]  # fmt: skip
            yield pa.RecordBatch.from_arrays(columns, schema=schema)
