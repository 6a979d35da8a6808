"""The radiographs behind a product's rows: where their files are, and their pixels in 8 bits."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Integer, UInt8

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.products.opened import ReleaseSource
from cxrfactory.products.path_table import PathTable
from cxrfactory.tables.listing import list_folder
from cxrfactory.tables.paths import path_fault, path_inside

UNKNOWN_FOLDER = "the folder of the radiographs is not known; start again with --root NAME=FOLDER or --images FOLDER"
ENDINGS = ("", ".png", ".jpg", ".jpeg", ".dcm", ".dicom", ".tif", ".tiff")


class FilmFolder:
    """A folder of radiographs whose names are the ids of the images, or end with them.

    Parameters
    ----------
    folder
        The folder; files in its subfolders are found by their names too.
    follow_links
        Whether links may lead out of the folder.
    """

    def __init__(self, folder: Path, follow_links: bool = False) -> None:
        self.folder, self._follow = folder, follow_links
        self._by_name: dict[str, list[Path]] | None = None

    def path_of(self, image_id: str) -> Path:
        """Return the file of an image.

        Raises
        ------
        ImageError
            If there is none, or several files have its name.
        """
        if path_fault(image_id) is None:
            for ending in ENDINGS:
                path = self.folder / f"{image_id}{ending}"
                if path.is_file():
                    return path_inside(self.folder, f"{image_id}{ending}", self._follow)
        name = PurePosixPath(image_id).name.lower()
        found = self._names().get(name) or self._names().get(_stem(name)) or []
        if len(found) != 1:
            many = f"{len(found)} files of its name are" if found else "no file of its name is"
            raise ImageError(f"{many} in the folder of images; expected one, such as <image id>.png")
        return found[0]

    def _names(self) -> dict[str, list[Path]]:
        if self._by_name is None:
            listed: dict[str, list[Path]] = {}
            for entry in list_folder(self.folder, "all" if self._follow else "inside").files:
                name = entry.path.name.lower()
                for key in {name, _stem(name)}:
                    listed.setdefault(key, []).append(entry.path)
            self._by_name = listed
        return self._by_name


def _stem(name: str) -> str:
    """Return a lower-case name without the ending of an image file; other dots belong to the name."""
    return next((name[: -len(ending)] for ending in ENDINGS if ending and name.endswith(ending)), name)


@dataclass
class ReleaseFilms:
    """Where the radiographs of one release are.

    Attributes
    ----------
    source
        Folder and manifest of the release, where the run's config names them.
    places
        Place of each image of the product in the manifest, -1 where it lacks it.
    folder
        Folder to look in by image id, where there is no ``source``.
    """

    source: ReleaseSource | None = None
    places: Integer[np.ndarray, "rows"] | None = None
    folder: FilmFolder | None = None

    def __post_init__(self) -> None:
        self._paths = None if self.source is None else PathTable(self.source.manifest)

    @property
    def known(self) -> bool:
        """Whether there is any place to look in."""
        return self.source is not None or self.folder is not None

    def path_of(self, image_id: str, row: int) -> Path:
        """Return the file of an image, the ``row``-th of the release.

        Raises
        ------
        ImageError
            If there is none.
        """
        if self.source is not None and self._paths is not None and self.places is not None and self.places[row] >= 0:
            relative = self._paths[int(self.places[row])]
            return path_inside(self.source.root, relative, self.source.follow_links)
        if self.folder is not None:
            return self.folder.path_of(image_id)
        raise ImageError(UNKNOWN_FOLDER)


def read_film(path: Path, height: int, width: int, exact: bool = True) -> UInt8[np.ndarray, "height width"]:
    """Read a radiograph in 8 bits, as the file stores it.

    Parameters
    ----------
    path
        The file.
    height, width
        Shape of the masks, pixels.
    exact
        Whether the picture must have this shape; else a picture of the same proportions is enough.

    Raises
    ------
    ImageError
        If it cannot be read, or has another shape than the masks.
    """
    from cxrfactory.imaging.radiograph.intensity import to_uint8  # late: the reader imports much
    from cxrfactory.imaging.radiograph.reading import read_radiograph
    from cxrfactory.imaging.radiograph.screening import AS_STORED

    pixels = read_radiograph(path, checks=AS_STORED).pixels
    found = pixels.shape
    alike = abs(found[0] * width - found[1] * height) <= max(width, height)
    if found != (height, width) and (exact or not alike):
        raise ImageError(f"the file has {found[0]} x {found[1]} pixels; its row says {height} x {width}")
    return to_uint8(pixels)


def plain_reason(error: CxrError, hide: Mapping[str, str]) -> str:
    """Return an error's message without paths of this computer.

    Parameters
    ----------
    error
        The error.
    hide
        Path to the word that stands for it.
    """
    text = " ".join(str(error).split())
    for path in sorted(hide, key=len, reverse=True):
        text = text.replace(path, hide[path])
    return text
