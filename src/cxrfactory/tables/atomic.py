"""Write whole files or none: to a temporary name in the same folder, then rename.

A renamed file is whole after a crash of the program. After a power cut it is only if its content reached the disk
before its name did, so files are flushed (fsync) before they are renamed: some milliseconds each. Where one job
writes many small files, they are written with ``durable=False`` and flushed together at its end (:func:`flush`).
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def atomic_path(path: str | Path, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` on success, remove it on failure.

    The temporary name keeps the suffix, because writers choose their format by it. Missing parent
    folders are made.

    Parameters
    ----------
    path
        What is to appear.
    durable
        Whether content and name are on the disk when this returns, so that a power cut cannot leave an empty file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=f".tmp{path.suffix}", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp makes private files; outputs follow the user's umask
        if durable:
            _flush(temporary)
        os.replace(temporary, path)
        if durable:
            _flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def flush() -> None:
    """Bring to the disk what was written without ``durable``; one call for a folder of many files."""
    os.sync()


@contextmanager
def text_file(path: str | Path) -> Iterator[TextIO]:
    """Open a UTF-8 text file that appears when it is complete; lines end as they are written."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as stream:
        yield stream


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text with Unix line ends, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_bytes(path: str | Path, data: bytes, durable: bool = True) -> None:
    """Write bytes, atomically; ``durable`` as in :func:`atomic_path`."""
    with atomic_path(path, durable) as temporary:
        temporary.write_bytes(data)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        # Some network file systems know no fsync of a folder; the file's own fault is not passed over.
        if not path.is_dir():
            raise
    finally:
        os.close(handle)
