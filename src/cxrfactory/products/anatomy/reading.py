"""Open the masks that ``segment --anatomy`` wrote: one image for each film, with the masks of its structures."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import UInt8

from cxrfactory.anatomy.taxonomy import classes
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.products.opened import OpenedProduct, ProductImage, Structure
from cxrfactory.tables.anatomy_masks import FILMS_FILE, MASKS_FILE, RELEASE
from cxrfactory.tables.one_row import RowReader
from cxrfactory.tables.parquet import read_batches, read_table, stored_rows

OTHERS = 1000  # structures outside the taxonomy have numbers above this one
_OUTSIDE = "outside the taxonomy"
_ROWS = 65536
_CELLS = ["name", "rle", "confidence", "trusted", "validated", "area_px"]


def belongs(folder: Path) -> bool:
    """Return whether a folder holds such masks."""
    return (folder / FILMS_FILE).is_file() and (folder / MASKS_FILE).is_file()


@dataclass(frozen=True)
class AnatomyFilm(ProductImage):
    """One film with the masks of its structures.

    Attributes
    ----------
    view
        ``PA`` for all frontal films, or ``LL``.
    pixel_mm
        Side of a pixel in mm; None if the file states none, or pixels that are no squares.
    confidence
        Expected Dice of each mask that is not empty.
    validated
        How each structure was validated on real films: ``truth``, ``plausible`` or None.
    """

    view: str
    pixel_mm: float | None
    confidence: Mapping[str, float | None] = field(repr=False)
    validated: Mapping[str, str | None] = field(repr=False)
    _path: Path = field(repr=False)
    _rles: Mapping[str, str] = field(repr=False)

    @property
    def masks(self) -> dict[str, UInt8[np.ndarray, "height width"]]:
        """Mask of each structure: uint8 [row, column], 1 inside; an empty mask if the network found nothing."""
        from cxrfactory.tables.rle import rle_decode  # late, because it compiles

        return {name: rle_decode(rle, self.height, self.width) for name, rle in self._rles.items()}

    @property
    def rles(self) -> Mapping[str, str]:
        """RLE of each mask; see the base class."""
        return self._rles

    def path(self) -> Path:
        """Return the path of the 8-bit picture of the film."""
        return self._path

    def image(self) -> UInt8[np.ndarray, "height width"]:
        """Return the film in 8 bits, in the frame of the file: uint8 [row, column]."""
        if not self._path.is_file():
            raise CxrError(f"{self._path}: no such file; the folder is not whole")
        return decode_png(self._path.read_bytes())


class Opened(OpenedProduct):
    """Films with masks of anatomical structures."""

    kind = "anatomy"

    def kept(self) -> dict[str, int]:
        """Return the number of films; they are all of one release."""
        return {RELEASE: len(self)}

    def __len__(self) -> int:
        return stored_rows(self.folder / FILMS_FILE)

    def __iter__(self) -> Iterator[AnatomyFilm]:
        yield from self._films(None)

    def select(self, image_ids: Collection[str]) -> Iterator[AnatomyFilm]:
        """Iterate over the films with these ids."""
        yield from self._films(set(image_ids))

    def structures(self) -> list[Structure]:
        """Return the classes of the taxonomy by their ids, then the structures outside it in alphabetical order."""
        others: set[str] = set()
        for batch in read_batches(self.folder / MASKS_FILE, ["name", "class_id"], _ROWS):
            others.update(batch.filter(batch["class_id"].is_null())["name"].to_pylist())
        known = [Structure(each.class_id, each.name, each.system) for each in classes()]
        return known + [Structure(OTHERS + place, name, _OUTSIDE) for place, name in enumerate(sorted(others), 1)]

    def quality(self) -> dict[str, str]:
        """Return what the confidence says."""
        return {"confidence": "expected Dice of a mask, by the calibration of the network's weights"}

    def _films(self, wanted: set[str] | None) -> Iterator[AnatomyFilm]:
        films = read_table(self.folder / FILMS_FILE)
        films = films if wanted is None else films[films["image_id"].isin(wanted)]
        masks = MaskGroups(self.folder / MASKS_FILE)
        try:
            for row in films.to_dict("records"):
                yield self._film(row, masks.rows(int(row["group"]), _CELLS).to_pylist())
        finally:
            masks.close()

    def _film(self, row: Mapping[str, Any], masks: list[dict[str, Any]]) -> AnatomyFilm:
        return AnatomyFilm(
            image_id=row["image_id"],
            release=RELEASE,
            height=int(row["height"]),
            width=int(row["width"]),
            scores={"confidence": None if row["confidence"] != row["confidence"] else row["confidence"]},
            facts={name: row[name] for name in ("view_from", "stated_view", "structures", "trusted", "notes")},
            view=row["view"],
            pixel_mm=float(row["row_mm"]) if row["row_mm"] == row["column_mm"] else None,
            confidence={each["name"]: each["confidence"] for each in masks if each["area_px"]},
            validated={each["name"]: each["validated"] for each in masks},
            _path=self.folder / row["picture"],
            _rles={each["name"]: each["rle"] for each in masks},
        )


class MaskGroups:
    """The table of masks, of which the rows of one film are read: they are one row group."""

    def __init__(self, path: Path) -> None:
        self._reader = RowReader(path)

    def rows(self, group: int, columns: list[str]) -> pa.Table:
        """Return the rows of a film by the number of its row group; none for -1."""
        if group < 0:
            return pa.table({name: pa.array([], pa.string()) for name in columns})
        return self._reader.group(group, columns)

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
