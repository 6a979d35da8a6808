"""Streaming of long tables: rows are computed in parallel and written in order, without the whole table in memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from cxrfactory.tables.parquet import table_writer

Item = TypeVar("Item")
Result = TypeVar("Result")
Row = dict[str, Any]


def in_order(pool: Executor, work: Callable[[Item], Result], items: Iterable[Item], ahead: int) -> Iterator[Result]:
    """Yield ``work(item)`` in the order of ``items``; at most ``ahead`` items are in progress at a time."""
    waiting: deque = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def write_rows(
    rows: Iterable[Row], output: str | Path, schema: pa.Schema, rows_per_group: int
) -> tuple[int, list[Row]]:
    """Write rows to a Parquet file in row groups as they arrive; the file is written even without rows.

    Parameters
    ----------
    rows
        Rows of ``schema``, or rejections, which are recognised by their key ``reason``.
    output
        File to write.
    schema
        Schema of the file.
    rows_per_group
        Number of rows per row group.

    Returns
    -------
    Number of rows written, and the rejections.
    """
    written, faults, waiting = 0, [], []
    with table_writer(output, schema) as writer:
        for row in rows:
            if "reason" in row:
                faults.append(row)
                continue
            waiting.append(row)
            if len(waiting) == rows_per_group:
                writer.write_table(pa.Table.from_pylist(waiting, schema=schema))
                written, waiting = written + len(waiting), []
        if waiting:
            writer.write_table(pa.Table.from_pylist(waiting, schema=schema))
            written += len(waiting)
    return written, faults
