"""Where a virtual heart lies in the patient, and the image planes that an operator would put through it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.random import Generator

from cxrfactory.hearts.views import LONG_AXIS

# Usual directions of the heart's axes in the patient (x to the left, y to the back, z to the head).
_TO_BASE = np.array([-0.55, 0.60, 0.58])
_TO_RIGHT = np.array([-0.82, -0.52, -0.18])
_MISSING = 0.12  # share of examinations that lack a long-axis view
# Angle of the 2-chamber plane (anterior to inferior wall) from the 4-chamber plane (septum to lateral wall) about the
# long axis, degrees, and its spread: 120 in the wheel of segments (Cerqueira et al. 2002); planned planes vary.
_TWO_FROM_FOUR = (115.0, 12.0)


@dataclass(frozen=True)
class Pose:
    """Place of the heart's frame in the patient: position = rotation @ point + shift_mm."""

    rotation: Float[np.ndarray, "3 3"]
    shift_mm: Float[np.ndarray, " 3"]

    def place(self, points: np.ndarray) -> np.ndarray:
        """Return positions in the patient of points in the heart's frame."""
        return np.asarray(points, float) @ self.rotation.T + self.shift_mm


@dataclass(frozen=True)
class Slice:
    """An image plane before it has pixels; the attributes are those of :class:`cxrfactory.hearts.views.ImagePlane`.

    Attributes
    ----------
    moved_mm
        Shift of the patient while this slice was taken, against the others.
    """

    origin_mm: Float[np.ndarray, " 3"]
    across: Float[np.ndarray, " 3"]
    down: Float[np.ndarray, " 3"]
    spacing_mm: float
    thickness_mm: float
    height: int
    width: int
    moved_mm: Float[np.ndarray, " 3"]


@dataclass(frozen=True)
class Plan:
    """All slices of an examination; both frames of a patient have the same."""

    short_axis: tuple[Slice, ...]
    long_axis: dict[str, Slice]


def draw_pose(rng: Generator) -> Pose:
    """Draw the direction and the place of a heart in the patient."""
    z = _turned(rng, _TO_BASE, 9.0)
    x = _turned(rng, _TO_RIGHT, 13.0)
    x = _unit(x - (x @ z) * z)
    rotation = np.stack([x, np.cross(z, x), z], 1)
    # The scanner's origin is anywhere near the heart.
    return Pose(rotation, rng.normal((10, -20, 10), (25, 25, 40)))


def draw_plan(rng: Generator, landmarks_mm: dict[str, np.ndarray], centre_mm: np.ndarray) -> Plan:
    """Draw the slices of an examination from landmarks of the heart at end-diastole in the patient.

    Parameters
    ----------
    rng
        Source of random numbers.
    landmarks_mm
        Positions of ``apex``, ``mitral``, ``tricuspid`` and ``aortic``.
    centre_mm
        Middle of the heart.
    """
    apex, mitral = landmarks_mm["apex"], landmarks_mm["mitral"]
    axis = _unit(mitral - apex)
    breathing = rng.choice([0.3, 1.0, 2.0, 3.5], p=[0.3, 0.35, 0.25, 0.1])
    spacing = rng.uniform(1.2, 2.0)
    field = rng.uniform(270, 390)
    size = (round(field * rng.uniform(0.72, 1.0) / spacing), round(field / spacing))

    normal = _turned(rng, axis, 3.5)
    along, thickness = _distances(rng)
    first = rng.uniform(-6, 14)  # of the first slice above the valve
    reach = np.linalg.norm(mitral - apex) + first - rng.uniform(-4, 18)
    count = int(np.clip(round(reach / along) + 1, 5, 16))
    across, down = _directions(rng, normal, "sax")
    aside = rng.uniform(-25, 25, 2)
    middle = mitral + ((centre_mm - mitral) @ across) * across + ((centre_mm - mitral) @ down) * down
    middle = middle + aside[0] * across + aside[1] * down
    short = tuple(
        _slice(middle + (first - order * along) * normal, across, down, spacing, thickness, size, rng, breathing)
        for order in range(count)
    )
    # A long-axis slice may have another pixel size and its own field.
    if rng.random() < 0.3:
        spacing = rng.uniform(1.2, 2.0)
    long_axis = {}
    for name, towards in _long_axis_planes(rng, landmarks_mm).items():
        if rng.random() < _MISSING:
            continue
        normal = _turned(rng, _unit(np.cross(axis, towards)), 4.0)
        across, down = _directions(rng, normal, name)
        point = (apex + mitral) / 2 + rng.normal(0, 2.5) * normal
        point = point + rng.uniform(-30, 30) * across + rng.uniform(-30, 30) * down
        field = rng.uniform(270, 390)
        size = (round(field * rng.uniform(0.72, 1.0) / spacing), round(field / spacing))
        if name != "4ch" and rng.random() < 0.7:
            size = size[::-1]
        long_axis[name] = _slice(point, across, down, spacing, thickness, size, rng, breathing)
    return Plan(short, long_axis)


def _distances(rng: Generator) -> tuple[float, float]:
    """Draw the distance between the centres of neighbouring slices and a slice's thickness, mm."""
    thickness = float(rng.choice([6, 7, 8, 10]))
    if rng.random() < 0.25:
        return rng.uniform(max(6, thickness), 18), thickness  # many examinations leave gaps, some large
    return thickness + float(rng.choice([0, 1, 2, 4])), thickness


def _long_axis_planes(rng: Generator, landmarks_mm: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return for each view a direction in its plane, beside the long axis."""
    mitral = landmarks_mm["mitral"]
    axis = _unit(mitral - landmarks_mm["apex"])
    four = landmarks_mm["tricuspid"] - mitral
    four = _unit(four - (four @ axis) * axis)
    three = landmarks_mm["aortic"] - mitral
    three = _unit(three - (three @ axis) * axis)
    turn = np.radians(rng.normal(*_TWO_FROM_FOUR))
    two = np.cos(turn) * four + np.sin(turn) * np.cross(axis, four)
    return dict(zip(LONG_AXIS, (two, three, four), strict=True))


def _directions(rng: Generator, normal: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the directions of rows and columns as scanners choose them: left and back (or feet) as far as possible."""
    if name in ("sax", "4ch"):
        across = _unit(np.cross([0.0, 1.0, 0.0], normal))
        across = across if across[0] > 0 else -across
        down = np.cross(normal, across)
        if down[1] < 0:
            down = -down
    else:
        down = _unit(np.array([0.0, 0.0, -1.0]) + normal[2] * normal)
        across = np.cross(down, normal)
        if across[1] < 0:
            across = -across
    if name != "sax":  # some are shown turned or mirrored
        across, down = across * rng.choice([1, -1], p=[0.85, 0.15]), down * rng.choice([1, -1], p=[0.8, 0.2])
    turn = np.radians(rng.normal(0, 12))
    return np.cos(turn) * across + np.sin(turn) * down, np.cos(turn) * down - np.sin(turn) * across


def _slice(
    middle: np.ndarray,
    across: np.ndarray,
    down: np.ndarray,
    spacing: float,
    thickness: float,
    size: tuple[int, int],
    rng: Generator,
    breathing_mm: float,
) -> Slice:
    height, width = size
    origin = middle - spacing * ((width - 1) / 2 * across + (height - 1) / 2 * down)
    moved = rng.normal(0, breathing_mm) * np.array([0.15, -0.3, 0.94]) + rng.normal(0, 0.2 * breathing_mm, 3)
    return Slice(origin, across, down, spacing, thickness, height, width, moved)


def _turned(rng: Generator, direction: np.ndarray, degrees: float) -> np.ndarray:
    """Return a direction turned by a random angle of a few degrees."""
    return _unit(_unit(direction) + np.tan(np.radians(degrees)) * np.clip(rng.normal(size=3), -2.2, 2.2))


def _unit(direction: np.ndarray) -> np.ndarray:
    return direction / np.linalg.norm(direction)
