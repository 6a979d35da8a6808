"""End-diastole and end-systole by the file ``Info.cfg`` that ACDC has beside its images."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrfactory.errors import ImageError

_NAME, _LARGEST_BYTES = "Info.cfg", 1 << 16


@dataclass(frozen=True)
class InfoFile:
    """Numbers of the images at end-diastole and end-systole, from 1; None where no file states them."""

    ed: int | None = None
    es: int | None = None
    notes: tuple[str, ...] = ()


def read_info(folders: Sequence[Path]) -> InfoFile:
    """Read the first ``Info.cfg`` of some folders."""
    path = next((folder / _NAME for folder in folders if (folder / _NAME).is_file()), None)
    if path is None:
        return InfoFile()
    with path.open("rb") as file:
        text = file.read(_LARGEST_BYTES).decode("utf-8-sig", errors="replace")
    ed, es = (re.search(rf"^{word}:\s*(\d{{1,6}})\s*$", text, re.MULTILINE) for word in ("ED", "ES"))
    lacking = [word for word, found in (("ED", ed), ("ES", es)) if not found]
    notes = (f"{_NAME} has no line such as '{lacking[0]}: 1'",) if lacking else ()
    return InfoFile(ed and int(ed[1]), es and int(es[1]), notes)


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
