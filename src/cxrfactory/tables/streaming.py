"""Long tables, row by row: work done side by side, results in order, and never the whole table in memory."""

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
    """Yield ``work(item)`` in the order of ``items``; at most ``ahead`` of them are taken before their turn."""
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
    """Write rows as they come, in row groups; the file is written even when it holds none.

    Parameters
    ----------
    rows
        Of ``schema``, or rejections, which hold a ``reason``.

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
