"""Measure many images in processes, and write the folder of tables; its bytes do not depend on their number."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cxrfactory.config.measure import MeasureConfig
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger, progress
from cxrfactory.measure.card import card_text
from cxrfactory.measure.definitions import DEFINITION_COLUMNS, definition_rows
from cxrfactory.measure.items import Item
from cxrfactory.measure.one import measure_items
from cxrfactory.measure.rows import csv_header, csv_lines, image_table, measurement_table
from cxrfactory.measure.schemas import IMAGES, IMAGES_FILE, MEASUREMENTS, MEASUREMENTS_FILE
from cxrfactory.measure.summary import SUMMARY_COLUMNS, Summary
from cxrfactory.tables.arrow_values import numbers
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.folders import replaced_folder
from cxrfactory.tables.parquet import parquet_writer
from cxrfactory.tables.sums import SUMS, write_sums

log = get_logger(__name__)

IMAGES_AT_A_TIME = 64  # images of one piece of work
GROUP_IMAGES = 4096  # of one row group of the table of images
MEASURED_IMAGES = 128  # of one row group of their measurements, in which the browser finds an image within 3 ms
REJECTED_COLUMNS = ("dataset", "image_id", "reason")


@dataclass(frozen=True)
class Accounts:
    """What became of the images: read = measured + excluded + rejected.

    Attributes
    ----------
    measured
        Images with at least one value.
    excluded
        Images all of whose measurements are excluded.
    rejected
        Images that cannot be measured.
    """

    measured: int
    excluded: int
    rejected: int

    @property
    def read(self) -> int:
        """Number of images."""
        return self.measured + self.excluded + self.rejected

    def __str__(self) -> str:
        return (
            f"read {self.read} images = {self.measured} measured + {self.excluded} excluded + {self.rejected} rejected"
        )


@dataclass(frozen=True)
class Piece:
    """Rows of some images, as a process returns them."""

    measurements: pa.Table
    images: pa.Table
    lines: bytes
    summary: list[dict[str, Any]]
    rejected: list[tuple[str, str, str]]


def measure(
    items: Iterable[Item], output: str | Path, settings: MeasureConfig, workers: int = 1, total: int | None = None
) -> Accounts:
    """Measure images and write the folder of their tables, completely or not at all.

    Parameters
    ----------
    items
        The images; the rows have their order.
    output
        Folder to write; one of an earlier run is replaced.
    settings
        Grades, intervals, limits of the flags.
    workers
        Number of processes.
    total
        Number of images, for the progress.

    Returns
    -------
    What became of the images.

    Raises
    ------
    CxrError
        If there is no image, no image can be measured, or ``output`` holds other files.
    """
    output = Path(output)
    refuse_foreign(output)
    with replaced_folder(output) as folder:
        with _Tables(folder, settings.csv) as tables:
            for piece in progress(_measured(_batches(items), settings, workers), "measure", _pieces(total)):
                tables.write(piece)
        accounts = tables.accounts()
        if not accounts.measured + accounts.excluded:
            first = f"; first {tables.rejected[0][1]}: {tables.rejected[0][2]}" if tables.rejected else ""
            raise CxrError(f"{output}: no image can be measured, {accounts.rejected} rejected{first}")
        _write_csv(folder / "rejected.csv", REJECTED_COLUMNS, tables.rejected)
        _write_csv(folder / "summary.csv", SUMMARY_COLUMNS, tables.summary.rows())
        definitions = definition_rows(settings)
        _write_csv(folder / "definitions.csv", DEFINITION_COLUMNS, definitions)
        write_text(folder / "README.md", card_text(str(accounts), tables.summary.rows(), settings))
        write_sums(folder / SUMS, folder, [path for path in folder.iterdir() if path.name != SUMS])
    log.info("%s: %s", output, accounts)
    return accounts


def refuse_foreign(output: Path) -> None:
    """Refuse an output that is a file, or a folder with other files than those of an earlier run.

    Raises
    ------
    CxrError
        One line that names the output.
    """
    if output.is_file() or (output.is_dir() and any(output.iterdir()) and not (output / MEASUREMENTS_FILE).is_file()):
        raise CxrError(f"{output}: exists and holds no measurements of an earlier run; name another folder")


class _Tables:
    """The tables of a run, written row group by row group."""

    def __init__(self, folder: Path, with_csv: bool) -> None:
        self._folder, self._with_csv = folder, with_csv
        self._stack = ExitStack()
        self._rows: list[pa.Table] = []
        self._images: list[pa.Table] = []
        self._read = self._measured = self._written = self._waiting = 0
        self.rejected: list[tuple[str, str, str]] = []
        self.summary = Summary()

    def __enter__(self) -> "_Tables":
        enter = self._stack.enter_context
        self._measurements = enter(parquet_writer(self._folder / MEASUREMENTS_FILE, MEASUREMENTS))
        self._image_table = enter(parquet_writer(self._folder / IMAGES_FILE, IMAGES))
        self._csv = enter((self._folder / "measurements.csv").open("wb")) if self._with_csv else None
        if self._csv:
            self._csv.write(csv_header())
        return self

    def __exit__(self, *error: Any) -> bool | None:
        if error[0] is None:
            self._flush(self._measurements, self._rows)
            self._flush(self._image_table, self._images)
        return self._stack.__exit__(*error)

    def write(self, piece: Piece) -> None:
        """Add the rows of some images."""
        first = pa.array(numbers(piece.images["first_row"]) + self._written)
        self._images.append(piece.images.set_column(IMAGES.names.index("first_row"), IMAGES.field("first_row"), first))
        self._rows.append(piece.measurements)
        self.rejected += piece.rejected
        self.summary.add(piece.summary)
        self._read += len(piece.images)
        self._written += len(piece.measurements)
        self._measured += sum(count > 0 for count in piece.images["measured"].to_pylist())
        if self._csv:
            self._csv.write(piece.lines)
        self._waiting += len(piece.images)
        if self._waiting >= MEASURED_IMAGES:
            self._flush(self._measurements, self._rows)
            self._waiting = 0
        if sum(map(len, self._images)) >= GROUP_IMAGES:
            self._flush(self._image_table, self._images)

    def accounts(self) -> Accounts:
        """Return what became of the images so far."""
        return Accounts(self._measured, self._read - self._measured, len(self.rejected))

    @staticmethod
    def _flush(writer: pq.ParquetWriter, tables: list[pa.Table]) -> None:
        """Write tables as one row group, and empty the list."""
        if tables:
            whole = pa.concat_tables(tables).combine_chunks()
            writer.write_table(whole, row_group_size=max(len(whole), 1))
            tables.clear()


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield pieces of work; the views of one study stay together."""
    batch: list[Item] = []
    for item in items:
        alone = not item.group or not batch or (item.dataset, item.group) != (batch[-1].dataset, batch[-1].group)
        if len(batch) >= IMAGES_AT_A_TIME and alone:
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


def _measured(pieces: Iterable[Sequence[Item]], settings: MeasureConfig, workers: int) -> Iterator[Piece]:
    work = partial(_work, settings)
    if workers == 1:
        yield from map(work, pieces)
        return
    with _pool(workers) as pool:
        waiting: list[Any] = []
        for piece in pieces:
            waiting.append(pool.submit(work, piece))
            if len(waiting) > 2 * workers:
                yield waiting.pop(0).result()
        for each in waiting:
            yield each.result()


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    # Processes are spawned and not forked, because the threads of other libraries do not survive a fork.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        try:
            yield pool
        except BrokenProcessPool as error:
            raise CxrError(
                f"one of {workers} workers was killed, mostly for want of memory; run again with fewer --workers"
            ) from error


def _work(settings: MeasureConfig, items: Sequence[Item]) -> Piece:
    made = measure_items(items, settings)
    table = measurement_table(made.rows)
    lines = csv_lines(made.rows) if settings.csv else b""
    return Piece(table, image_table(made.images), lines, _small(made.rows), made.rejected)


def _small(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    names = ("dataset", "view", "measurement", "unit", "value", "grade", "near_cut")
    return [{name: row[name] for name in names} for row in rows]


def _pieces(total: int | None) -> int | None:
    return None if total is None else -(-total // IMAGES_AT_A_TIME)


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(header)
        table.writerows(rows)
