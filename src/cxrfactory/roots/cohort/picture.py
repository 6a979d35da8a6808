"""Pictures of virtual plates in infrared light, and exact masks of the roots that they show."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8
from numpy.random import Generator

from cxrfactory.geometry.roots.polyline import arc_lengths, piece
from cxrfactory.roots.cohort.distance import RootField
from cxrfactory.roots.cohort.grow import GrownRoot
from cxrfactory.roots.cohort.leaves import Leaves
from cxrfactory.roots.cohort.plate import Plate
from cxrfactory.roots.cohort.scenery import draw_label, draw_litter, draw_walls
from cxrfactory.roots.cohort.water import Water
from cxrfactory.tables.keys import seed_of

_LAMPS = 4
_COARSE = 48  # side of the grid on which the light is computed


@dataclass(frozen=True)
class Picture:
    """One picture of a plate.

    Attributes
    ----------
    frame
        Its number, from 0.
    grey
        Grey values as the camera gives them, [row, column].
    mask
        Roots in the frame of the plate's first picture, [row, column].
    """

    frame: int
    grey: UInt8[np.ndarray, "height width"]
    mask: Bool[np.ndarray, "height width"]


def pictures_of(plate: Plate) -> Iterator[Picture]:
    """Iterate over the pictures of a plate in the order of time.

    The mask holds the pixels whose centres lie within a root's half-width of its line. It includes laterals that are
    too short to count in the graphs.
    """
    side = plate.plate_px
    look = plate.look
    rng = np.random.default_rng(seed_of(plate.name, "virtual plate, scenery", plate.seed))
    agar = look.ground * draw_walls(side) + draw_litter(rng, side, look.litter)
    water = Water(rng, side, float(plate.hours[-1]), look.haze, look.drops)
    light = _Light(rng, look.light)
    label = draw_label(plate.name, side)
    leaves = [Leaves(plate.name, plant, side, plate.seed) for plant in plate.plants]
    roots = [(root, _tones(rng, root, plate.mm_per_pixel)) for plant in plate.plants for root in plant.roots]
    field = RootField(side, side)
    for frame, hours in enumerate(plate.hours.tolist()):
        for root, tones in roots:
            _reveal(field, root, tones, frame)
        picture = agar + _roots(field, look.contrast, look.soft_px)
        for each in leaves:
            each.over(picture, hours)
        picture = water.over(picture, hours)
        label.over(picture, look.inverted)
        yield Picture(frame, _photograph(plate, frame, picture, light.at(hours, side)), field.mask())


class _Light:
    """Uneven light of a few lamps behind the plate, whose strengths vary slowly."""

    def __init__(self, rng: Generator, strength: float) -> None:
        self._strength = strength
        self._middles = rng.uniform(-0.3, 1.3, (_LAMPS, 2))
        self._sizes = rng.uniform(0.35, 0.8, _LAMPS)
        self._weights = rng.uniform(-1, 1, _LAMPS)
        self._periods = rng.uniform(30, 120, _LAMPS)
        self._phases = rng.uniform(0, 2 * np.pi, _LAMPS)
        self._slope = rng.normal(0, 0.5, 2)

    def at(self, hours: float, side: int) -> Float32[np.ndarray, "side side"]:
        """Return the light at one time, relative to its mean, [row, column]."""
        at = (np.arange(_COARSE) + 0.5) / _COARSE
        turn = 2 * np.pi * hours / self._periods + self._phases
        found = self._slope[0] * (at - 0.5)[None, :] + self._slope[1] * (at - 0.5)[:, None]
        for (x, y), size, weight, angle in zip(self._middles, self._sizes, self._weights, turn, strict=True):
            x, y = x + 0.08 * np.cos(angle), y + 0.08 * np.sin(angle)
            near = np.exp(-((at[None, :] - x) ** 2 + (at[:, None] - y) ** 2) / (2 * size**2))
            found = found + weight * (1 + 0.4 * np.sin(1.7 * angle)) * near
        corner = (at[None, :] - 0.5) ** 2 + (at[:, None] - 0.5) ** 2
        found = 1 + self._strength * (found - found.mean()) - 0.25 * corner
        return cv2.resize(found.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)


def _tones(rng: Generator, root: GrownRoot, mm_per_pixel: float) -> np.ndarray:
    """Return the contrast at each point of a root's path, which varies slowly along it; 1 on average."""
    count = len(root.points)
    knots = max(int(arc_lengths(root.points)[-1] * mm_per_pixel / 4.0), 1) + 2
    at = np.linspace(0, knots - 1, count)
    usual = rng.uniform(0.95, 1.1) if root.base is None else rng.uniform(0.75, 1.0)
    return usual + np.interp(at, np.arange(knots), np.clip(rng.normal(0, 0.09, knots), -0.2, 0.2))


def _reveal(field: RootField, root: GrownRoot, tones: np.ndarray, frame: int) -> None:
    """Add what a root has grown since the picture before."""
    start, end = (float(root.lengths_px[frame - 1]) if frame else 0.0), float(root.lengths_px[frame])
    if end > start:
        part = piece(root.points, start, end)
        at = start + arc_lengths(part)
        field.add(part, root.half_width_px, np.interp(at, arc_lengths(root.points), tones))


def _roots(field: RootField, contrast: float, soft_px: float) -> Float32[np.ndarray, "height width"]:
    """Return what roots add to the grey value: bright, with soft edges and a faint dark seam where light is bent."""
    off = field.distance.astype(np.float32)
    cover = np.clip(0.5 - off / (1.6 * soft_px), 0, 1)
    seam = np.exp(-(((off - 1.5 * soft_px) / (0.9 * soft_px)) ** 2))
    return contrast * field.tone * (cover - 0.12 * seam)


def _photograph(
    plate: Plate, frame: int, picture: Float32[np.ndarray, "height width"], light: Float32[np.ndarray, "height width"]
) -> UInt8[np.ndarray, "height width"]:
    """Return the picture that the camera takes: moved, blurred, with noise and the camera's curve."""
    look = plate.look
    rng = np.random.default_rng(seed_of(f"{plate.name}/{frame}", "virtual plate, sensor", plate.seed))
    x, y = -plate.shifts[frame]
    if x or y:
        motion = np.array([[1, 0, x], [0, 1, y]])
        picture = cv2.warpAffine(
            picture, motion, picture.shape[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
    picture = picture * light * np.float32(1 + rng.normal(0, 0.006))
    if look.blur_px > 0.2:
        picture = cv2.GaussianBlur(picture, (0, 0), look.blur_px)
    picture += np.float32(look.noise) * rng.standard_normal(picture.shape, dtype=np.float32)
    picture = np.clip(picture, 0, 1) ** np.float32(look.gamma)
    if look.inverted:
        picture = 0.97 - 0.92 * picture
    return np.round(picture * 255).astype(np.uint8)
