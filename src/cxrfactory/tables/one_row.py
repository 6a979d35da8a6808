"""Reading of single rows of large Parquet files by their place, with the footer parsed once."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cxrfactory.errors import CxrError
from cxrfactory.tables.group_places import GroupPlaces
from cxrfactory.tables.parquet import unreadable
from cxrfactory.tables.seal import fault_of


class RowReader:
    """A Parquet file that stays open; rows are read by their place, one row group at a time.

    The file is opened at the first use. Several threads may use one reader.

    Parameters
    ----------
    path
        The file.
    columns
        The only columns that will be read. Memory then holds their places instead of the parsed footer, which takes
        100 MB for 2,500 row groups of 70 columns.
    equal_lists
        Columns of these whose lists of numbers all have one length; one page of them is read for a row.
    """

    def __init__(self, path: Path, columns: Sequence[str] | None = None, equal_lists: Sequence[str] = ()) -> None:
        self.path = path
        self._only, self._equal = columns, equal_lists
        self._lock = threading.RLock()
        self._file: pq.ParquetFile | None = None
        self._places: GroupPlaces | None = None
        self._ends = np.zeros(0, np.int64)

    def open(self) -> None:
        """Open the file now, which takes a second for thousands of row groups.

        Raises
        ------
        CxrError
            If the file is missing, is no Parquet file, or its footer is damaged.
        """
        with self._lock:
            if self._file is not None or self._places is not None:
                return
            if not self.path.is_file():
                raise CxrError(f"{self.path}: no such file")
            try:
                if (fault := fault_of(self.path)) is not None:
                    raise unreadable(self.path, fault)
                if self._only is not None:
                    with pq.ParquetFile(self.path) as whole:
                        self._places = GroupPlaces(self.path, whole, self._only, self._equal)
                    self._ends = np.cumsum(self._places.rows)
                    return
                file = pq.ParquetFile(self.path, page_checksum_verification=True)
            except (pa.ArrowException, OSError) as error:
                raise unreadable(self.path, " ".join(str(error).split())) from error
            counts = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
            self._ends, self._file = np.cumsum(counts, dtype=np.int64), file

    @property
    def names(self) -> list[str]:
        """Names of the columns that can be read."""
        self.open()
        if self._places is not None:
            return self._places.schema.names
        return self._file.schema_arrow.names  # type: ignore[union-attr]

    @property
    def most_rows(self) -> int:
        """Number of rows of the largest row group."""
        self.open()
        return int(np.diff(self._ends, prepend=0).max(initial=0))

    def first_of_groups(self, column: str) -> list[Any]:
        """Return the smallest value of a column in every row group, from the footer."""
        self.open()
        metadata = self._file.metadata  # type: ignore[union-attr]
        place = metadata.schema.names.index(column)
        return [metadata.row_group(group).column(place).statistics.min for group in range(metadata.num_row_groups)]

    def row(self, place: int, columns: Sequence[str]) -> dict[str, Any]:
        """Return one row.

        Parameters
        ----------
        place
            Place of the row in the file, from 0.
        columns
            Columns to read; those that the file lacks are left out.

        Raises
        ------
        CxrError
            If the file has no such row, or is damaged there.
        """
        self.open()
        group = int(np.searchsorted(self._ends, place, side="right"))
        if not 0 <= place < (self._ends[-1] if len(self._ends) else 0):
            raise CxrError(f"{self.path.name}: no row {place}; it has {self._ends[-1] if len(self._ends) else 0}")
        start = int(self._ends[group - 1]) if group else 0
        if self._places is None:
            return self.group(group, columns).slice(place - start, 1).to_pylist()[0]
        wanted = self._present(columns)
        with self._faults():
            return self._places.row(group, place - start, wanted).to_pylist()[0] if wanted else {}

    def rows(self, first: int, count: int, columns: Sequence[str]) -> pa.Table:
        """Return some rows that follow one another; each row group that holds one of them is read.

        Parameters
        ----------
        first, count
            Place of the first row in the file, from 0, and the number of rows.
        columns
            Columns to read; those that the file lacks are left out.

        Raises
        ------
        CxrError
            If the file has no such rows, or is damaged there.
        """
        self.open()
        total = int(self._ends[-1]) if len(self._ends) else 0
        if first < 0 or count < 0 or first + count > total:
            raise CxrError(f"{self.path.name}: no rows {first} to {first + count - 1}; it has {total}")
        groups = np.searchsorted(self._ends, [first, max(first, first + count - 1)], side="right")
        pieces = [self.group(group, columns) for group in range(int(groups[0]), int(groups[1]) + 1)] if count else []
        if not pieces:
            return self.group(0, columns).slice(0, 0) if len(self._ends) else pa.table({})
        start = int(self._ends[groups[0] - 1]) if groups[0] else 0
        return pa.concat_tables(pieces).slice(first - start, count)

    def group(self, group: int, columns: Sequence[str]) -> pa.Table:
        """Return one row group, with those of the columns that the file has.

        Raises
        ------
        CxrError
            If the file is damaged there.
        """
        self.open()
        wanted = self._present(columns)
        with self._faults():
            if self._places is not None:
                return self._places.read(group, wanted)
            with self._lock:
                return self._file.read_row_group(group, columns=wanted, use_threads=False)  # type: ignore[union-attr]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._file = self._places = None

    def _present(self, columns: Sequence[str]) -> list[str]:
        names = set(self.names)
        return [name for name in columns if name in names]

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError) as error:
            raise unreadable(self.path.name, " ".join(str(error).split())) from error
