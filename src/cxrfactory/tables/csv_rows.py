"""Reading of single rows of large CSV files by the byte at which they start."""

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cxrfactory.errors import CxrError
from cxrfactory.logs import progress

CHUNK_BYTES = 1 << 24
_QUOTE, _LINE_FEED = ord('"'), ord("\n")
_BOM = b"\xef\xbb\xbf"
csv.field_size_limit(1 << 28)


def row_starts(path: str | Path) -> np.ndarray:
    """Return the offsets in bytes at which the rows of a CSV start, and the end of the last row; one pass over it.

    Line ends within quotes belong to a row. The first row is the one after the header. Empty lines are no rows.

    Raises
    ------
    CxrError
        If the file cannot be read, or ends within quotes.
    """
    path = Path(path)
    ends = [np.zeros(0, np.int64)]
    size = path.stat().st_size
    inside, offset = 0, 0
    chunks = -(-size // CHUNK_BYTES)
    pieces = _chunks(path)
    if chunks > 16:
        pieces = progress(pieces, f"rows of {path.name}", chunks)
    for chunk in pieces:
        data = np.frombuffer(chunk, np.uint8)
        quotes, lines = np.flatnonzero(data == _QUOTE), np.flatnonzero(data == _LINE_FEED)
        outside = (np.searchsorted(quotes, lines) + inside) % 2 == 0
        ends.append(lines[outside] + (offset + 1))
        inside = (inside + len(quotes)) % 2
        offset += len(chunk)
    if inside:
        raise CxrError(f"{path}: ends within quotes; the file is not whole")
    found = np.concatenate(ends)
    if not len(found) or found[-1] != size:
        found = np.append(found, size)
    lengths = np.diff(found)
    # A line of a line feed alone, or of a carriage return and a line feed, may be empty.
    short = np.flatnonzero(lengths <= 2)
    if len(short):
        with path.open("rb") as stream:
            empty = [each for each in short if _read(stream, found[each], found[each + 1]).strip() == b""]
        keep = np.ones(len(found), bool)
        keep[empty] = False
        return found[keep]
    return found


class CsvRows:
    """A CSV file whose rows are read by their place; several threads may use it.

    Parameters
    ----------
    path
        The file.
    starts
        Offsets of the rows and of the end, from :func:`row_starts`.
    separator
        Character between cells.
    """

    def __init__(self, path: Path, starts: np.ndarray, separator: str = ",") -> None:
        self.path, self._starts, self._separator = path, starts, separator
        self._stream = path.open("rb", buffering=0)
        self.header_line = self._bytes(0, int(starts[0]) if len(starts) else 0)
        self.header = self._cells(self.header_line.removeprefix(_BOM))

    def __len__(self) -> int:
        return max(len(self._starts) - 1, 0)

    def line(self, row: int) -> bytes:
        """Return the bytes of one row, with its line end."""
        return self._bytes(int(self._starts[row]), int(self._starts[row + 1]))

    def row(self, row: int) -> dict[str, str]:
        """Return the cells of one row by column.

        Raises
        ------
        CxrError
            If the row does not have as many cells as the header names.
        """
        cells = self._cells(self.line(row))
        if len(cells) != len(self.header):
            raise CxrError(
                f"{self.path.name}: row {row + 1} has {len(cells)} cells; expected {len(self.header)} as in the header"
            )
        return dict(zip(self.header, cells, strict=True))

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _cells(self, line: bytes) -> list[str]:
        stream = io.StringIO(line.decode("utf-8", "replace"), newline="")
        return next(csv.reader(stream, delimiter=self._separator), [])

    def _bytes(self, start: int, stop: int) -> bytes:
        # The position is an argument, so that threads do not disturb one another.
        found = os.pread(self._stream.fileno(), stop - start, start)
        if len(found) != stop - start:
            raise CxrError(f"{self.path.name}: ends before byte {stop}; the file was changed")
        return found


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def _read(stream: io.BufferedReader, start: int, stop: int) -> bytes:
    stream.seek(start)
    return stream.read(stop - start)
