"""A finished product, opened for reading: its accounts, its images by id, and one object for each image.

Each product defines in its own module ``reading`` how its files become images: a function ``belongs`` that recognises
the product's folder, and a class ``Opened``. No other module names a product.
"""

import csv
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.masks import draw_masks
from cxrfactory.imaging.drawing.overlay import ORGAN_COLOURS, draw_overlay
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.imaging.radiograph.intensity import to_uint8
from cxrfactory.imaging.turns import USUAL
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.paths import path_inside
from cxrfactory.tables.selected_rows import selected_rows


@dataclass(frozen=True)
class ReleaseAccounts:
    """Counts of the rows of one release.

    Attributes
    ----------
    kept, excluded, rejected
        Rows in the product, rows left out by a rule, and rows that failed during processing.
    """

    kept: int
    excluded: int
    rejected: int

    @property
    def rows(self) -> int:
        """Rows of the release: kept + excluded + rejected, which packing has checked against the manifest."""
        return self.kept + self.excluded + self.rejected


@dataclass(frozen=True)
class ReleaseSource:
    """Location of the radiographs of a release.

    Attributes
    ----------
    root
        The release's folder.
    manifest
        Table of the ingest stage, which holds the path of each image relative to the root.
    follow_links
        Whether links may lead out of the root.
    """

    root: Path
    manifest: Path
    follow_links: bool = False

    def names(self) -> dict[str, str]:
        """Return the path of every image relative to the root, by image id."""
        frame = read_table(self.manifest, columns=["image_id", "path"])
        return dict(zip(frame["image_id"], frame["path"], strict=True))

    def path_of(self, image_id: str) -> Path:
        """Return the path of an image.

        Raises
        ------
        CxrError
            If the manifest does not contain the image.
        """
        for frame in selected_rows(self.manifest, [image_id], ["path"]):
            return path_inside(self.root, frame["path"].iloc[0], self.follow_links)
        raise CxrError(f"{self.manifest}: no image '{image_id}'; the manifest and the product are of different runs")


@dataclass(frozen=True)
class Structure:
    """An organ or structure that the masks of a product may show.

    Attributes
    ----------
    number
        Number from 1, which is the same in every export of the product.
    name
        Name of its masks.
    group
        Name of the group that it belongs to, such as an organ system.
    """

    number: int
    name: str
    group: str


@dataclass(frozen=True)
class ProductImage(ABC):
    """One image of a product.

    Attributes
    ----------
    image_id
        Image id of the release.
    release
        Name of the release in the product's files.
    height, width
        Shape of the masks, pixels.
    scores
        Quality scores by column name; empty for products without scores.
    facts
        Other columns of the image's row.

    Examples
    --------
    >>> row = cxr.open_product(results)["a"]
    >>> row.height, row.width, row.masks["heart"].shape
    (128, 96, (128, 96))
    >>> row.image().shape, row.overlay().shape
    ((128, 96), (128, 96, 3))
    """

    image_id: str
    release: str
    height: int
    width: int
    scores: Mapping[str, float | None]
    facts: Mapping[str, object] = field(repr=False)

    @property
    @abstractmethod
    def masks(self) -> dict[str, UInt8[np.ndarray, "height width"]]:
        """Mask of each organ or structure: uint8 [row, column], 1 inside and 0 outside."""

    @property
    def rles(self) -> Mapping[str, str]:
        """RLE of each mask, in the notation of :mod:`cxrfactory.tables.rle`; empty for an empty mask."""
        from cxrfactory.tables.rle import rle_encode  # late, because the browser opens products without masks

        return {name: rle_encode(mask) for name, mask in self.masks.items()}

    @property
    def orientation(self) -> str:
        """Directions of the stored rows and columns, which are those of the masks (:mod:`cxrfactory.imaging.turns`)."""
        geometry = self.facts.get("geometry")
        return geometry.letters if isinstance(geometry, Geometry) else USUAL

    @property
    def group_id(self) -> str:
        """Id by which several images are chosen together, such as the views of a study; the image id if it is alone."""
        return self.image_id

    @abstractmethod
    def path(self) -> Path:
        """Return the path of the file that :meth:`image` reads.

        Raises
        ------
        CxrError
            If the image is not part of the product and the release's folder is not known.
        """

    @abstractmethod
    def image(self) -> UInt8[np.ndarray, "height width"]:
        """Return the image in 8 bits, uint8 [row, column], in the frame of the masks.

        Raises
        ------
        CxrError
            If the image is not part of the product and the release's folder is not known.
        """

    def overlay(self, names: Sequence[str] | None = None) -> UInt8[np.ndarray, "height width 3"]:
        """Return the image with its masks painted over it: uint8 [row, column, 3], RGB.

        Parameters
        ----------
        names
            Names of the masks to paint; by default all.

        Raises
        ------
        CxrError
            In the cases of :meth:`image`, or if a name has no mask.
        """
        masks = self.masks
        wanted = list(masks) if names is None else list(names)
        if missing := [name for name in wanted if name not in masks]:
            raise CxrError(f"{self.image_id}: no mask of {missing}; found {', '.join(masks)}")
        return draw_masks(self.image(), {name: masks[name] for name in wanted})


@dataclass(frozen=True)
class ContouredImage(ProductImage):
    """An image whose masks are filled contours.

    Attributes
    ----------
    landmarks
        Contour of each organ: float32 [n, 2], (x, y) pixels of the original image.
    uncertainty
        Standard deviation of every coordinate, by organ: float32 [n, 2], (x, y) pixels of the original image.
    """

    landmarks: Mapping[str, Float[np.ndarray, "n 2"]] = field(repr=False)
    uncertainty: Mapping[str, Float[np.ndarray, "n 2"]] = field(repr=False)
    _rles: Mapping[str, str] = field(repr=False)
    _source: ReleaseSource | None = field(repr=False)

    @property
    def masks(self) -> dict[str, UInt8[np.ndarray, "height width"]]:
        """Mask of each organ: uint8 [row, column], 1 inside and 0 outside, original resolution."""
        from cxrfactory.tables.rle import rle_decode  # late, because the browser opens products without masks

        return {organ: rle_decode(rle, self.height, self.width) for organ, rle in self._rles.items()}

    @property
    def rles(self) -> Mapping[str, str]:
        """RLE of each mask; see the base class."""
        return self._rles

    def path(self) -> Path:
        """Return the path of the radiograph in the release's folder; see the base class."""
        if self._source is None:
            raise CxrError(
                f"{self.image_id}: the folder of {self.release} is not known; name it: "
                f'open_product(..., roots={{"{self.release}": "FOLDER"}}), with the run\'s manifest folder'
            )
        return self._source.path_of(self.image_id)

    def image(self) -> UInt8[np.ndarray, "height width"]:
        """Return the radiograph at its original resolution, stretched to 0 to 255: uint8 [row, column].

        Raises
        ------
        CxrError
            If the release's folder is not known, or the image's shape differs from that in its row.
        """
        from cxrfactory.imaging.radiograph.reading import read_radiograph
        from cxrfactory.imaging.radiograph.screening import AS_STORED

        pixels = read_radiograph(self.path(), checks=AS_STORED).pixels
        if pixels.shape != (self.height, self.width):
            raise CxrError(f"{self.image_id}: {pixels.shape} pixels; its row says ({self.height}, {self.width})")
        return to_uint8(pixels)

    def overlay(self, names: Sequence[str] | None = None) -> UInt8[np.ndarray, "height width 3"]:
        """Return the radiograph with its contours drawn over it: uint8 [row, column, 3], RGB; see the base class."""
        wanted = list(self.landmarks) if names is None else list(names)
        if missing := [name for name in wanted if name not in self.landmarks or name not in ORGAN_COLOURS]:
            raise CxrError(f"{self.image_id}: no contour of {missing}; found {', '.join(self.landmarks)}")
        return draw_overlay(self.image(), {name: self.landmarks[name] for name in wanted})


class OpenedProduct(ABC):
    """A finished product: its images one by one, their number, and the counts of the images left out.

    ``len(product)`` is the number of images, iterating gives them one by one in the order of the product's tables,
    and ``product[image_id]`` reads one of them without reading the rest.

    Parameters
    ----------
    folder
        Folder of the product.
    sources
        Locations of the releases' radiographs, by the releases' names in the product. They are needed for products that
        do not contain the radiographs.
    titles
        Name of each dataset of the config in the product's files, where the two names differ.

    Examples
    --------
    >>> product = cxr.open_product(results)
    >>> [row.image_id for row in product if row.scores["dice_rca_mean"] >= 0.7]
    ['a', 'c']
    >>> "side" in product
    False
    """

    kind: str  # name of the product
    holds_images = True  # whether the images are files of the product; else they are in the releases' folders

    def __init__(
        self, folder: Path, sources: Mapping[str, ReleaseSource] | None = None, titles: Mapping[str, str] | None = None
    ) -> None:
        self.folder, self.sources, self._titles = folder, dict(sources or {}), dict(titles or {})

    def __repr__(self) -> str:
        return f"<{self.kind} product in {self.folder}: {len(self)} images>"

    @abstractmethod
    def kept(self) -> dict[str, int]:
        """Return the number of kept rows of each release, from the footers of the tables."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __iter__(self) -> Iterator[ProductImage]: ...

    @abstractmethod
    def structures(self) -> list[Structure]:
        """Return all structures that the product's masks may show, in the order of their numbers."""

    @abstractmethod
    def select(self, image_ids: Collection[str]) -> Iterator[ProductImage]:
        """Iterate over the images with these ids in the order of the product's tables; unknown ids are ignored."""

    def find(self, image_id: str) -> list[ProductImage]:
        """Return the images with this id: none, one, or one for each release that uses the id."""
        return [each for each in self.select([image_id]) if each.image_id == image_id]

    def quality(self) -> dict[str, str]:
        """Return what the scores of the product say about its masks, in words by subject; empty without scores."""
        return {}

    def __contains__(self, image_id: object) -> bool:
        return isinstance(image_id, str) and bool(self.find(image_id))

    def __getitem__(self, image_id: str) -> ProductImage:
        found = self.find(image_id)
        if not found:
            raise CxrError(f"{self.folder}: no image '{image_id}'; rejected.csv and excluded.csv say what was left out")
        if len(found) > 1:
            both = ", ".join(each.release for each in found)
            raise CxrError(f"{self.folder}: image '{image_id}' is in {both}; take one of product.find('{image_id}')")
        return found[0]

    @property
    def accounts(self) -> dict[str, ReleaseAccounts]:
        """Counts of the rows of each release: rows = kept + excluded + rejected."""
        kept = self.kept()
        excluded, rejected = (self._counts(name) for name in ("excluded.csv", "rejected.csv"))
        names = sorted({*kept, *excluded, *rejected})
        return {name: ReleaseAccounts(kept.get(name, 0), excluded[name], rejected[name]) for name in names}

    def dataset_of(self, release: str) -> str:
        """Return the name that the config of the run gives to a release of the product; the same name if none does."""
        return next((dataset for dataset, title in self._titles.items() if title == release), release)

    def _counts(self, name: str) -> Counter[str]:
        path = self.folder / name
        if not path.is_file():
            raise CxrError(f"{path}: no such file; a finished product has it")
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.reader(stream)
            next(reader, None)
            found = Counter(row[0] for row in reader if row)
        return Counter({self._titles.get(dataset, dataset): count for dataset, count in found.items()})
