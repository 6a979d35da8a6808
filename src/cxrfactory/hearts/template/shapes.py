"""The shape of a normal adult heart at end-diastole, as smooth functions of position.

Each solid is a function that is negative inside and about the distance in mm near its surface. A point's part follows
from the signs of all functions alone (:func:`part_of`), so the surface between two parts is always the zero of one
function, the rim of a valve is the zero of two, and a corner that of three.

Positions are in the heart frame, in mm: the origin is the centre of the left ventricle's cavity at its base plane, z
points from the apex to the base, x from the left ventricle to the right one, and y = z x x to the anterior wall. The
sizes follow normal values of cardiac MR: a left ventricle of 130 ml with a wall of 9 mm, a right one of 150 ml.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float, UInt8

from cxrfactory.compiled import compiled
from cxrfactory.geometry.mesh.labelled import OUTSIDE

PARTS = ("lv", "lv_myocardium", "rv", "la", "ra", "aorta", "pulmonary_artery")

Points = Float[np.ndarray, "n 3"]
Solid = Callable[[Points], Float[np.ndarray, " n"]]


def ellipsoid(centre: tuple, axes: tuple, points: Points) -> Float[np.ndarray, " n"]:
    """Return about the signed distance to an ellipsoid; exact to first order near the surface."""
    apart = (points - np.asarray(centre)) / np.asarray(axes)
    inner = np.linalg.norm(apart, axis=1)
    return inner * (inner - 1) / np.maximum(np.linalg.norm(apart / np.asarray(axes), axis=1), 1e-9)


def united(a: np.ndarray, b: np.ndarray, width_mm: float) -> np.ndarray:
    """Return the smooth union of two solids; the seam is rounded over ``width_mm``."""
    apart = np.maximum(width_mm - np.abs(a - b), 0) / width_mm
    return np.minimum(a, b) - apart**3 * width_mm / 6


def common(a: np.ndarray, b: np.ndarray, width_mm: float) -> np.ndarray:
    """Return the smooth intersection of two solids; the edge is rounded over ``width_mm``."""
    return -united(-a, -b, width_mm)


@compiled
def _to_tube(points, curve, tangents, radii):
    """Return the distance of points to a tube's wall: along the curve's normal at the nearest point."""
    found = np.empty(len(points))
    last = len(curve) - 1
    step = np.sqrt(((curve[1] - curve[0]) ** 2).sum())
    for i in range(len(points)):
        x, y, z = points[i]
        best, nearest = np.inf, 0
        for j in range(last + 1):
            apart = (x - curve[j, 0]) ** 2 + (y - curve[j, 1]) ** 2 + (z - curve[j, 2]) ** 2
            if apart < best:
                best, nearest = apart, j
        ux, uy, uz = x - curve[nearest, 0], y - curve[nearest, 1], z - curve[nearest, 2]
        along, radius = 0.0, radii[nearest]
        if 0 < nearest < last:
            along = ux * tangents[nearest, 0] + uy * tangents[nearest, 1] + uz * tangents[nearest, 2]
            other = nearest + 1 if along > 0 else nearest - 1
            radius += (radii[other] - radii[nearest]) * abs(along) / step
        found[i] = np.sqrt(max(ux * ux + uy * uy + uz * uz - along * along, 0.0)) - radius
    return found


@dataclass(frozen=True)
class Tube:
    """A vessel along a smooth curve.

    Attributes
    ----------
    curve
        Points (x, y, z) of the axis, evenly spaced.
    lengths
        Arc length at each point.
    radii
        Radius at each point.
    """

    curve: np.ndarray
    lengths: np.ndarray
    radii: np.ndarray

    @classmethod
    def through(cls, points: tuple, radii_mm: tuple) -> "Tube":
        """Build a tube along a smooth curve through points, with the radius given at each."""
        from scipy.interpolate import CubicSpline, PchipInterpolator

        points = np.asarray(points, float)
        knots = np.r_[0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))]
        fine = np.linspace(0, knots[-1], 1001)
        curve = CubicSpline(knots, points)(fine)
        along = np.r_[0, np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))]
        lengths = np.linspace(0, along[-1], 201)
        curve = np.stack([np.interp(lengths, along, each) for each in curve.T], 1)
        radii = PchipInterpolator(knots, radii_mm)(np.interp(lengths, along, fine))
        return cls(curve, lengths, radii)

    def __call__(self, points: Points) -> Float[np.ndarray, " n"]:
        """Return about the signed distance to the wall."""
        tangents = np.gradient(self.curve, self.lengths, axis=0)
        return _to_tube(np.ascontiguousarray(points, np.float64), self.curve, tangents, self.radii)

    def cut(self, length_mm: float) -> tuple[np.ndarray, np.ndarray]:
        """Return a point of the axis at an arc length, and the axis's direction there."""
        tangent = np.gradient(self.curve, self.lengths, axis=0)
        at = [
            np.stack([np.interp(length_mm, self.lengths, each) for each in values.T])
            for values in (self.curve, tangent)
        ]
        return at[0], at[1] / np.linalg.norm(at[1])


def plane(point: np.ndarray, normal: np.ndarray, points: Points) -> Float[np.ndarray, " n"]:
    """Return the signed distance to a plane; negative before it."""
    return (points - point) @ normal


@cache
def aortic_tube() -> Tube:
    """Left outflow tract, root with its sinuses, and ascending aorta."""
    return Tube.through(
        ((7, 7, -14), (13, 13, 2), (18, 19, 14), (23, 27, 26), (28, 38, 40), (32, 52, 54)),
        (11.0, 11.5, 15.5, 14.0, 14.8, 15.0),
    )


@cache
def pulmonary_tube() -> Tube:
    """Right outflow tract and pulmonary trunk."""
    return Tube.through(
        ((42, 18, -30), (33, 36, -16), (18, 50, 2), (5, 59, 18), (-12, 64, 34), (-24, 66, 42)),
        (15.0, 14.0, 12.5, 13.2, 13.0, 13.0),
    )


AORTIC_VALVE_MM = 20.0  # arc lengths along the tubes
AORTA_END_MM = 80.0
PULMONARY_VALVE_MM = 44.0
PULMONARY_END_MM = 87.0


def left(points: Points) -> np.ndarray:
    """Left ventricle's cavity with outflow tract and aorta."""
    cavity = common(ellipsoid((0, 0, -25), (25.2, 25.2, 62), points), points[:, 2], 4)
    return united(cavity, aortic_tube()(points), 6)


def right(points: Points) -> np.ndarray:
    """Right ventricle with outflow tract and pulmonary trunk, without regard to the left ventricle's wall."""
    bent = points.copy()
    bent[:, 0] += 0.0027 * np.minimum(points[:, 2] + 24, 0) ** 2  # the apex lies at the septum
    body = ellipsoid((30, -3, -24), (39, 35.5, 61), bent)
    body = common(body, plane(np.array([45.0, -4, -8]), np.array([0.12, -0.08, 0.99]), points), 8)
    return united(body, pulmonary_tube()(points), 14)


def solids() -> Mapping[str, Solid]:
    """Return the functions by name."""
    aortic, pulmonary = aortic_tube(), pulmonary_tube()
    return {
        "left_endocardium": left,
        "aortic_valve": lambda points: plane(*aortic.cut(AORTIC_VALVE_MM), points),
        "aortic_end": lambda points: plane(*aortic.cut(AORTA_END_MM), points),
        "left_epicardium": lambda points: ellipsoid((0, 0, -25), (34.2, 34.2, 69), points),
        "left_base": lambda points: points[:, 2],
        "right_endocardium": right,
        "pulmonary_valve": lambda points: plane(*pulmonary.cut(PULMONARY_VALVE_MM), points),
        "pulmonary_end": lambda points: plane(*pulmonary.cut(PULMONARY_END_MM), points),
        "left_atrium": lambda points: ellipsoid((-7, -7, 19), (29, 27, 25), points),
        "right_atrium": lambda points: ellipsoid((46, -9, 17), (27, 28, 29), points),
    }


def part_of(inside: Bool[np.ndarray, "n solids"]) -> UInt8[np.ndarray, " n"]:
    """Return the index of the part of points, from whether they are inside each of :func:`solids`."""
    lv, valve, end, epicardium, base, rv, pulmonary, pulmonary_end, la, ra = inside.T
    choices = {
        "lv": lv & valve,
        "aorta": lv & end,
        "lv_myocardium": epicardium & base,
        "rv": rv & pulmonary,
        "pulmonary_artery": rv & pulmonary_end,
        "la": la,
        "ra": ra,
    }
    # Space beyond the ends of the vessels belongs to no part.
    beyond = (lv & ~end) | (rv & ~pulmonary & ~pulmonary_end)
    found = np.full(len(inside), OUTSIDE, np.uint8)
    for name in reversed(choices):
        found[choices[name] & ~beyond] = PARTS.index(name)
    return found
