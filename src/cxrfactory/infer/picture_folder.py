"""Folders of pictures that commands write for images: a file of its own for every image, marked as an output."""

import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from cxrfactory.imaging.drawing.png import save_png
from cxrfactory.tables.file_names import file_stem
from cxrfactory.tables.own_outputs import OutputMarks


@contextmanager
def picture_folder(folder: Path | None, kind: str) -> "Iterator[PictureFolder | None]":
    """Open a folder of pictures (:class:`PictureFolder`); without a folder, None is yielded."""
    if folder is None:
        yield None
        return
    pictures = PictureFolder(folder, kind)
    try:
        yield pictures
    finally:
        pictures.close()


class PictureFolder:
    """A folder of PNG files named after image ids.

    Two ids never share a file, also on a file system that takes ``a.png`` and ``A.PNG`` for one name. Every file is
    marked (:mod:`cxrfactory.tables.own_outputs`), so that no later run takes it for a radiograph.

    Parameters
    ----------
    folder
        The folder; it is created with the first picture.
    kind
        What the pictures are, for the marks: ``mask`` or ``overlay``.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder, self._kind = folder, kind
        self._marks = OutputMarks(folder, kind)
        self._names: dict[str, str] = {}  # name without case and composition -> name that was written first

    def save(self, picture: UInt8[np.ndarray, "height width *channels"], image_id: str, organ: str = "") -> Path:
        """Write the picture of an image, or of an organ of it, and return its path."""
        ending = f".{organ}.png" if organ else ".png"
        name = f"{file_stem(image_id)}{ending}"
        first = self._names.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if first != name and self._are_one(first, name):
            name = f"{file_stem(image_id)}~{blake2b(image_id.encode(), digest_size=4).hexdigest()}{ending}"
        self._marks.add(name)
        save_png(picture, self._folder / name)
        return self._folder / name

    def close(self) -> None:
        """Close the file of marks."""
        self._marks.close()

    def _are_one(self, first: str, second: str) -> bool:
        """Return whether the file system takes two names for one; the first file exists."""
        try:
            return os.path.samefile(self._folder / first, self._folder / second)
        except FileNotFoundError:
            return False
