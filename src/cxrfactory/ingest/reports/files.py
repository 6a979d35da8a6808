"""Read report files in a folder, a zip archive or a tar archive without unpacking it."""

import gzip
import io
import lzma
import os
import stat
import struct
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

LARGEST_BYTES = 1 << 16  # a report has a few kilobytes; parsing 64 KiB takes about one second
_LARGEST_PADDING_BYTES = 1 << 24  # limit after the last member of a tar archive; writers add only some kilobytes
LARGEST_HEADER_BYTES = 1 << 24  # limit for a tar header, e.g. a long name, which is read into memory at once

Read = Callable[[], bytes]

_DAMAGED = (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, struct.error)
# zipfile raises RuntimeError for an encrypted member.
_DAMAGED_ZIP = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError, RuntimeError, ValueError,
    struct.error,
)  # fmt: skip


class _Bounded(io.RawIOBase):
    """Stream that refuses large reads, because a tar header that claims gigabytes would be read into memory."""

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
    """Iterate over the files of a source whose names end in ``suffix``.

    Parameters
    ----------
    source
        Folder (with all its subfolders), ``.zip``, ``.tar``, ``.tar.gz`` or ``.tgz`` file.
    suffix
        End of the file names in lower case, with its dot.
    follow_links
        Follow links in a folder that lead out of it. Otherwise, the targets of such links cannot be read.

    Yields
    ------
    tuple of str and callable
        Path within the source, with ``/`` as separator and with unprintable characters escaped, and a function that
        reads the file. The function must be called before the iteration continues. It raises ``ImageError`` if the file
        is too large, empty or damaged. Files of a tar archive come in the order of the archive, others in the order of
        their names.

    Raises
    ------
    CxrError
        If the source is missing, has another format, is damaged, or contains no such file.
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
    for name, read in progress(files, "reports"):
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
    except _DAMAGED as error:  # for example a compressed file that ends within the first header
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
    # Archives made on macOS contain an additional file ._<name> for each file.
    return name.lower().endswith(suffix) and not PurePosixPath(name).name.startswith("._")


def _in_folder(folder: Path, suffix: str, follow_links: bool) -> Iterator[tuple[str, Read]]:
    # Entries that are not regular files (a pipe, a broken link) are listed too, so that reading them reports the fault.
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not path.is_dir()}
    for name in sorted(name for name in paths if _wanted(name, suffix)):

        def read(path: Path = paths[name]) -> bytes:
            if not follow_links and not _resolved(path).is_relative_to(folder.resolve()):
                raise ImageError("link that leads out of the folder; set follow_links where that is meant")
            try:
                if not stat.S_ISREG(path.stat().st_mode):
                    raise ImageError("not a regular file")
                with path.open("rb") as stream:
                    return _whole(stream)
            except OSError as error:
                raise ImageError(f"file cannot be read ({error.strerror})") from error

        yield name, read


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except RuntimeError as error:  # Python up to 3.12 raises this error for a link to itself
        raise ImageError("link that leads nowhere") from error


def _in_zip(source: Path, suffix: str) -> Iterator[tuple[str, Read]]:
    try:
        archive = zipfile.ZipFile(source)
    except _DAMAGED_ZIP as error:
        raise _damaged(source) from error
    with archive:
        # The list contains members instead of names, so that two members of the same name are both read.
        members = [member for member in archive.infolist() if _wanted(member.filename, suffix)]
        for member in sorted(members, key=lambda member: (member.filename, member.header_offset)):

            def read(member: zipfile.ZipInfo = member) -> bytes:
                try:
                    with archive.open(member) as stream:
                        return _whole(stream)
                except _DAMAGED_ZIP as error:
                    raise ImageError("file is damaged in the archive, or encrypted") from error

            yield member.filename, read


def _in_tar(source: Path, suffix: str) -> Iterator[tuple[str, Read]]:
    try:
        with _open_tar(source) as archive:
            for member in archive:
                if not member.isdir() and _wanted(member.name, suffix):
                    yield member.name, partial(_read_member, source, archive, member)
            _check_rest(archive, source)
    except _DAMAGED as error:
        raise _damaged(source) from error


def _check_rest(archive: tarfile.TarFile, source: Path) -> None:
    """Read to the end of the archive, because the checksum of a compressed archive is stored there."""
    left = _LARGEST_PADDING_BYTES
    while piece := archive.fileobj.read(1 << 20):  # type: ignore[union-attr]
        left -= len(piece)
        if left < 0:
            raise CxrError(f"{source}: goes on for more than {_LARGEST_PADDING_BYTES} bytes after its last file")


def _read_member(source: Path, archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    try:
        # Links are refused, because they could lead to any other member or out of the archive.
        stream = archive.extractfile(member) if member.isfile() else None
        if stream is None:
            raise ImageError("not a regular file in the archive")
        return _whole(stream)
    except _DAMAGED as error:  # reading of a compressed stream cannot continue after a damaged part
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
