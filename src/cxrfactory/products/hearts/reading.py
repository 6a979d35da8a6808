"""Open the product for reading: one image for each slice, with the masks of the parts that it meets."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jaxtyping import UInt8

from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.products.hearts.frame_rows import frame_rows
from cxrfactory.products.opened import OpenedProduct, ProductImage, Structure
from cxrfactory.tables.hearts import PARTS
from cxrfactory.tables.parquet import read_table, stored_rows

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_ROWS, _MASKS, _SLICES = "hearts.parquet", "masks.parquet", "slices.parquet"
_FACTS = ("patient_id", "mean_std_mm", "lv_ef_percent", "rv_ef_percent")


def belongs(folder: Path) -> bool:
    """Return whether a folder holds this product."""
    return all((folder / name).is_file() for name in (_ROWS, _MASKS, _SLICES))


@dataclass(frozen=True)
class HeartSlice(ProductImage):
    """One slice of one case; its id is ``<case_id>/<frame>/<view>-<slice>``, such as ``p7/ED/sax-3``.

    Attributes
    ----------
    spacing_mm
        Distance of neighbouring pixels along a row and along a column.
    png
        The picture as the product stores it.
    """

    spacing_mm: tuple[float, float]
    png: bytes = field(repr=False)
    _table: Path = field(repr=False)
    _rles: Mapping[str, str] = field(repr=False)

    @property
    def masks(self) -> dict[str, "UInt8[np.ndarray, 'height width']"]:
        """Mask of each part that the slice meets: uint8 [row, column], 1 inside."""
        from cxrfactory.tables.rle import rle_decode  # late, because the browser opens products without masks

        return {name: rle_decode(rle, self.height, self.width) for name, rle in self._rles.items()}

    @property
    def rles(self) -> Mapping[str, str]:
        """RLE of each mask; see the base class."""
        return self._rles

    @property
    def group_id(self) -> str:
        """Case and frame, which all slices of a mesh share."""
        return self.image_id.rpartition("/")[0]

    def path(self) -> Path:
        """Return the table of the product that holds the picture."""
        return self._table

    def image(self) -> "UInt8[np.ndarray, 'height width']":
        """Return the slice in 8 bits: uint8 [row, column], stretched to its own percentiles 1 and 99."""
        return decode_png(self.png)


class Opened(OpenedProduct):
    """Meshes of hearts: an image for each slice of each case and frame."""

    kind = "hearts"

    def kept(self) -> dict[str, int]:
        """Return the number of meshes of each release; this product's accounts count meshes, not slices."""
        return dict(Counter(read_table(self.folder / _ROWS, columns=["release"])["release"]))

    def __len__(self) -> int:
        return stored_rows(self.folder / _SLICES)

    def __iter__(self) -> Iterator[HeartSlice]:
        yield from self._images(self._rows())

    def structures(self) -> list[Structure]:
        """Return the parts of the heart, numbered from 1."""
        return [Structure(number, name, "heart") for number, name in enumerate(PARTS, 1)]

    def select(self, image_ids: Collection[str]) -> Iterator[HeartSlice]:
        """Iterate over the slices with these ids, or over all slices of a mesh: ``<case_id>/<frame>``."""
        wanted = set(image_ids)
        meshes = wanted | {each.rpartition("/")[0] for each in wanted}
        rows = self._rows()
        chosen = rows[(rows["case_id"] + "/" + rows["frame"]).isin(meshes)]
        for image in self._images(chosen):
            if image.image_id in wanted or image.group_id in wanted:
                yield image

    def quality(self) -> dict[str, str]:
        """Return how many meshes are flagged, and their mean uncertainty."""
        rows = read_table(self.folder / _ROWS, columns=["flags", "mean_std_mm"])
        flagged = sum(len(flags) > 0 for flags in rows["flags"])
        text = f"{flagged:,} of {len(rows):,} meshes flagged"
        return {"meshes": f"{text}; a node is uncertain by {rows['mean_std_mm'].mean():.1f} mm" if len(rows) else text}

    def _rows(self) -> "pd.DataFrame":
        return read_table(self.folder / _ROWS, columns=["case_id", "frame", "release", *_FACTS])

    def _images(self, rows: "pd.DataFrame") -> Iterator[HeartSlice]:
        for row in rows.to_dict("records"):
            masks = self._of(_MASKS, row, ["view", "slice", "part", "rle"])
            planes = self._of(_SLICES, row, ["view", "slice", "height", "width", "spacing_mm", "png"])
            for plane in planes:
                place = (plane["view"], plane["slice"])
                yield HeartSlice(
                    image_id=f"{row['case_id']}/{row['frame']}/{plane['view']}-{plane['slice']}",
                    release=row["release"],
                    height=int(plane["height"]),
                    width=int(plane["width"]),
                    scores={},
                    facts={"case_id": row["case_id"], "frame": row["frame"], **{name: row[name] for name in _FACTS}},
                    spacing_mm=tuple(float(step) for step in plane["spacing_mm"]),
                    _table=self.folder / _SLICES,
                    png=plane["png"],
                    _rles={each["part"]: each["rle"] for each in masks if (each["view"], each["slice"]) == place},
                )

    def _of(self, name: str, row: Mapping[str, str], columns: list[str]) -> list[dict]:
        found = frame_rows(self.folder / name, row["case_id"], row["frame"], columns)
        return [each for rows in found for each in rows.to_dict("records")]
