"""Join the tables of all shards into those of a product, and write its tables of what was left out."""

import csv
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from cxrfactory.errors import CxrError
from cxrfactory.tables.parquet import parquet_writer, read_batches


def join_tables(
    paths: Sequence[Path],
    output: Path,
    stored: pa.Schema,
    schema: pa.Schema,
    rows_per_group: int,
    change: Callable[[pa.RecordBatch], pa.RecordBatch],
) -> int:
    """Write the rows of several tables into one, in row groups of one size; return the number of rows.

    Parameters
    ----------
    paths
        Tables to join, in this order.
    output
        Table to write.
    stored
        Schema of the tables.
    schema
        Schema of the joined table.
    rows_per_group
        Number of rows of a row group; memory holds about one.
    change
        Function from a batch of rows to the same rows with the columns of ``schema``, in any order.
    """
    waiting = schema.empty_table()
    total = 0
    with parquet_writer(output, schema, dictionary=False) as writer:
        for path in paths:
            for batch in read_batches(path, stored.names, rows_per_group, stored):
                total += batch.num_rows
                changed = pa.Table.from_batches([change(batch).select(schema.names)]).cast(schema)
                waiting = pa.concat_tables([waiting, changed])
                while len(waiting) >= rows_per_group:
                    writer.write_table(waiting.slice(0, rows_per_group))
                    waiting = waiting.slice(rows_per_group)
        if len(waiting):
            writer.write_table(waiting)
    return total


def with_constant(batch: pa.RecordBatch, name: str, value: str) -> pa.RecordBatch:
    """Return a batch with one more column that has the same text in every row."""
    return batch.append_column(name, pa.repeat(pa.scalar(value), batch.num_rows))


def refuse_foreign(output: Path, own: Collection[str]) -> None:
    """Refuse to replace a folder that holds names which are not a product's own.

    Raises
    ------
    CxrError
        If there is such a name.
    """
    foreign = sorted(path.name for path in output.iterdir() if path.name not in own) if output.is_dir() else []
    if foreign:
        raise CxrError(f"{output}: holds '{foreign[0]}', which is no part of a product; name another folder")


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write a small table as CSV."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(header)
        table.writerows(rows)
