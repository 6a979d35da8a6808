"""Open the product for the browser: one row for each plant at each time, with its graph over the picture."""

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from jaxtyping import UInt8

from cxrfactory.errors import CxrError
from cxrfactory.imaging.mask_outlines import mask_outlines
from cxrfactory.products.browsed import Browsed, Detail, Index, LeftOut, NumberColumn, Organ, Outlines
from cxrfactory.products.browsed_columns import column_of, read_columns, text_column
from cxrfactory.products.left_out import read_left_out
from cxrfactory.products.roots.drawing import COLOURS, LATERALS, MAIN
from cxrfactory.products.roots.reading import Opened, RootImage, belongs

_LABELS = {
    "plate": "plate",
    "plant": "plant",
    "group": "group",
    "frame": "picture",
    "hours": "hours since the first picture",
    "flags": "look at",
    "main_length_mm": "main root, mm",
    "laterals_length_mm": "laterals, mm",
    "total_length_mm": "all roots, mm",
    "main_length_px": "main root, pixels",
    "laterals_length_px": "laterals, pixels",
    "laterals": "number of laterals",
    "laterals_per_cm": "laterals per cm of main root",
    "main_share": "main root, share of all roots",
    "hull_area_mm2": "area of the hull, mm2",
    "emergence_angle_deg": "angle of emergence, degrees",
    "tip_angle_deg": "angle of laterals against down, degrees",
}
_NO_FAULT = {"no_roots"}  # a plant that has not germinated yet

__all__ = ["Browsing", "belongs"]


class Browsing(Browsed):
    """Root systems: a row for each plant at each time.

    Parameters
    ----------
    product
        The product.
    folders
        Not used, because the product holds its pictures.
    """

    kind = Opened.kind
    section = "roots"
    counted = "pictures"

    def __init__(self, product: Opened, folders: Mapping[str, Path]) -> None:
        self._product = product
        self.title = product.folder.absolute().name
        rows = read_columns(product.folder / "traits.parquet", ["image_id", "release", *_LABELS])
        self._releases = product.kept()
        columns: dict[str, Any] = {}
        for name, label in _LABELS.items():
            made = column_of(name, label, rows[name])
            if made is not None:
                columns[name] = made
        reasons = np.array([len(set(flags) - _NO_FAULT) for flags in rows["flags"].to_pylist()], np.float32)
        columns["reasons"] = NumberColumn("reasons", "reasons to look at it", reasons)
        self.index = Index(
            rows["image_id"].combine_chunks(), text_column("dataset", "dataset", rows["release"]), columns
        )
        self.worst = ("reasons", False)
        self.organs = [Organ(name, name.replace("_", " "), colour) for name, colour in COLOURS.items()]
        self.shown = [MAIN, LATERALS]

    def left_out(self) -> LeftOut:
        """Return the rejected pictures."""
        return read_left_out(self._product.folder)

    def kept(self) -> dict[str, int]:
        """Return the number of pictures of each release; like those left out, these are pictures of plates."""
        return dict(Counter(self._releases))

    def detail(self, key: int) -> Detail:
        """Return the masks of one plant at one time, and the pictures before and after it."""
        image = self._image(key)
        flags = self.index.columns.get("flags")
        plant = image.group_id + "/"
        of_plant = np.flatnonzero(pc.starts_with(self.index.ids, plant).to_numpy(zero_copy_only=False))
        place = int(np.searchsorted(of_plant, key))
        near = [int(other) for other in of_plant[max(0, place - 1) : place + 2] if other != key]
        related = [(f"picture {self.index.image_id(other).rpartition('/')[2]}", other) for other in near]
        return Detail(
            image.height,
            image.width,
            dict(image.rles),
            flags=[] if flags is None else flags.cell(key),
            related=related,
        )

    def outlines(self, key: int, organs: Collection[str] | None = None) -> Outlines:
        """Return the outlines of the roots of one plant at one time."""
        image = self._image(key)
        wanted = (MAIN, LATERALS) if organs is None else organs
        found = {name: mask_outlines(mask) for name, mask in image.masks.items() if name in wanted}
        return Outlines(image.height, image.width, found)

    def picture(self, key: int, kind: str) -> UInt8[np.ndarray, "height width"]:
        """Return the 8-bit picture of one plant at one time."""
        if kind != "image":
            raise CxrError("this product has one picture of each plant and time")
        return self._image(key).image()

    def _image(self, key: int) -> RootImage:
        return self._product[self.index.image_id(key)]
