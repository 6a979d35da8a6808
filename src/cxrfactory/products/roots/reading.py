"""Open the product for reading: one image for each plant at each time, the region of the plant on its plate."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from cxrfactory.errors import CxrError
from cxrfactory.products.opened import OpenedProduct, ProductImage, Structure
from cxrfactory.products.roots.drawing import COLOURS, LATERALS, MAIN, MASK, draw_lines, part_of
from cxrfactory.tables.parquet import read_table, stored_rows
from cxrfactory.tables.roots import picture_id
from cxrfactory.tables.selected_rows import selected_rows

if TYPE_CHECKING:
    import pandas as pd

_ROWS, _EDGES, _MASKS, _PICTURES = "traits.parquet", "edges.parquet", "masks.parquet", "pictures.parquet"
_KEYS = ("plate", "plant", "frame")
_FACTS = ("group", "hours", "main_length_mm", "laterals_length_mm", "total_length_mm", "laterals")
_AT_ONCE = 256  # images whose lines are in memory
LINE_PX = 3  # width of the drawn lines


def belongs(folder: Path) -> bool:
    """Return whether a folder holds this product."""
    return all((folder / name).is_file() for name in (_ROWS, _EDGES, _MASKS, "laterals.parquet"))


@dataclass(frozen=True)
class RootImage(ProductImage):
    """One plant at one time; its id is ``<plate>/<plant>/<frame>``, such as ``first-0/2/00017``.

    Attributes
    ----------
    left, top
        Place (x, y) on the plate of the image's first pixel; points of the product's tables are pixels of the plate.
    lines
        Points x0, y0, x1, y1, ... of each piece of root, and the root's name.
    """

    left: int
    top: int
    lines: Sequence[tuple[str, Sequence[float]]] = field(repr=False)
    _folder: Path = field(repr=False)

    @property
    def masks(self) -> dict[str, UInt8[np.ndarray, "height width"]]:
        """Main root and laterals as lines of 3 pixels, and the mask of all roots: uint8 [row, column], 1 inside."""
        found = {}
        for part in (MAIN, LATERALS):
            drawn = np.zeros((self.height, self.width), np.uint8)
            lines = [points for root, points in self.lines if part_of(root) == part]
            draw_lines(drawn, lines, 1, LINE_PX, (self.left, self.top))
            found[part] = drawn
        found[MASK] = self._plate_mask()[self.top : self.top + self.height, self.left : self.left + self.width]
        return found

    @property
    def group_id(self) -> str:
        """Plate and plant, which all times share."""
        return self.image_id.rpartition("/")[0]

    def path(self) -> Path:
        """Return the table of the product that holds the picture."""
        return self._folder / _PICTURES

    def image(self) -> UInt8[np.ndarray, "height width"]:
        """Return the region of the plant in the picture of its plate: uint8 [row, column].

        Raises
        ------
        CxrError
            If the run kept no pictures.
        """
        import cv2  # late, because the browser opens products without pictures

        for found in selected_rows(self.path(), [self._picture_id], ["jpeg"], "picture_id"):
            grey = cv2.imdecode(np.frombuffer(found["jpeg"].iloc[0], np.uint8), cv2.IMREAD_GRAYSCALE)
            return grey[self.top : self.top + self.height, self.left : self.left + self.width]
        raise CxrError("the product holds no pictures of plates; run with roots.keep_pictures: true to keep them")

    @property
    def _picture_id(self) -> str:
        return picture_id(str(self.facts["plate"]), int(self.facts["frame"]))  # type: ignore[call-overload]

    def _plate_mask(self) -> UInt8[np.ndarray, "rows columns"]:
        from cxrfactory.tables.rle import rle_decode  # late, because the browser opens products without masks

        for found in selected_rows(self._folder / _MASKS, [self._picture_id], ["height", "width", "rle"], "picture_id"):
            row = found.iloc[0]
            return rle_decode(row["rle"], int(row["height"]), int(row["width"]))
        raise CxrError(f"{self._folder / _MASKS}: no mask of '{self._picture_id}'; the product is damaged")


class Opened(OpenedProduct):
    """Root systems: an image for each plant at each time."""

    kind = "roots"

    def kept(self) -> dict[str, int]:
        """Return the number of pictures of each release; this product's accounts count pictures of plates."""
        return dict(Counter(read_table(self.folder / _MASKS, columns=["release"])["release"]))

    def __len__(self) -> int:
        return stored_rows(self.folder / _ROWS)

    def __iter__(self) -> Iterator[RootImage]:
        yield from self._images(read_table(self.folder / _ROWS, columns=self._columns()))

    def structures(self) -> list[Structure]:
        """Return main root, laterals and the mask of all roots, numbered from 1."""
        return [Structure(number, name, "roots") for number, name in enumerate(COLOURS, 1)]

    def select(self, image_ids: Collection[str]) -> Iterator[RootImage]:
        """Iterate over the plants at the times with these ids, or over all times of a plant: ``<plate>/<plant>``."""
        wanted = set(image_ids)
        ids = read_table(self.folder / _ROWS, columns=["image_id"])["image_id"]
        chosen = [each for each in ids if each in wanted or each.rpartition("/")[0] in wanted]
        for found in selected_rows(self.folder / _ROWS, chosen, self._columns()[1:]):
            yield from self._images(found)

    def quality(self) -> dict[str, str]:
        """Return how many plants at how many times are flagged."""
        flags = read_table(self.folder / _ROWS, columns=["flags"])["flags"]
        flagged = sum(len(each) > 0 for each in flags)
        return {"plants": f"{flagged:,} of {len(flags):,} plants at one time flagged"}

    def _columns(self) -> list[str]:
        return ["image_id", "release", *_KEYS, *_FACTS]

    def _images(self, rows: "pd.DataFrame") -> Iterator[RootImage]:
        plants = read_table(self.folder / "plants.parquet")
        regions = {(row.plate, row.plant): row for row in plants.itertuples(index=False)}
        for start in range(0, len(rows), _AT_ONCE):
            part = rows.iloc[start : start + _AT_ONCE]
            lines = self._lines(list(part["image_id"]))
            for row in part.to_dict("records"):
                region = regions[row["plate"], row["plant"]]
                yield RootImage(
                    image_id=row["image_id"],
                    release=row["release"],
                    height=int(region.bottom - region.top),
                    width=int(region.right - region.left),
                    scores={},
                    facts={name: row[name] for name in (*_KEYS, *_FACTS)},
                    left=int(region.left),
                    top=int(region.top),
                    lines=lines.get(row["image_id"], []),
                    _folder=self.folder,
                )

    def _lines(self, image_ids: list[str]) -> Mapping[str, list[tuple[str, Sequence[float]]]]:
        found: dict[str, list[tuple[str, Sequence[float]]]] = {}
        for edges in selected_rows(self.folder / _EDGES, image_ids, ["root", "points"]):
            for image_id, root, points in edges.itertuples(index=False):
                found.setdefault(image_id, []).append((root, points))
        return found
