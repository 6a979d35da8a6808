"""Measurements of closed contours, many contours at once; they tell how a measurement moves with its contours.

Contours are [samples, n, 2], (x, y) in pixels. The values are those of the filled contours but for half a pixel at
each border, so that differences between contours are also differences between masks.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

Contours = Float[np.ndarray, "samples n 2"]
Values = Float[np.ndarray, " samples"]
ROWS = 32  # rows on which the width of a contour is taken


def extent(*contours: Contours) -> Values:
    """Return the distance of the outermost columns of some contours together, px."""
    return np.ptp(np.concatenate(contours, axis=1)[..., 0], axis=1)


def height(contours: Contours) -> Values:
    """Return the distance of the outermost rows, px."""
    return np.ptp(contours[..., 1], axis=1)


def area(*contours: Contours) -> Values:
    """Return the sum of the areas inside some contours, px2 (shoelace formula)."""
    return np.sum([_area(each) for each in contours], axis=0)


def widest_row(*contours: Contours) -> Values:
    """Return the largest width of some contours together on one row, px."""
    y = np.concatenate([each[..., 1].ravel() for each in contours])
    rows = np.linspace(y.min(), y.max(), ROWS + 2, dtype=y.dtype)[1:-1]
    ends = [_row_ends(each, rows) for each in contours]
    left, right = np.min([one for one, _ in ends], axis=0), np.max([other for _, other in ends], axis=0)
    return np.maximum(right - left, 0).max(axis=1)


def _area(contours: Contours) -> Values:
    x, y = contours[..., 0], contours[..., 1]
    return np.abs((x * np.roll(y, -1, axis=1) - np.roll(x, -1, axis=1) * y).sum(axis=1)) / 2


def _row_ends(contours: Contours, rows: Float[np.ndarray, " rows"]) -> tuple[np.ndarray, np.ndarray]:
    """Return the outermost columns on each row, [samples, rows]; infinities where a contour does not meet the row."""
    x, y = contours[..., 0][..., None], contours[..., 1][..., None]
    other_x, other_y = np.roll(x, -1, axis=1), np.roll(y, -1, axis=1)
    meets = (np.minimum(y, other_y) <= rows) & (rows <= np.maximum(y, other_y)) & (y != other_y)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = x + (rows - y) * (other_x - x) / (other_y - y)
    return (
        np.where(meets, crossing, np.inf).min(axis=1),
        np.where(meets, crossing, -np.inf).max(axis=1),
    )


def _heart_over_lungs(measure: Callable[..., Values]) -> Callable[[Contours, Contours, Contours], Values]:
    return lambda heart, right, left: measure(heart) / measure(right, left)


def _heart_over_all(heart: Contours, right: Contours, left: Contours) -> Values:
    return area(heart) / area(heart, right, left)


def _left_over_right(measure: Callable[..., Values]) -> Callable[[Contours, Contours], Values]:
    return lambda right, left: measure(left) / measure(right)


_RIGHT, _LEFT, _HEART = "right lung", "left lung", "heart"
_LUNGS, _ALL = (_RIGHT, _LEFT), (_HEART, _RIGHT, _LEFT)

# Measurement -> the organs of its contours, and its value for such contours. The others depend on parts of a mask, such
# as the end of a border, and have no interval.
CONTOUR_VALUES: dict[str, tuple[tuple[str, ...], Callable[..., Values]]] = {
    "ctr_columns": (_ALL, _heart_over_lungs(extent)),
    "ctr_rows": (_ALL, _heart_over_lungs(widest_row)),
    "ctr_landmarks": (_ALL, _heart_over_lungs(extent)),
    "heart_width": ((_HEART,), extent),
    "thoracic_width": (_LUNGS, extent),
    "cardiac_area_ratio": (_ALL, _heart_over_all),
    "right_lung_area": ((_RIGHT,), area),
    "left_lung_area": ((_LEFT,), area),
    "right_lung_height": ((_RIGHT,), height),
    "left_lung_height": ((_LEFT,), height),
    "lung_area_ratio": (_LUNGS, _left_over_right(area)),
    "lung_height_ratio": (_LUNGS, _left_over_right(height)),
}
