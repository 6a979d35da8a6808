"""The separator of a CSV, and its plain bytes: tables come with commas, semicolons or tabs, plain or gzipped."""

import gzip
import re
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path

from cxrfactory.errors import CxrError

_SEPARATORS = (",", ";", "\t")
_LONGEST_HEADER = 1 << 20  # bytes
_GZIP = b"\x1f\x8b"


def separator_of(path: str | Path) -> str:
    """Return the separator that occurs most often in the first line, outside quotes.

    Raises
    ------
    CxrError
        If the file cannot be read.
    """
    path = Path(path)
    try:
        with gzip.open(path) if is_gzip(path) else path.open("rb") as stream:
            line = stream.readline(_LONGEST_HEADER).decode("utf-8", "replace")
    except (OSError, EOFError, zlib.error) as error:
        raise CxrError(f"{path}: not readable as CSV ({' '.join(str(error).split())})") from error
    return commonest_separator(line, _SEPARATORS)


def commonest_separator(line: str, separators: Sequence[str]) -> str:
    """Return the separator that occurs most often in a line, outside quotes; the first of several."""
    return max(separators, key=re.sub(r'"[^"]*"', "", line).count)


def resaved_separator(header: str) -> str:
    """Return the separator of a table that was published with commas: another one only if its header has no comma."""
    return "," if "," in header else commonest_separator(header, _SEPARATORS)


def is_gzip(path: Path) -> bool:
    """Return whether a file begins as gzip files do."""
    with path.open("rb") as stream:
        return stream.read(2) == _GZIP


def unpacked(path: Path, folder: Path) -> Path:
    """Unpack a gzip file into a folder, so that its rows can be read by their place.

    Raises
    ------
    CxrError
        If the file is damaged, or there is no room.
    """
    place = folder / path.name.removesuffix(".gz")
    try:
        with gzip.open(path) as stream, place.open("wb") as plain:
            shutil.copyfileobj(stream, plain, 1 << 24)
    except (OSError, EOFError, zlib.error) as error:
        raise CxrError(f"{path}: cannot be unpacked into {folder} ({' '.join(str(error).split())})") from error
    return place
