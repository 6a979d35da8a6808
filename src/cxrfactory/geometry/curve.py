"""Angles of a curve through points: deviation from straight, tangents of the smoothed curve, and their largest angle.

The curve is smoothed by its direction. The directions of the lines between neighbouring points are fitted under a
penalty on their second differences over arc length (Whittaker, 1923). A circular arc has directions that grow evenly,
so the penalty does not change it. A rotation adds a constant to all directions and a scale changes none, so neither
changes an angle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

SMOOTHING = 1.0  # weight of the penalty, chosen on real spines: docs/measurements.md
END_STEPS = 6  # the first and the last direction follow the slope of this many

_TIE = 1e-9  # distances that are equal but for rounding; the upper apex is taken


@dataclass(frozen=True)
class Bend:
    """Deviation of a curve from its chord.

    Attributes
    ----------
    angle
        Degrees between the two lines that meet at the apex; 0 for a straight curve.
    apex
        Index of the point farthest from the chord.
    offset
        Signed distance of the apex from the chord; positive where it lies on the side of larger x of a downward chord.
    """

    angle: float
    apex: int
    offset: float


def deviation(points: Float[np.ndarray, "n 2"]) -> Bend:
    """Find the point farthest from the chord of a curve, and the deviation from straight there.

    Parameters
    ----------
    points
        At least three points (x, y), from top to bottom.

    Examples
    --------
    >>> from cxrfactory.geometry.curve import deviation
    >>> round(deviation(np.array([[0.0, 0], [1, 1], [0, 2]])).angle, 9)
    90.0
    """
    points = np.asarray(points, np.float64)
    chord = points[-1] - points[0]
    length = np.hypot(*chord)
    x, y = (points - points[0]).T
    offsets = (x * chord[1] - y * chord[0]) / length
    distances = np.abs(offsets[1:-1])
    apex = 1 + int(np.argmax(distances >= distances.max() * (1 - _TIE)))
    (ax, ay), (bx, by) = points[apex] - points[0], points[-1] - points[apex]
    angle = abs(np.degrees(np.arctan2(ax * by - ay * bx, ax * bx + ay * by)))
    return Bend(float(angle), apex, float(offsets[apex]))


def tangents(points: Float[np.ndarray, "n 2"], smoothing: float = SMOOTHING) -> Float[np.ndarray, " n"]:
    """Compute the directions of the smoothed curve at its points.

    Parameters
    ----------
    points
        At least four points (x, y), from top to bottom.
    smoothing
        Weight of the penalty; 0 for none.

    Returns
    -------
    array
        Degrees from the downward vertical, positive towards larger x.
    """
    steps = np.diff(np.asarray(points, np.float64), axis=0)
    lengths = np.hypot(*steps.T)
    place = np.append(0.0, np.cumsum(lengths)) / lengths.mean()
    middle = (place[1:] + place[:-1]) / 2
    raw = np.unwrap(np.arctan2(steps[:, 0], steps[:, 1]))
    count = len(raw)
    before, after = np.diff(middle)[:-1], np.diff(middle)[1:]
    penalty = np.zeros((count - 2, count))
    row = np.arange(count - 2)
    penalty[row, row] = 2 / (before * (before + after))
    penalty[row, row + 1] = -2 / (before * after)
    penalty[row, row + 2] = 2 / (after * (before + after))
    smooth = np.linalg.solve(np.eye(count) + smoothing * penalty.T @ penalty, raw)
    at = np.interp(place, middle, smooth)
    span = min(END_STEPS, count - 1)
    at[0] -= (smooth[span] - smooth[0]) / (middle[span] - middle[0]) * (middle[0] - place[0])
    at[-1] += (smooth[-1] - smooth[-1 - span]) / (middle[-1] - middle[-1 - span]) * (place[-1] - middle[-1])
    return np.degrees(at)


def most_tilted(directions: Float[np.ndarray, " n"]) -> tuple[int, int]:
    """Return the upper and the lower index of the two directions with the largest angle between them."""
    one, other = int(np.argmax(directions)), int(np.argmin(directions))
    return min(one, other), max(one, other)
