"""Checksums inside a Parquet file for the parts that Parquet itself does not protect.

Parquet has a CRC-32 for the content of each page. It protects neither the footer (schema, number of rows, metadata,
offsets) nor the headers of the pages. Therefore a block of 72 bytes is written between the last page and the footer.
Readers ignore it, because all offsets count from the start of the file::

    pages ... | MARK (8) | SHA-256 of pages (32) | SHA-256 of MARK, that digest and the rest (32) | footer, PAR1

The second digest is checked whenever a file is opened, which requires reading the footer. The first digest requires
reading the whole file; ``python -m cxrfactory status --check`` does this.

Files without the block (from other programs or earlier versions) are read without these checks. A file whose block is
destroyed is still protected by the checksums of its pages.
"""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

MARK = b"CXRSEAL1"
MAGIC = b"PAR1"
_DIGEST = 32
SEAL_BYTES = len(MARK) + 2 * _DIGEST
_CHUNK = 1 << 20


def seal(path: str | Path) -> None:
    """Insert the block of checksums into a complete Parquet file that has none."""
    with open(path, "r+b") as file:
        start, rest = _rest(file)
        pages = _digest_of_pages(file, start)
        file.seek(start)
        file.write(MARK + pages + hashlib.sha256(MARK + pages + rest).digest() + rest)


def fault_of(path: str | Path, pages: bool = False) -> str | None:
    """Return the fault that the block of checksums shows in a Parquet file, or None.

    Parameters
    ----------
    path
        Existing file.
    pages
        Whether to check the pages as well as the footer.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            return "it is empty"
        if size < 3 * len(MAGIC) or file.read(len(MAGIC)) != MAGIC:
            return "it does not begin as a Parquet file does"
        try:
            start, rest = _rest(file)
        except ValueError as error:
            return str(error)
        file.seek(max(start - SEAL_BYTES, 0))
        block = file.read(min(SEAL_BYTES, start))
        if not block.startswith(MARK):
            return None
        digest = block[len(MARK) : len(MARK) + _DIGEST]
        if hashlib.sha256(MARK + digest + rest).digest() != block[len(MARK) + _DIGEST :]:
            return "its footer does not have its checksum"
        if pages and _digest_of_pages(file, start - SEAL_BYTES) != digest:
            return "its pages do not have their checksum"
        return None


def sealed(path: str | Path) -> bool:
    """Return whether a readable Parquet file has the block of checksums."""
    with open(path, "rb") as file:
        start, _ = _rest(file)
        file.seek(max(start - SEAL_BYTES, 0))
        return file.read(len(MARK)) == MARK


def _rest(file: BinaryIO) -> tuple[int, bytes]:
    """Return the offset of the footer and all bytes from there to the end."""
    tail = len(MAGIC) + 4
    file.seek(-tail, os.SEEK_END)
    end = file.tell()
    length, magic = file.read(4), file.read(len(MAGIC))
    start = end - int.from_bytes(length, "little")
    if magic != MAGIC or start < len(MAGIC):
        raise ValueError("its end is missing or is none of a Parquet file")
    file.seek(start)
    return start, file.read()


def _digest_of_pages(file: BinaryIO, end: int) -> bytes:
    """Return the SHA-256 of the first ``end`` bytes."""
    digest, left = hashlib.sha256(), end
    file.seek(0)
    while left:
        chunk = file.read(min(_CHUNK, left))
        if not chunk:
            break
        digest.update(chunk)
        left -= len(chunk)
    return digest.digest()
