"""Measurements of a mask: area, bounding box, centroid and contact with the border.

Masks are indexed [row, column]; points are (x, y).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8

from cxrfactory.compiled import compiled


@compiled
def _scan(mask: np.ndarray) -> tuple[int, int, int, int, int, int, int]:
    """Return area, first and last column, first and last row, and the sums of x and of y over the foreground."""
    height, width = mask.shape
    area = sum_x = sum_y = 0
    left, right, top, bottom = width, -1, height, -1
    for y in range(height):
        inside = 0
        for x in range(width):
            inside += mask[y, x] != 0
        if inside == 0:
            continue
        area += inside
        sum_y += inside * y
        top = min(top, y)
        bottom = y
        for x in range(width):
            if mask[y, x] != 0:
                left = min(left, x)
                right = max(right, x)
                sum_x += x
    return area, left, right, top, bottom, sum_x, sum_y


@dataclass(frozen=True)
class MaskFacts:
    """Measurements of one mask in pixels, with pixel centres at integers; an empty mask has no box and no centroid."""

    area_px: int
    bbox: tuple[int, int, int, int] | None  # x, y, width, height
    centroid: tuple[float, float] | None  # x, y
    touches_border: bool  # has a pixel in the first or last row or column

    def as_row(self) -> dict[str, Any]:
        """Return the measurements as columns of a masks table (schema ``MASKS``)."""
        box, centroid = self.bbox or (None,) * 4, self.centroid or (None,) * 2
        return {
            "area_px": self.area_px,
            **dict(zip(("bbox_x", "bbox_y", "bbox_width", "bbox_height"), box, strict=True)),
            **dict(zip(("centroid_x", "centroid_y"), centroid, strict=True)),
            "touches_border": self.touches_border,
        }


def mask_facts(mask: UInt8[np.ndarray, "height width"]) -> MaskFacts:
    """Measure a mask (0 outside, any other value inside); sums are over integers and therefore exact."""
    area, left, right, top, bottom, sum_x, sum_y = _scan(mask)
    if area == 0:
        return MaskFacts(0, None, None, False)
    height, width = mask.shape
    border = left == 0 or top == 0 or right == width - 1 or bottom == height - 1
    box = (left, top, right - left + 1, bottom - top + 1)
    return MaskFacts(area, box, (sum_x / area, sum_y / area), border)
