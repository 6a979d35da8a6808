"""Marks of pictures that commands write, so that a later run over the same folder does not take them for radiographs.

A folder of masks or overlays may lie inside the folder of the radiographs, and may even be the same folder. The hidden
file :data:`MARKER` in it holds one line for each picture that was written there: its kind (``mask`` or ``overlay``), a
blank, and its name in printable form.
"""

import os
from collections.abc import Collection
from pathlib import Path
from typing import TextIO

from cxrfactory.tables.file_names import name_on_disk, printable_name

MARKER = ".cxrfactory-outputs"
_FIRST_LINE = "# Files in this folder that cxrfactory wrote; commands that list the folder leave them aside.\n"


class OutputMarks:
    """The marks of one folder; a name is written before its file, so that an interrupted run leaves no unmarked file.

    Parameters
    ----------
    folder
        Folder of the pictures; it is created with the first mark.
    kind
        What the pictures are: ``mask`` or ``overlay``.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder, self._kind = folder, kind
        self._known: set[str] = set()
        self._stream: TextIO | None = None

    def add(self, name: str) -> None:
        """Mark a file of the folder by its name."""
        if self._stream is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._known = set(outputs_in(self._folder))
            new = not (self._folder / MARKER).exists()
            self._stream = (self._folder / MARKER).open("a", encoding="utf-8", newline="\n", buffering=1)
            if new:
                self._stream.write(_FIRST_LINE)
        if name not in self._known:
            self._known.add(name)
            self._stream.write(f"{self._kind} {printable_name(name)}\n")

    def close(self) -> None:
        """Close the file of marks."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def outputs_in(folder: str | Path, but: Collection[str] = ()) -> frozenset[str]:
    """Return the names of the files in a folder that are marked as outputs, without outputs of the kinds ``but``."""
    try:
        with open(os.path.join(folder, MARKER), encoding="utf-8", errors="replace") as stream:
            lines = stream.read().split("\n")
    except OSError:
        return frozenset()
    marks = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    return frozenset(name_on_disk(name) for kind, _, name in marks if kind not in but)
