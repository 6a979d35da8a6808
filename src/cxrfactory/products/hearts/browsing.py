"""Open the product for the browser: one row for each slice, with the outlines of the parts that it meets."""

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import UInt8

from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.imaging.mask_outlines import mask_outlines
from cxrfactory.products.browsed import Browsed, Detail, Index, LeftOut, Organ, Outlines
from cxrfactory.products.browsed_columns import column_of, read_columns, text_column
from cxrfactory.products.hearts.meshes import HeartMeshes
from cxrfactory.products.hearts.montage import COLOURS
from cxrfactory.products.hearts.reading import HeartSlice, Opened, belongs
from cxrfactory.products.left_out import read_left_out

_LABELS = {
    "frame": "time of the cycle",
    "view": "view",
    "slice": "slice from the base",
    "flags": "look at",
    "mean_std_mm": "uncertainty of a node, mm",
    "lv_edv_ml": "LV end-diastolic volume, ml",
    "lv_esv_ml": "LV end-systolic volume, ml",
    "lv_ef_percent": "LV ejection fraction, %",
    "rv_ef_percent": "RV ejection fraction, %",
    "lv_mass_g": "LV mass, g",
    "smallest_jacobian": "smallest scaled Jacobian",
    "case_id": "case",
    "patient_id": "patient",
}
_OF_SLICE = ("view", "slice")
_FREE = ("case_id", "patient_id")  # too many words to choose among

__all__ = ["Browsing", "belongs"]


class Browsing(Browsed):
    """Meshes of hearts: a row for each slice of each case and frame.

    Parameters
    ----------
    product
        The product.
    folders
        Not used, because the product holds its pictures.
    """

    kind = Opened.kind
    section = "hearts"
    counted = "meshes"

    def __init__(self, product: Opened, folders: Mapping[str, Path]) -> None:
        self._product = product
        self.title = product.folder.absolute().name
        slices = read_columns(product.folder / "slices.parquet", ["case_id", "frame", *_OF_SLICE])
        hearts = read_columns(product.folder / "hearts.parquet", ["release", "frame", *_LABELS])
        place = {key: row for row, key in enumerate(_keys(hearts))}
        rows = pa.array([place[key] for key in _keys(slices)], pa.int64())
        self._releases = Counter(hearts["release"].to_pylist())
        columns: dict[str, Any] = {}
        for name, label in _LABELS.items():
            values = slices[name] if name in _OF_SLICE else hearts[name].take(rows)
            made = column_of(name, label, values, name not in _FREE)
            if made is not None:
                columns[name] = made
        named = zip(_keys(slices), slices["view"].to_pylist(), slices["slice"].to_pylist(), strict=True)
        ids = pa.array([f"{'/'.join(key)}/{view}-{number}" for key, view, number in named], pa.string())
        self.index = Index(ids, text_column("dataset", "dataset", hearts["release"].take(rows)), columns)
        self.worst = ("mean_std_mm", False)
        self.meshes = HeartMeshes(product.folder)
        self.organs = [Organ(name, name.replace("_", " "), colour) for name, colour in COLOURS.items()]

    def left_out(self) -> LeftOut:
        """Return the rejected cases."""
        return read_left_out(self._product.folder)

    def kept(self) -> dict[str, int]:
        """Return the number of meshes of each release; like the rows left out, these are meshes and not slices."""
        return dict(self._releases)

    def detail(self, key: int) -> Detail:
        """Return the masks of one slice, and the other slices of its mesh."""
        image = self._image(key)
        mesh = image.group_id + "/"
        names = enumerate(self.index.ids.to_pylist())
        same = [other for other, name in names if name.startswith(mesh) and other != key]
        flags = self.index.columns.get("flags")
        related = [(self.index.image_id(other).rpartition("/")[2], other) for other in same]
        return Detail(
            image.height,
            image.width,
            dict(image.rles),
            flags=[] if flags is None else flags.cell(key),
            related=related,
        )

    def outlines(self, key: int, organs: Collection[str] | None = None) -> Outlines:
        """Return the outlines of the parts in one slice."""
        image = self._image(key)
        found = {name: mask_outlines(mask) for name, mask in image.masks.items() if organs is None or name in organs}
        return Outlines(image.height, image.width, found)

    def picture(self, key: int, kind: str) -> UInt8[np.ndarray, "height width"]:
        """Return the 8-bit picture of one slice."""
        if kind != "image":
            raise CxrError("this product has one picture of each slice")
        return decode_png(self._image(key).png)

    def _image(self, key: int) -> HeartSlice:
        return self._product[self.index.image_id(key)]


def _keys(rows: pa.Table) -> list[tuple[str, str]]:
    return list(zip(rows["case_id"].to_pylist(), rows["frame"].to_pylist(), strict=True))
