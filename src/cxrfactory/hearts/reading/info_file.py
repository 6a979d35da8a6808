"""End-diastole and end-systole by the file ``Info.cfg`` that ACDC has beside its images."""

import codecs
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrfactory.errors import ImageError

_NAME, _LARGEST_BYTES = "Info.cfg", 1 << 16
_LINE = re.compile(r"(?:^|(?<=[\r\n]))[ \t]*(ed|es)[ \t]*[:=][ \t]*(\d{1,6})(?:\.0*)?[ \t]*(?=[#;\r\n]|$)")


@dataclass(frozen=True)
class InfoFile:
    """Numbers of the images at end-diastole and end-systole, from 1; None where no file states them."""

    ed: int | None = None
    es: int | None = None
    notes: tuple[str, ...] = ()


def read_info(folders: Sequence[Path]) -> InfoFile:
    """Read the first ``Info.cfg`` of some folders: lines such as ``ED: 1``, in any case, with ``:`` or ``=``.

    The file may be UTF-8 or UTF-16, with or without a byte order mark, and end its lines as any system does.
    """
    path = next((path for folder in folders for path in _named_so(folder)), None)
    if path is None:
        return InfoFile()
    with path.open("rb") as file:
        text = _decoded(file.read(_LARGEST_BYTES))
    stated = dict(match.groups() for match in re.finditer(_LINE, text.lower()))
    lacking = [word for word in ("ED", "ES") if word.lower() not in stated]
    notes = (f"{_NAME} has no line such as '{lacking[0]}: 1'",) if lacking else ()
    ed, es = (int(stated[word]) if word in stated else None for word in ("ed", "es"))
    return InfoFile(ed, es, notes)


def _named_so(folder: Path) -> list[Path]:
    names = sorted(os.listdir(folder)) if folder.is_dir() else []
    return [folder / name for name in names if name.lower() == _NAME.lower() and (folder / name).is_file()]


def _decoded(data: bytes) -> str:
    """Return the text of a file; without a byte order mark, zeros at odd or even places tell UTF-16."""
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return data.decode("utf-16", errors="replace")
    if data[1::2].count(0) > len(data) // 4:
        return data.decode("utf-16-le", errors="replace")
    if data[::2].count(0) > len(data) // 4:
        return data.decode("utf-16-be", errors="replace")
    return data.decode("utf-8-sig", errors="replace")


def stated_times(info: InfoFile, times: Sequence[str], many: int, name: str) -> tuple[int | None, int | None]:
    """Return the indices of end-diastole and end-systole by the names of the files, or else by ``Info.cfg``.

    Parameters
    ----------
    info
        What ``Info.cfg`` says.
    times
        Names of the times (``ED``, ``ES``, or numbers of frames) where each comes from a file of its own.
    many
        Number of times.
    name
        Name of the case, for messages.

    Raises
    ------
    ImageError
        If a number is not that of an image of a file of all times.
    """
    if {"ED", "ES"} & set(times):
        return tuple(times.index(word) if word in times else None for word in ("ED", "ES"))  # type: ignore[return-value]
    found: list[int | None] = []
    for word, number in (("ED", info.ed), ("ES", info.es)):
        if times or number is None:
            found.append(next((i for i, time in enumerate(times) if time.isdigit() and int(time) == number), None))
            continue
        if not 1 <= number <= many:
            raise ImageError(f"{name}: {_NAME} says '{word}: {number}'; expected 1 to {many}, the number of an image")
        found.append(number - 1)
    return found[0], found[1]
