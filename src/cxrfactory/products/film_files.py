"""The radiographs behind a product's rows: where their files are, and their pixels in 8 bits."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Integer, UInt8

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.products.opened import ReleaseSource
from cxrfactory.products.path_table import PathTable
from cxrfactory.tables.listing import list_folder
from cxrfactory.tables.paths import path_fault, path_inside

UNKNOWN_FOLDER = "the folder of the radiographs is not known; start again with --root NAME=FOLDER or --images FOLDER"
ENDINGS = ("", ".png", ".jpg", ".jpeg", ".dcm", ".dicom", ".tif", ".tiff")
_EXPECTED = "expected one, such as <image id>.png"


class FilmFolder:
    """A folder of radiographs whose names are the ids of the images, or end with them.

    A file may lack leading folders of an id, or have further ones. It stands for an id only if the folders that both
    have agree, and if no other id of the table could mean it too.

    Parameters
    ----------
    folder
        The folder; files in its subfolders are found by their names too.
    ids
        The ids of all images that may be looked for in the folder, text.
    follow_links
        Whether links may lead out of the folder.
    """

    def __init__(self, folder: Path, ids: pa.Array, follow_links: bool = False) -> None:
        self.folder, self._ids, self._follow = folder, ids, follow_links

    def path_of(self, image_id: str) -> Path:
        """Return the file of an image.

        Raises
        ------
        ImageError
            If there is none, if several files fit, or if the file may be that of another image of the table.
        """
        if path_fault(image_id) is None:
            for ending in ENDINGS:
                path = self.folder / f"{image_id}{ending}"
                if path.is_file():
                    return path_inside(self.folder, f"{image_id}{ending}", self._follow)
        *folders, name = _parts(image_id)
        named = self._files_of.get(name) or self._files_of.get(_stem(name)) or []
        found = [path for path in named if _agree(self._folders(path), folders)]
        if len(found) == 1:
            return self._if_of_no_other(found[0], image_id)
        if found:
            raise ImageError(f"{len(found)} files of its name are in the folder of images; {_EXPECTED}")
        if named:
            raise ImageError(
                f"files of its name in the folder of images: {len(named)}, but none in the folders of the id "
                f"'{image_id}'; {_EXPECTED}"
            )
        raise ImageError(f"no file of its name is in the folder of images; {_EXPECTED}")

    def _if_of_no_other(self, path: Path, image_id: str) -> Path:
        name = path.name.lower()
        spelt = [f"{key}{ending}" for key in {name, _stem(name)} for ending in ENDINGS]
        alike = self._ids.filter(pc.is_in(self._id_names, value_set=pa.array(spelt, self._id_names.type)))
        rivals = alike.filter(pc.match_substring_regex(alike, _with_folders(self._folders(path)), ignore_case=True))
        others = rivals.filter(pc.not_equal(rivals, image_id)).unique()
        if len(others):
            raise ImageError(
                f"a file of its name is in the folder of images, but fits {len(others) + 1} ids of the table, also "
                f"'{pc.min(others).as_py()}'; expected the folders of the id too, such as <image id>.png"
            )
        return path

    def _folders(self, path: Path) -> list[str]:
        return _parts(path.relative_to(self.folder).as_posix())[:-1]

    @cached_property
    def _files_of(self) -> dict[str, list[Path]]:
        """The files by their lower-case names, with and without the ending of an image file."""
        listed: dict[str, list[Path]] = {}
        for entry in list_folder(self.folder, "all" if self._follow else "inside").files:
            name = entry.path.name.lower()
            for key in {name, _stem(name)}:
                listed.setdefault(key, []).append(entry.path)
        return listed

    @cached_property
    def _id_names(self) -> pa.Array:
        """The lower-case names of the ids, without their folders."""
        return pc.replace_substring_regex(pc.utf8_rtrim(pc.utf8_lower(self._ids), characters="/"), r"^.*/", "")


def _with_folders(folders: Sequence[str]) -> str:
    """Return a pattern of the ids whose folders agree with those of a file, as far as both have any (RE2)."""
    before = "(?:.*/)?"
    for folder in folders:
        before = f"(?:{before}{re.escape(folder)}/+)?"
    return f"(?s)^{before}[^/]+/*$"


def _parts(path: str) -> list[str]:
    """Return the folders and the name of a path or id, in lower case; an empty text has an empty name."""
    return list(PurePosixPath(path.lower()).parts) or [""]


def _agree(one: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether the last folders of two paths are the same, as far as both have any."""
    both = min(len(one), len(other))
    return list(one[len(one) - both :]) == list(other[len(other) - both :])


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
