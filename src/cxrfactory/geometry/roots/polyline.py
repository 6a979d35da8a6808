"""Arc length, points, directions and nearest places of polylines, in pixels (x, y)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

_TIE = 1e-12


def arc_lengths(points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, " n"]:
    """Return the length of a polyline from its first point to each of its points."""
    steps = np.hypot(*np.diff(points, axis=0).T)
    return np.concatenate([[0.0], np.cumsum(steps)])


def length_of(points: Float[np.ndarray, "n 2"]) -> float:
    """Return the length of a polyline."""
    return float(arc_lengths(points)[-1])


def point_at(points: Float[np.ndarray, "n 2"], place: float) -> Float[np.ndarray, " 2"]:
    """Return the point at a length ``place`` from the start; places beyond an end give that end."""
    arcs = arc_lengths(points)
    return np.array([np.interp(place, arcs, points[:, 0]), np.interp(place, arcs, points[:, 1])])


def nearest_place(points: Float[np.ndarray, "n 2"], point: Float[np.ndarray, " 2"]) -> tuple[float, float]:
    """Find the place of a polyline that is nearest to a point.

    Returns
    -------
    The length from the start to that place, and the distance. Among equally near places the first is taken.
    """
    starts, steps = points[:-1], np.diff(points, axis=0)
    squares = np.maximum((steps**2).sum(1), _TIE)
    shares = np.clip(((point - starts) * steps).sum(1) / squares, 0.0, 1.0)
    gaps = np.hypot(*(starts + shares[:, None] * steps - point).T)
    best = int(np.argmin(gaps))
    return float(arc_lengths(points)[best] + shares[best] * np.sqrt((steps[best] ** 2).sum())), float(gaps[best])


def piece(points: Float[np.ndarray, "n 2"], start: float, end: float) -> Float[np.ndarray, "m 2"]:
    """Cut the part of a polyline between two places, with points at exactly these places."""
    arcs = arc_lengths(points)
    inner = (arcs > start + 1e-9) & (arcs < end - 1e-9)
    return np.vstack([point_at(points, start), points[inner], point_at(points, end)])


def direction(points: Float[np.ndarray, "n 2"], start: float, end: float) -> Float[np.ndarray, " 2"]:
    """Return the unit vector from the place ``start`` to the place ``end``; zeros if the two points coincide."""
    step = point_at(points, end) - point_at(points, start)
    size = float(np.hypot(*step))
    return step / size if size > _TIE else np.zeros(2)


def angle_between(first: Float[np.ndarray, " 2"], second: Float[np.ndarray, " 2"]) -> float:
    """Return the angle between two vectors in degrees, from 0 to 180."""
    cross = first[0] * second[1] - first[1] * second[0]
    return float(np.degrees(np.arctan2(abs(cross), float(first @ second))))
