"""Files of reports in a folder, a zip or a tar archive: read in place, never unpacked."""

import gzip
import io
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.logs import progress

LARGEST_BYTES = 1 << 20  # a report is some kilobytes; anything beyond a mebibyte is none
LARGEST_HEADER_BYTES = 1 << 24  # of a tar archive: names and their like, which are read whole

Read = Callable[[], bytes]

_DAMAGED = (tarfile.TarError, zlib.error, EOFError, OSError)


class _Bounded(io.RawIOBase):
    """A stream that never gives much at once: a tar header that claims gigabytes would be read into memory."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= LARGEST_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of more than {LARGEST_HEADER_BYTES} bytes")
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()


def report_files(source: Path, suffix: str, follow_links: bool = False) -> Iterator[tuple[str, Read]]:
    """Iterate the files of a source that end in ``suffix``.

    Parameters
    ----------
    source
        A folder (with all its subfolders), ``.zip``, ``.tar``, ``.tar.gz`` or ``.tgz``.
    suffix
        Ending of the names, lower case, with its dot.
    follow_links
        Let links in a folder lead out of it; else what they lead to cannot be read.

    Yields
    ------
    tuple of str and callable
        Path within the source, with ``/`` and with unprintable signs escaped, and a function that reads the file; it
        must be called before the next file is asked for, and raises ``ImageError`` where the file is too large or
        damaged. The order is that of the names, but for tar archives that of the archive.

    Raises
    ------
    CxrError
        If the source is missing, is of no such kind, is damaged, or holds no such file.
    """
    if source.is_dir():
        files = _in_folder(source, suffix, follow_links)
    elif not source.is_file():
        raise CxrError(f"{source}: no such file or folder; expected reports: a folder, .zip, .tar.gz or .tgz")
    elif zipfile.is_zipfile(source):
        files = _in_zip(source, suffix)
    elif _is_tar(source):
        files = _in_tar(source, suffix)
    else:
        raise CxrError(f"{source}: not a zip or tar archive that can be read; expected a folder, .zip, .tar.gz or .tgz")
    empty = True
    for name, read in progress(files, f"reports of {source.name}"):
        empty = False
        yield "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in name), read
    if empty:
        raise CxrError(f"{source}: no file named *{suffix} in it; check the source and its layout")


def _is_tar(source: Path) -> bool:
    try:
        with _open_tar(source):
            return True
    except tarfile.TarError:
        return False
    except _DAMAGED as error:  # a compressed file that ends within the first header
        raise _damaged(source) from error


@contextmanager
def _open_tar(source: Path) -> Iterator[tarfile.TarFile]:
    with source.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with (
        gzip.open(source) if packed else source.open("rb") as stream,
        tarfile.open(fileobj=_Bounded(stream), mode="r:") as archive,
    ):
        yield archive


def _wanted(name: str, suffix: str) -> bool:
    # Archives made on macOS carry a shadow file beside each file.
    return name.lower().endswith(suffix) and not PurePosixPath(name).name.startswith("._")


def _in_folder(folder: Path, suffix: str, follow_links: bool) -> Iterator[tuple[str, Read]]:
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    for name in sorted(name for name in paths if _wanted(name, suffix)):

        def read(path: Path = paths[name]) -> bytes:
            if not follow_links and not path.resolve().is_relative_to(folder.resolve()):
                raise ImageError("link that leads out of the folder; set follow_links where that is meant")
            try:
                with path.open("rb") as stream:
                    return _whole(stream)
            except OSError as error:
                raise ImageError(f"file cannot be read ({error.strerror})") from error

        yield name, read


def _in_zip(source: Path, suffix: str) -> Iterator[tuple[str, Read]]:
    with zipfile.ZipFile(source) as archive:
        for name in sorted({name for name in archive.namelist() if _wanted(name, suffix)}):

            def read(name: str = name) -> bytes:
                try:
                    with archive.open(name) as stream:
                        return _whole(stream)
                # RuntimeError: the member is encrypted.
                except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
                    raise ImageError("file is damaged in the archive, or encrypted") from error

            yield name, read


def _in_tar(source: Path, suffix: str) -> Iterator[tuple[str, Read]]:
    try:
        with _open_tar(source) as archive:
            for member in archive:
                if member.isfile() and _wanted(member.name, suffix):
                    yield member.name, partial(_read_member, source, archive, member)
    except _DAMAGED as error:
        raise _damaged(source) from error


def _read_member(source: Path, archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    try:
        stream = archive.extractfile(member)
        if stream is None:  # tarfile's promise for regular files; a link would give none
            raise ImageError("not a regular file in the archive")
        return _whole(stream)
    except _DAMAGED as error:  # a compressed stream cannot be taken up again after the damage
        raise _damaged(source) from error


def _damaged(source: Path) -> CxrError:
    return CxrError(f"{source}: the archive is cut off or damaged; fetch it again")


def _whole(stream: IO[bytes]) -> bytes:
    data = stream.read(LARGEST_BYTES + 1)
    if len(data) > LARGEST_BYTES:
        raise ImageError(f"file is larger than {LARGEST_BYTES} bytes; expected one report")
    if not data.strip():
        raise ImageError("file is empty")
    return data
