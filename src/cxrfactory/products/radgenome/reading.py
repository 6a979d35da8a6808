"""Open the product for reading: one image for each study and view, with the masks of its structures."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from jaxtyping import UInt8, UInt16

from cxrfactory.anatomy.taxonomy import classes
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.products.opened import OpenedProduct, ProductImage, Structure
from cxrfactory.projection.conventions import VIEWS
from cxrfactory.tables.parquet import read_batches, read_table, stored_rows
from cxrfactory.tables.rows import Row
from cxrfactory.tables.schemas import STUDIES
from cxrfactory.tables.selected_rows import selected_rows

if TYPE_CHECKING:
    import pandas as pd

ROWS_AT_A_TIME = 65536
ROWS_OF_MASKS = 1024
OTHERS = 1000  # structures outside the taxonomy have numbers above this one
_OUTSIDE = "outside the taxonomy"
_STUDIES, _MASKS, _REGIONS = "studies.parquet", "masks.parquet", "regions.parquet"


def _decoded(rle: str, height: int, width: int) -> UInt8[np.ndarray, "height width"]:
    from cxrfactory.tables.rle import rle_decode  # late, because the browser opens products without masks

    return rle_decode(rle, height, width)


def belongs(folder: Path) -> bool:
    """Return whether a folder holds this product."""
    return (folder / _STUDIES).is_file() and (folder / _MASKS).is_file()


@dataclass(frozen=True)
class ProjectedImage(ProductImage):
    """One view of one study; its id is ``<study_id>/<view>``.

    Attributes
    ----------
    view
        ``PA`` or ``LL``.
    pixel_mm
        Side of a pixel in mm.
    counts_per_unit
        Counts of :meth:`physical` that correspond to a path integral of 1.
    """

    view: str
    pixel_mm: float
    counts_per_unit: float
    _folder: Path = field(repr=False)
    _rles: Mapping[str, str] = field(repr=False)
    _regions: Mapping[str, str] = field(repr=False)

    @property
    def masks(self) -> dict[str, UInt8[np.ndarray, "height width"]]:
        """Mask of each structure: uint8 [row, column], 1 where a ray meets it; empty if the scan lacks it."""
        return self._masks_of(self._rles)

    @property
    def rles(self) -> Mapping[str, str]:
        """RLE of each mask; see the base class."""
        return self._rles

    @property
    def regions(self) -> dict[str, UInt8[np.ndarray, "height width"]]:
        """Mask of each region, such as ``lung`` or ``bone``: the union of the masks of its structures."""
        return self._masks_of(self._regions)

    def mask(self, name: str) -> UInt8[np.ndarray, "height width"]:
        """Decode the mask of one structure only.

        Raises
        ------
        CxrError
            If the source does not label the structure.
        """
        if name not in self._rles:
            raise CxrError(f"{self.image_id}: no mask of '{name}'; found {', '.join(self._rles)}")
        return _decoded(self._rles[name], self.height, self.width)

    @property
    def group_id(self) -> str:
        """Id of the study, which has two views."""
        return self.image_id.rpartition("/")[0]

    def path(self) -> Path:
        """Return the path of the 8-bit picture in the product."""
        return self._folder / f"{self.view}.png"

    def image(self) -> UInt8[np.ndarray, "height width"]:
        """Return the radiograph in 8 bits: uint8 [row, column], stretched to its own minimum and maximum."""
        return decode_png(self._read(f"{self.view}.png"))

    def physical(self) -> UInt16[np.ndarray, "height width"]:
        """Return the path integral of attenuation times ``counts_per_unit``: uint16 [row, column]."""
        return cv2.imdecode(np.frombuffer(self._read(f"{self.view}_16.png"), np.uint8), cv2.IMREAD_UNCHANGED)

    def _read(self, name: str) -> bytes:
        path = self._folder / name
        if not path.is_file():
            raise CxrError(f"{path}: no such file; the product is not whole")
        return path.read_bytes()

    def _masks_of(self, rles: Mapping[str, str]) -> dict[str, UInt8[np.ndarray, "height width"]]:
        return {name: _decoded(rle, self.height, self.width) for name, rle in rles.items()}


class Opened(OpenedProduct):
    """Radiographs projected from CT: two images for each study, ``<study_id>/PA`` and ``<study_id>/LL``."""

    kind = "radgenome"

    def kept(self) -> dict[str, int]:
        """Return the number of studies of each release; this product's accounts count studies, not images."""
        return dict(Counter(read_table(self.folder / _STUDIES, columns=["release"])["release"]))

    def __len__(self) -> int:
        return len(VIEWS) * stored_rows(self.folder / _STUDIES)

    def __iter__(self) -> Iterator[ProjectedImage]:
        masks = _Groups(self.folder / _MASKS, ["view", "name", "rle"])
        regions = _Groups(self.folder / _REGIONS, ["view", "region", "rle"])
        for study in self._studies().to_dict("records"):
            study_id = study["study_id"]
            yield from self._images(study, VIEWS, masks.take(study_id), regions.take(study_id))
        masks.check_end()
        regions.check_end()

    def structures(self) -> list[Structure]:
        """Return the classes of the taxonomy by their ids, then the structures outside it in alphabetical order."""
        known = [Structure(each.class_id, each.name, each.system) for each in classes()]
        others: set[str] = set()
        for batch in read_batches(self.folder / _MASKS, ["name", "class_id"], ROWS_AT_A_TIME):
            if batch["class_id"].null_count:
                others.update(batch.filter(batch["class_id"].is_null())["name"].to_pylist())
        return known + [Structure(OTHERS + place, name, _OUTSIDE) for place, name in enumerate(sorted(others), 1)]

    def select(self, image_ids: Collection[str]) -> Iterator[ProjectedImage]:
        """Iterate over the images with these ids: ``<study_id>/<view>``, or ``<study_id>`` for both views."""
        wanted = set(image_ids)
        named = wanted | {each.rpartition("/")[0] for each in wanted}
        studies = self._studies()
        for study in studies[studies["study_id"].isin(named)].to_dict("records"):
            study_id = study["study_id"]
            views = [view for view in VIEWS if study_id in wanted or f"{study_id}/{view}" in wanted]
            masks = _rows_of(self.folder / _MASKS, study_id, ["view", "name", "rle"])
            regions = _rows_of(self.folder / _REGIONS, study_id, ["view", "region", "rle"])
            yield from self._images(study, views, masks, regions)

    def _studies(self) -> "pd.DataFrame":
        return read_table(self.folder / _STUDIES, columns=[*STUDIES.names, "split"])

    def _images(
        self, study: Mapping[str, Any], views: Sequence[str], masks: Sequence[Row], regions: Sequence[Row]
    ) -> Iterator[ProjectedImage]:
        study_id = study["study_id"]
        for view in views:
            yield ProjectedImage(
                image_id=f"{study_id}/{view}",
                release=study["release"],
                height=int(study["size"]),
                width=int(study["size"]),
                scores={},
                facts={name: study[name] for name in ("study_id", "patient_id", "split", "notes")},
                view=view,
                pixel_mm=float(study["pixel_mm"]),
                counts_per_unit=float(study["counts_per_unit"]),
                _folder=self.folder / "images" / study["release"] / study_id,
                _rles={row["name"]: row["rle"] for row in masks if row["view"] == view},
                _regions={row["region"]: row["rle"] for row in regions if row["view"] == view},
            )


def _rows_of(path: Path, study_id: str, columns: Sequence[str]) -> list[Row]:
    return [row for rows in selected_rows(path, [study_id], columns, key="study_id") for row in rows.to_dict("records")]


class _Groups:
    """The rows of a table study by study, each read once; the table has the order of the studies' table."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._path = path
        rows = (row for batch in read_batches(path, ["study_id", *columns], ROWS_OF_MASKS) for row in batch.to_pylist())
        self._groups = groupby(rows, itemgetter("study_id"))
        self._study: str | None = None
        self._rows: list[Row] = []
        self._advance()

    def take(self, study_id: str) -> list[Row]:
        """Return the rows of the next study; none if the table has none of it."""
        if self._study != study_id:
            return []
        rows = self._rows
        self._advance()
        return rows

    def check_end(self) -> None:
        """Refuse a table in another order, of which rows are left."""
        if self._study is not None:
            raise CxrError(f"{self._path}: study '{self._study}' is out of order; the product is not whole")

    def _advance(self) -> None:
        study, rows = next(self._groups, (None, ()))
        self._study, self._rows = study, list(rows)
