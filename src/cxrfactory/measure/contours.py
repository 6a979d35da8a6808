"""Measurements of closed contours, many contours at once; they tell how a measurement moves with its contours.

Contours are [samples, n, 2], (x, y) in pixels. The values are those of the filled contours but for half a pixel at
each border, so that differences between contours are also differences between masks.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

Contours = Float[np.ndarray, "samples n 2"]
Values = Float[np.ndarray, " samples"]
ROWS = 48  # rows on which the width of a contour is taken


def extent(contours: Contours) -> Values:
    """Return the distance of the outermost columns, px."""
    return np.ptp(contours[..., 0], axis=1)


def height(contours: Contours) -> Values:
    """Return the distance of the outermost rows, px."""
    return np.ptp(contours[..., 1], axis=1)


def area(contours: Contours) -> Values:
    """Return the area inside, px2 (shoelace formula)."""
    x, y = contours[..., 0], contours[..., 1]
    return np.abs((x * np.roll(y, -1, axis=1) - np.roll(x, -1, axis=1) * y).sum(axis=1)) / 2


def row_ends(contours: Contours, rows: Float[np.ndarray, " rows"]) -> tuple[np.ndarray, np.ndarray]:
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


def widest_row(*contours: Contours) -> Values:
    """Return the largest width of some contours together on one row, px."""
    y = np.concatenate([each[..., 1].ravel() for each in contours])
    rows = np.linspace(y.min(), y.max(), ROWS + 2)[1:-1]
    ends = [row_ends(each, rows) for each in contours]
    left, right = np.min([one for one, _ in ends], axis=0), np.max([other for _, other in ends], axis=0)
    return np.maximum(right - left, 0).max(axis=1)


def _both(measure: Callable[[Contours], Values]) -> Callable[[Contours, Contours], Values]:
    return lambda right, left: measure(np.concatenate([right, left], axis=1))


def _ratio(top: Callable[..., Values], bottom: Callable[..., Values]) -> Callable[..., Values]:
    """Return the function of a measure of the heart over a measure of both lungs."""
    return lambda heart, right, left: top(heart) / bottom(right, left)


_LUNGS = ("right lung", "left lung")
_ALL = ("heart", *_LUNGS)

# Measurement -> the organs of its contours, and its value for such contours.
CONTOUR_VALUES: dict[str, tuple[tuple[str, ...], Callable[..., Values]]] = {
    "ctr_rows": (_ALL, _ratio(widest_row, widest_row)),
    "ctr_columns": (_ALL, _ratio(extent, _both(extent))),
    "lung_area_right": (_LUNGS[:1], area),
    "lung_area_left": (_LUNGS[1:], area),
}
