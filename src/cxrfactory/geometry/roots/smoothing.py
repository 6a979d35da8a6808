"""Smooth lines from the pixels of a skeleton.

A line that follows the centres of pixels is up to 8 % too long. It is resampled at steps of one pixel and smoothed by
local quadratic fits (Savitzky and Golay, 1964), which keep the curvature of a root.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from scipy.signal import savgol_filter

from cxrfactory.geometry.roots.polyline import arc_lengths, nearest_place, piece, point_at

WINDOW_PX = 21  # units (geometry/roots/lengths.py); length of the local fits
TIP_PX = 8.0  # units; the direction of a tip is taken over this length
_STEP = 0.5  # pixels, when a tip is followed to the end of the mask


def resample(points: Float[np.ndarray, "n 2"], step: float = 1.0) -> Float[np.ndarray, "m 2"]:
    """Return points at equal steps of about ``step`` pixels along a polyline, with its two ends."""
    arcs = arc_lengths(points)
    number = max(2, round(float(arcs[-1]) / step) + 1)
    places = np.linspace(0, arcs[-1], number)
    return np.column_stack([np.interp(places, arcs, points[:, axis]) for axis in (0, 1)])


def smooth(points: Float[np.ndarray, "n 2"], unit: float = 1.0) -> Float[np.ndarray, "m 2"]:
    """Smooth a line of pixels over units; a line shorter than the window is fitted by one quadratic curve."""
    even = resample(points)
    window = min(2 * round(WINDOW_PX * unit / 2 - 0.5) + 1, len(even) - (len(even) + 1) % 2)
    if window < 5:
        return even
    return resample(savgol_filter(even, window, 2, axis=0, mode="interp"))


def to_mask_end(
    points: Float[np.ndarray, "n 2"], mask: Bool[np.ndarray, "height width"], most: float, unit: float = 1.0
) -> Float[np.ndarray, "m 2"]:
    """Extend a line straight on from its tip to the end of the mask, by at most ``most`` pixels.

    Its direction is that of the last :data:`TIP_PX` units.
    """
    total = float(arc_lengths(points)[-1])
    step = points[-1] - point_at(points, max(total - TIP_PX * unit, 0.0))
    size = float(np.hypot(*step))
    if size == 0:
        return points
    ahead = np.arange(_STEP, most + _STEP / 2, _STEP)
    places = points[-1] + ahead[:, None] * step / size
    columns, rows = np.rint(places).astype(int).T
    height, width = mask.shape
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    inside[inside] = mask[rows[inside], columns[inside]]
    reached = len(inside) if inside.all() else int(np.argmin(inside))
    return np.vstack([points, places[reached - 1 : reached]]) if reached else points


def from_parent(
    points: Float[np.ndarray, "n 2"], parent: Float[np.ndarray, "m 2"], radius: float, unit: float = 1.0
) -> Float[np.ndarray, "k 2"]:
    """Begin a lateral on its parent's line.

    Inside the width of its parent, the skeleton of a lateral bends towards the parent. That part is replaced by the
    straight continuation of the lateral to the parent's line, or by the shortest way where that is much longer.

    Parameters
    ----------
    points
        Smoothed line of the lateral.
    parent
        Smoothed line of its parent.
    radius
        Half-width of the parent at the base, pixels.
    unit
        Factor of lengths (:func:`~cxrfactory.geometry.roots.lengths.length_unit`).
    """
    total = float(arc_lengths(points)[-1])
    offset = 0.0
    while offset < total / 2 and nearest_place(parent, point_at(points, offset))[1] < 2 * radius + 1:
        offset += 1.0
    start = point_at(points, offset)
    rest = piece(points, offset, total)
    step = start - point_at(points, min(offset + TIP_PX * unit, total))
    size = float(np.hypot(*step))
    foot, gap = nearest_place(parent, start)
    base = point_at(parent, foot)
    if size > 0 and gap > 0:
        back = start + np.linspace(0, 2.5 * gap, 26)[:, None] * step / size
        gaps = [nearest_place(parent, each)[1] for each in back]
        best = int(np.argmin(gaps))
        if gaps[best] < 1.0:
            base = point_at(parent, nearest_place(parent, back[best])[0])
    if np.hypot(*(base - start)) < 1e-6:
        return rest
    return np.vstack([base, rest])
