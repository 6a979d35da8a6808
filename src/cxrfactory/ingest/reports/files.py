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
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.logs import get_logger, progress
from cxrfactory.tables.file_names import path_on_disk, printable_name
from cxrfactory.tables.listing import REASONS, list_folder

LARGEST_BYTES = 1 << 16  # a report has a few kilobytes; parsing 64 KiB takes about one second
_LARGEST_PADDING_BYTES = 1 << 24  # limit after the last member of a tar archive; writers add only some kilobytes
LARGEST_HEADER_BYTES = 1 << 24  # limit for a tar header, e.g. a long name, which is read into memory at once

_OTHERS = "files of other names"

Read = Callable[[], bytes]
# A report with the function that reads it, or the words to count another entry by and None.
Listed = tuple[str, Read | None]

log = get_logger(__name__)

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
        Path within the source, with ``/`` as separator and in printable form
        (:func:`cxrfactory.tables.file_names.printable_name`), and a function that reads the file. The function must be
        called before the iteration continues. It raises ``ImageError`` if the file is too large, empty or damaged.
        Files of a tar archive come in the order of the archive, others in the order of their names. Entries of a folder
        that may hold reports and cannot be entered, such as a link that leads out of it, are yielded too, and their
        functions raise the reason. All other entries are counted in the log.

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
    empty, others = True, Counter[str]()
    for name, read in progress(files, "reports"):
        if read is None:
            others[name] += 1
            continue
        empty = False
        yield name, read
    left = ", ".join(f"{number} {words}" for words, number in sorted(others.items()))
    if empty:
        there = f" (left aside: {left})" if left else ""
        raise CxrError(f"{source}: no file named *{suffix} in it{there}; check the source and its layout")
    if left:
        log.info("reports: left aside %d entries: %s", sum(others.values()), left)


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


def _in_folder(folder: Path, suffix: str, follow_links: bool) -> Iterator[Listed]:
    listing = list_folder(folder, follow="all" if follow_links else "inside", any_name=True)
    paths: dict[str, Path] = {each.relative: each.path for each in listing.files}
    faults: dict[str, str] = {}
    for each in listing.aside:
        path = path_on_disk(folder, each.relative)
        if each.reason == "twin":  # a link within the folder may give the report of another study
            paths[each.relative] = path
        elif each.named and (_wanted(each.relative, suffix) or not path.suffix or path.is_dir()):
            faults[each.relative] = each.text
        else:
            yield REASONS[each.reason].many, None
    for name in sorted(paths.keys() | faults.keys()):
        if name in faults:
            yield name, partial(_refuse, faults[name])
        elif _wanted(name, suffix):
            yield name, partial(_read_file, paths[name])
        else:
            yield _OTHERS, None


def _refuse(reason: str) -> bytes:
    raise ImageError(reason)


def _read_file(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ImageError("not a regular file")
        with path.open("rb") as stream:
            return _whole(stream)
    except OSError as error:
        raise ImageError(f"file cannot be read ({error.strerror})") from error


def _in_zip(source: Path, suffix: str) -> Iterator[Listed]:
    try:
        archive = zipfile.ZipFile(source)
    except _DAMAGED_ZIP as error:
        raise _damaged(source) from error
    with archive:
        # The list contains members instead of names, so that two members of the same name are both read.
        members = [member for member in archive.infolist() if not member.is_dir()]
        for member in sorted(members, key=lambda member: (member.filename, member.header_offset)):
            if not _wanted(member.filename, suffix):
                yield _OTHERS, None
                continue

            def read(member: zipfile.ZipInfo = member) -> bytes:
                try:
                    with archive.open(member) as stream:
                        return _whole(stream)
                except _DAMAGED_ZIP as error:
                    raise ImageError("file is damaged in the archive, or encrypted") from error

            yield printable_name(member.filename), read


def _in_tar(source: Path, suffix: str) -> Iterator[Listed]:
    try:
        with _open_tar(source) as archive:
            for member in archive:
                if member.isdir():
                    continue
                if _wanted(member.name, suffix):
                    yield printable_name(member.name), partial(_read_member, source, archive, member)
                else:
                    yield _OTHERS, None
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
