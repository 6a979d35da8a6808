"""Devices drawn over films: a pacemaker with its leads, and the electrodes of a monitor with their cables.

Metal is white in a film. A device is a map of opacity from 0 to 1, by which grey values move towards white; what lies
below stays visible as far as the device lets it. The anatomy does not change. Sizes are in mm and follow those of usual
devices: a generator of 40 to 60 mm, leads of about 2 mm, electrodes with a snap of 10 mm on a pad of 35 mm.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

WHITE = 250.0
_SHIFT = 4  # binary digits behind the point of the coordinates that are drawn

Point = tuple[float, float]


@dataclass(frozen=True)
class Chest:
    """Where the lungs lie in a frontal film, as both devices need it.

    Attributes
    ----------
    top, bottom
        First and last row of both lungs.
    middle
        Column between the inner borders of the lungs.
    outer
        Column of the outer border of the lung on the left and on the right side of the picture.
    pixel_mm
        Side of a pixel in mm.
    """

    top: float
    bottom: float
    middle: float
    outer: tuple[float, float]
    pixel_mm: float

    @classmethod
    def of(cls, right_lung: Bool[np.ndarray, "h w"], left_lung: Bool[np.ndarray, "h w"], pixel_mm: float) -> "Chest":
        """Measure the masks of the lungs; the patient's right lung lies on the left side of the picture."""
        rows = np.flatnonzero((right_lung | left_lung).any(axis=1))
        right, left = (np.flatnonzero(lung.any(axis=0)) for lung in (right_lung, left_lung))
        middle = 0.5 * (right[-1] + left[0])
        return cls(float(rows[0]), float(rows[-1]), float(middle), (float(right[0]), float(left[-1])), pixel_mm)

    def at(self, outward_share: float, down_share: float, side: int) -> Point:
        """Return a point (x, y): shares of the half width from the middle outwards, and of the lungs' height down.

        ``side`` is 1 for the right side of the picture (the patient's left) and -1 for the other one.
        """
        edge = self.outer[1] if side > 0 else self.outer[0]
        return (
            self.middle + outward_share * abs(edge - self.middle) * side,
            self.top + down_share * (self.bottom - self.top),
        )


def pacemaker(shape: tuple[int, int], chest: Chest, rng: np.random.Generator) -> Float32[np.ndarray, "h w"]:
    """Return the opacity of a pacemaker with one or two leads.

    Its generator lies below a clavicle, mostly the left one. The leads run along the vein to the superior vena cava,
    and from there to the tip of the right ventricle and to the right atrium.
    """
    side = 1 if rng.random() < 0.85 else -1
    mm = 1 / chest.pixel_mm
    x, y = chest.at(rng.uniform(0.62, 0.8), rng.uniform(0.14, 0.28), side)
    width, height = rng.uniform(40, 60) * mm, rng.uniform(38, 52) * mm
    turn = np.radians(rng.uniform(-25, 25))
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    power = 0.75  # between an ellipse and a rectangle with round corners
    outline = np.stack([np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power * width / 2,
                        np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power * height / 2], axis=1)  # fmt: skip
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    battery = outline * [0.8, 0.4] + [0, 0.18 * height]
    header = outline * [0.75, 0.22] + [0, -0.5 * height]
    opacity = np.zeros(shape, np.float32)
    for part, strength in ((header, 0.35), (outline, rng.uniform(0.7, 0.85)), (battery, 0.93)):
        opacity = np.maximum(opacity, strength * _filled(shape, part @ rotation.T + [x, y]))
    exit_at = rotation @ [-side * 0.3 * width, -0.55 * height] + [x, y]
    vein = chest.at(rng.uniform(0.3, 0.4), rng.uniform(0.0, 0.06), side)
    cava = chest.at(rng.uniform(0.1, 0.18), rng.uniform(0.3, 0.36), -1)
    lower = chest.at(rng.uniform(0.14, 0.2), 0.62, -1)
    tip = chest.at(rng.uniform(0.3, 0.5), rng.uniform(0.84, 0.93), 1)
    knee = chest.at(rng.uniform(0.02, 0.1), rng.uniform(0.84, 0.92), 1)
    ends = [[lower, knee, tip]]
    if rng.random() < 0.6:
        ends.append([chest.at(0.12, 0.68, -1), chest.at(rng.uniform(0.24, 0.32), rng.uniform(0.58, 0.64), -1)])
    for number, end in enumerate(ends):
        slack = 6 * mm * number
        loop = (exit_at[0] - side * 12 * mm, exit_at[1] - 8 * mm - slack)
        path = _smooth([tuple(exit_at), loop, (vein[0], vein[1] + slack), (cava[0] + slack / 2, cava[1]), *end])
        opacity = np.maximum(opacity, 0.75 * _stroke(shape, path, 1.6 * mm))
        opacity = np.maximum(opacity, 0.9 * _stroke(shape, path[-2:], 2.4 * mm))
    return opacity


def electrodes(shape: tuple[int, int], chest: Chest, rng: np.random.Generator) -> Float32[np.ndarray, "h w"]:
    """Return the opacity of three to five electrodes on the skin, whose cables leave the film at its lower edge."""
    mm = 1 / chest.pixel_mm
    places = [(0.75, 0.1, -1), (0.75, 0.1, 1), (0.75, 0.85, 1), (0.75, 0.85, -1), (0.35, 0.6, 1)]
    count = int(rng.integers(3, len(places) + 1))
    end = chest.at(rng.uniform(0, 0.5), 1.0, 1 if rng.random() < 0.5 else -1)[0]
    opacity = np.zeros(shape, np.float32)
    for outward, down, side in places[:count]:
        x, y = chest.at(outward + rng.uniform(-0.12, 0.12), down + rng.uniform(-0.06, 0.06), side)
        middle = (0.5 * (x + end) + rng.uniform(-40, 40) * mm, 0.5 * (y + shape[0]) + rng.uniform(-30, 30) * mm)
        path = _smooth([(x, y), middle, (end + rng.uniform(-10, 10) * mm, float(shape[0]))])
        for part in (
            0.15 * _disc(shape, (x, y), 35 * mm),
            0.8 * _disc(shape, (x, y), 10 * mm),
            0.55 * _stroke(shape, path, 2.5 * mm),
        ):
            opacity = np.maximum(opacity, part)
    return opacity


DEVICES: dict[str, Callable[[tuple[int, int], Chest, np.random.Generator], Float32[np.ndarray, "h w"]]] = {
    "pacemaker": pacemaker,
    "electrodes": electrodes,
}


def cover(image: UInt8[np.ndarray, "h w"], opacity: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """Move grey values towards white by an opacity from 0 to 1; pixels of opacity 0 stay as they are."""
    white = np.maximum(image, WHITE)
    return np.round(image + (white - image) * opacity).astype(np.uint8)


def _fixed(points: Sequence[Point] | np.ndarray) -> np.ndarray:
    return np.round(np.asarray(points, float) * (1 << _SHIFT)).astype(np.int32)


def _filled(shape: tuple[int, int], points: np.ndarray) -> Float32[np.ndarray, "h w"]:
    import cv2

    canvas = np.zeros(shape, np.uint8)
    cv2.fillPoly(canvas, [_fixed(points)], 255, cv2.LINE_AA, _SHIFT)
    return canvas.astype(np.float32) / 255


def _disc(shape: tuple[int, int], centre: Point, diameter_px: float) -> Float32[np.ndarray, "h w"]:
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    return _filled(shape, np.stack([np.cos(angle), np.sin(angle)], axis=1) * diameter_px / 2 + np.array(centre))


def _stroke(shape: tuple[int, int], path: Sequence[Point] | np.ndarray, width_px: float) -> Float32[np.ndarray, "h w"]:
    """Draw a line; one thinner than a pixel is a pixel wide and fainter."""
    import cv2

    canvas = np.zeros(shape, np.uint8)
    cv2.polylines(canvas, [_fixed(path)], False, 255, max(1, round(width_px)), cv2.LINE_AA, _SHIFT)
    return canvas.astype(np.float32) / 255 * min(1.0, width_px)


def _smooth(points: Sequence[Point]) -> Float[np.ndarray, "n 2"]:
    """Return a smooth line through points (a spline over the length of the line that joins them)."""
    from scipy.interpolate import PchipInterpolator

    at = np.asarray(points, float)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(at, axis=0), axis=1))])
    return PchipInterpolator(length, at)(np.linspace(0, length[-1], 80))
