"""Process images in order with several threads, and write the results without keeping all of them in memory."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import cv2
import pandas as pd
import pyarrow as pa

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.logs import get_logger, progress
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.schemas import REJECTED
from cxrfactory.tables.streaming import in_order, write_rows

Item = TypeVar("Item")
Row = dict[str, Any]

ROWS_PER_GROUP = 64  # about 30 MB of 1024 x 1024 images; readers may stream group by group

log = get_logger(__name__)


def map_in_order(work: Callable[[Item], Row], items: Sequence[Item], workers: int) -> Iterator[Row]:
    """Yield ``work(item)`` in the order of ``items``; threads process a bounded number of items in advance.

    Threads are sufficient, because decoding, resizing and encoding release Python's global interpreter lock.
    """
    cv2.setNumThreads(1)  # OpenCV uses one thread per image, so ``workers`` alone sets the number of cores in use
    if workers <= 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from in_order(pool, work, items, 4 * workers)


def write_images(
    records: Sequence[Row],
    work: Callable[[Row], Row],
    output: str | Path,
    rejected: str | Path,
    schema: pa.Schema,
    workers: int,
) -> tuple[int, int]:
    """Convert records to image rows; a record whose image cannot be used becomes a row of ``rejected``.

    Parameters
    ----------
    records
        Records with ``image_id`` and ``path``; this function sorts them by ``image_id``.
    work
        Function that makes a row of ``schema`` from a record, or raises ImageError.
    output, rejected
        Parquet files to write; they are written even if they have no rows.
    schema
        Schema of ``output``.
    workers
        Number of threads; the written bytes do not depend on it.

    Returns
    -------
    Numbers of rows written and rejected.

    Raises
    ------
    CxrError
        If two records have the same ``image_id``, or if ``workers`` is less than 1.
    """
    if workers < 1:
        raise CxrError(f"{workers} workers; expected 1 or more")
    records = sorted(records, key=lambda record: record["image_id"])
    for first, second in pairwise(records):
        if first["image_id"] == second["image_id"]:
            raise CxrError(f"image_id '{first['image_id']}' occurs twice; ids must be unique")

    def attempt(record: Row) -> Row:
        try:
            return work(record)
        except ImageError as error:
            reason = str(error)
            log.warning("rejected %s: %s", record["image_id"], reason)
            place = {"image_id": record["image_id"], "path": record["path"]}
            return place | {"stage": "preprocess", "reason": reason}

    results = progress(map_in_order(attempt, records, workers), "preprocess", total=len(records))
    written, faults = write_rows(results, output, schema, ROWS_PER_GROUP)
    write_table(pd.DataFrame(faults, columns=REJECTED.names), rejected, REJECTED)
    return written, len(faults)
