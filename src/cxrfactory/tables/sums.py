"""Tables of SHA-256 checksums in the format of ``sha256sum``."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from cxrfactory.errors import CxrError
from cxrfactory.logs import progress
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.weights import sha256_of

SUMS = "SHA256SUMS"  # file name of a table in the folder whose files it lists
PRODUCT_SUMS = "product.sha256"  # file name of the table of a release's product files, among its accounts


def write_sums(
    path: str | Path, root: str | Path, files: Iterable[Path], known: Mapping[str, str] | None = None
) -> int:
    """Compute the checksums of files and write them, sorted by file name; return the number of files.

    Parameters
    ----------
    path
        Table to write.
    root
        Folder to which the file names are relative.
    files
        Files below ``root``.
    known
        Expected checksums by file name; files that are not listed are not checked.

    Raises
    ------
    CxrError
        If the checksum of a file differs from the expected one.
    """
    named = {Path(os.path.relpath(file, root)).as_posix(): file for file in files}
    lines = []
    for name in progress(sorted(named), f"checksums of {root}"):
        digest = sha256_of(named[name])
        if known is not None and known.get(name, digest) != digest:
            raise damaged(named[name], "the one that it had when its release was packed")
        lines.append(f"{digest}  {name}\n")
    write_text(path, "".join(lines))
    return len(lines)


def read_sums(path: str | Path) -> dict[str, str]:
    """Return the checksums of a table by file name.

    Raises
    ------
    CxrError
        If the table is missing, or a line is not a checksum with a file name.
    """
    path = Path(path)
    if not path.is_file():
        raise CxrError(f"{path}: no such file; run the stage that makes it first")
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name:
            raise CxrError(f"{path}: line {number} is no checksum and file name; delete its folder and run again")
        found[name] = digest
    return found


def check_sums(path: str | Path, root: str | Path | None = None) -> int:
    """Check all files that a table lists, and return their number.

    Parameters
    ----------
    path
        Table of checksums.
    root
        Folder to which the file names are relative; the table's own folder if it is not given.

    Raises
    ------
    CxrError
        If the table cannot be read, or a file is missing or has another checksum.
    """
    root = Path(path).parent if root is None else Path(root)
    known = read_sums(path)
    for name, digest in progress(known.items(), f"checksums of {root}", len(known)):
        file = root / name
        if not file.is_file():
            raise CxrError(f"{file}: no such file, but {path} names it; delete its folder and run again")
        if sha256_of(file) != digest:
            raise damaged(file, f"the one in {path}")
    return len(known)


def damaged(file: str | Path, expected: str) -> CxrError:
    """Return the error for a file with a wrong checksum."""
    return CxrError(
        f"{file}: damaged: its SHA-256 is not {expected}; delete its folder and run the workflow again: its rule "
        "makes it anew"
    )
