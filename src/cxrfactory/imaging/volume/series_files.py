"""The files of a CT series: which are DICOM, which are there by name only, and what else stands beside them.

Messages count files and tell their positions by name. They never quote a name, because exports often name files after
patients.
"""

import gzip
import io
import os
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom

from cxrfactory.errors import ImageError
from cxrfactory.imaging.dicom_object import LARGEST_INFLATED, read_object
from cxrfactory.tables.file_kinds import looks_like_dicom

LARGEST_LISTING = 200_000  # entries of one series' folder; the longest series have a few thousand slices

_HEAD_BYTES = 132
_GZIP = b"\x1f\x8b"
_SLICE_SUFFIXES = (".dcm", ".dicom", ".dic", ".ima")
# An empty file or a dangling link called like this is no slice that is missing.
_OTHER_SUFFIXES = (
    *(".txt", ".md", ".json", ".xml", ".csv", ".tsv", ".yaml", ".yml", ".log", ".html", ".pdf", ".db", ".ini", ".inf"),
    *(".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".nii", ".gz", ".zip", ".tar", ".nrrd", ".mha", ".mhd"),
    *(".raw", ".lock", ".tmp", ".part", ".py", ".sh", ".sha256", ".md5"),
)
_OTHER_WORDS = ("README", "LICENSE", "LICENCE", "CHANGES", "VERSION", "DONE", "SUCCESS", "_SUCCESS", "AUTORUN", "INDEX")
# What copying programs add to the name of a file that they have not finished; rsync hides it and adds six letters.
_UNFINISHED = re.compile(r"\.(part|partial|crdownload|filepart|tmp|download)$", re.IGNORECASE)
_UNFINISHED_HIDDEN = re.compile(r"^\.(.+)\.[A-Za-z0-9]{6}$")


@dataclass(frozen=True)
class SeriesFile:
    """A DICOM file of a folder.

    Attributes
    ----------
    path
        The file.
    called
        Name of the file in messages: its position in the order of the names.
    packed
        Whether gzip is around the DICOM object.
    """

    path: Path
    called: str
    packed: bool

    def read(self, **options: Any) -> pydicom.Dataset:
        """Read the object with options of ``dcmread``; raise an error of ``DECODING_ERRORS`` if that is impossible."""
        if not self.packed:
            return read_object(self.path, **options)
        with gzip.open(self.path) as file:
            data = file.read(LARGEST_INFLATED + 1)
        if len(data) > LARGEST_INFLATED:
            raise ImageError(f"{self.called}: inflates to more than {LARGEST_INFLATED >> 20} MiB; expected one slice")
        return pydicom.dcmread(io.BytesIO(data), force=True, **options)


@dataclass(frozen=True)
class SeriesFiles:
    """The DICOM files of a folder and of those below it, sorted by name, and counts of everything else by reason."""

    files: list[SeriesFile]
    aside: Counter[str]


def list_series(folder: Path) -> SeriesFiles:
    """List a folder and the folders below it; linked folders are not entered.

    A file counts as a slice that is missing if it is empty, a dangling link or no DICOM, and its name is that of a
    slice.

    Raises
    ------
    ImageError
        If a file cannot be read, a slice is there by name only, or the folder has too many entries.
    """
    aside: Counter[str] = Counter()
    kinds: dict[Path, str] = {}
    for path in _entries(folder, aside):
        try:
            kinds[path] = _kind(path)
        except OSError as error:
            number = len(kinds) + 1
            raise ImageError(
                f"{folder.name}: file {number} in the order of folders and names cannot be read ({error.strerror}); "
                "give the right to read it, or copy it again"
            ) from error
        if len(kinds) > LARGEST_LISTING:
            raise ImageError(f"{folder.name}: more than {LARGEST_LISTING} files; expected one CT series")
    shapes = {_shape(path.name) for path, kind in kinds.items() if kind in ("dicom", "packed")}
    here = {path.name for path, kind in kinds.items() if kind in ("dicom", "packed")}
    missing = [path for path, kind in kinds.items() if _is_missing(path, kind, shapes, here)]
    series = sorted({path for path, kind in kinds.items() if kind in ("dicom", "packed")} | set(missing))
    if missing:
        raise ImageError(f"{folder.name}: {_told([kinds[path] for path in missing], missing, series)}")
    aside.update(kind for kind in kinds.values() if kind not in ("dicom", "packed"))
    called = (f"{folder.name}: DICOM file {number} of {len(series)} by name" for number in range(1, len(series) + 1))
    files = [SeriesFile(path, name, kinds[path] == "packed") for path, name in zip(series, called, strict=True)]
    return SeriesFiles(files, aside)


def _entries(folder: Path, aside: Counter[str]) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise ImageError(
            f"{folder.name}: a folder in it, or itself, cannot be read ({error.strerror}); give the right to read it, "
            "or take it out"
        ) from error

    for place, folders, names in os.walk(folder, onerror=refuse):
        hidden = [name for name in folders if name.startswith(".")]
        linked = [name for name in folders if name not in hidden and os.path.islink(os.path.join(place, name))]
        aside.update({"hidden folders": len(hidden), "linked folders": len(linked)})
        folders[:] = sorted(set(folders) - set(hidden) - set(linked))
        yield from (Path(place, name) for name in sorted(names))


def _kind(path: Path) -> str:
    """Return ``dicom``, ``packed`` (DICOM within gzip), or the reason why a file is neither."""
    if path.name.startswith("."):
        return "hidden files"
    if path.is_symlink() and not path.exists():
        return "dangling links"
    if not path.is_file():
        return "no regular files"
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD_BYTES)
        if head.startswith(_GZIP):
            with gzip.open(path) as file:
                return "packed" if looks_like_dicom(file.read(_HEAD_BYTES)) else "other files"
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return "other files"
    if not head:
        return "empty files"
    return "dicom" if looks_like_dicom(head) else "other files"


def _is_missing(path: Path, kind: str, shapes: set[str], here: set[str]) -> bool:
    """Return whether a file that is no DICOM has the name of a slice; ``here`` holds the names of the DICOM files."""
    hidden = _UNFINISHED_HIDDEN.match(path.name)
    finished = hidden[1] if hidden else _UNFINISHED.sub("", path.name)
    if finished != path.name and _shape(finished) in shapes and kind not in ("dicom", "packed"):
        return finished not in here
    if kind not in ("empty files", "dangling links", "other files"):
        return False
    if _shape(path.name) in shapes or path.name.lower().removesuffix(".gz").endswith(_SLICE_SUFFIXES):
        return True
    known = path.suffix.lower() in _OTHER_SUFFIXES or path.stem.upper() in _OTHER_WORDS
    return kind != "other files" and not known and _like_slices(path.name, here)


def _like_slices(name: str, here: set[str]) -> bool:
    """Return whether a name of another shape than those of the slices may still be a slice's.

    It is not if the slices are numbered and it is not (``LOCKFILE``), or if its suffix is none of theirs.
    """
    if not re.search(r"\d", name) and all(re.search(r"\d", other) for other in here):
        return False
    suffix = _letters_suffix(name)
    return not suffix or suffix in {_letters_suffix(other) for other in here}


def _letters_suffix(name: str) -> str:
    """Return the suffix in lower case; none where it holds digits, as in names that are identifiers."""
    suffix = Path(name).suffix.lower()
    return suffix if suffix[1:].isalpha() else ""


def _shape(name: str) -> str:
    """Return the name without what counts: digits, and the long hexadecimal words of identifiers."""
    return re.sub(r"\d+", "0", re.sub(r"[0-9a-f]{8,}", "0", name.lower()))


def _told(kinds: list[str], missing: list[Path], series: list[Path]) -> str:
    words = {"empty files": "empty", "dangling links": "a link to nothing", "other files": "cut or no DICOM"}
    kinds = [kind if kind in words else "other files" for kind in kinds]
    counts = ", ".join(f"{count} {words[kind]}" for kind, count in sorted(Counter(kinds).items()))
    places = [series.index(path) + 1 for path in missing]
    return (
        f"{len(missing)} of {len(series)} files are there by name only ({counts}): file {_ranges(places)} by name; "
        "without them steps are uneven or ends are missing, so copy the series again"
    )


def _ranges(numbers: list[int]) -> str:
    """Return sorted numbers as text such as ``3, 19 to 24``, at most five ranges."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    shown = [f"{first}" if first == last else f"{first} to {last}" for first, last in ranges[:5]]
    return ", ".join(shown) + (", ..." if len(ranges) > 5 else "")
