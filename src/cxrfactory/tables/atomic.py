"""Atomic writing of files: a file is written under a temporary name in the same folder and then renamed.

After a crash of the program, a renamed file is complete. After a power cut, it is complete only if its content reached
the disk before its name did. Therefore files are flushed (fsync) before they are renamed, which takes a few
milliseconds each. A job that writes many small files writes them with ``durable=False`` and flushes them together at
its end (:func:`flush`).
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

    The temporary name keeps the suffix, because writers choose their format by it. Missing parent folders are created.

    Parameters
    ----------
    path
        File to write.
    durable
        Whether to flush content and name to the disk before returning, so that a power cut cannot leave an empty file.
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
        temporary.chmod(0o666 & ~umask)  # mkstemp creates private files, but outputs follow the user's umask
        if durable:
            _flush(temporary)
        os.replace(temporary, path)
        if durable:
            _flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def flush() -> None:
    """Flush all files that were written with ``durable=False`` to the disk; one call serves many files."""
    os.sync()


@contextmanager
def text_file(path: str | Path) -> Iterator[TextIO]:
    """Open a UTF-8 text file for atomic writing; line ends are written unchanged."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as stream:
        yield stream


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text with Unix line ends atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_bytes(path: str | Path, data: bytes, durable: bool = True) -> None:
    """Write bytes atomically; :func:`atomic_path` explains ``durable``."""
    with atomic_path(path, durable) as temporary:
        temporary.write_bytes(data)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        # Some network file systems do not support fsync of a folder; an error of a file is still raised.
        if not path.is_dir():
            raise
    finally:
        os.close(handle)
