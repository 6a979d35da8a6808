"""Seeds and leaves of virtual plants: they grow above the seed and hide nothing of the roots below it."""

import numpy as np
from jaxtyping import Float32

from cxrfactory.roots.cohort.grow import FIELD_MM, Plant
from cxrfactory.tables.keys import seed_of

_LEAVES = 7
_HOURS_A_LEAF = 22.0  # between the beginnings of two leaves


class Leaves:
    """The leaves of one plant.

    Parameters
    ----------
    plate
        Name of the plate.
    plant
        The plant.
    plate_px
        Side of the pictures, pixels.
    seed
        Seed of the cohort.
    """

    def __init__(self, plate: str, plant: Plant, plate_px: int, seed: int) -> None:
        rng = np.random.default_rng(seed_of(f"{plate}/{plant.name}", "virtual leaves", seed))
        self._plant = plant
        self._per_mm = plate_px / FIELD_MM
        side = rng.choice((-1, 1))
        sides = np.array([side, -side, side, -side, side, -side, 0])
        self._angles = sides * np.deg2rad(rng.uniform((62, 62, 30, 30, 70, 70, 0), (85, 85, 50, 50, 88, 88, 8)))
        self._begins = 8 + _HOURS_A_LEAF * np.array([0, 0.1, 1.6, 2.2, 3.4, 4.2, 5.0]) * rng.uniform(0.8, 1.2)
        self._sizes = rng.uniform((1.0, 1.0, 1.5, 1.5, 1.9, 1.9, 1.3), (1.3, 1.3, 2.1, 2.1, 2.6, 2.6, 1.8))
        self._slim = rng.uniform(0.52, 0.72, _LEAVES)
        self._grey = rng.uniform(0.62, 0.8, _LEAVES)
        self._veins = rng.uniform(0, 2 * np.pi, _LEAVES)
        self._husk = rng.uniform(0, np.pi)

    def over(self, picture: Float32[np.ndarray, "height width"], hours: float) -> None:
        """Put the seed and the leaves over a picture, in place.

        Parameters
        ----------
        picture
            Grey values from 0 to 1, [row, column], in the first picture's frame.
        hours
            Time of the picture.
        """
        x, y = self._plant.seed
        age = min(hours, self._plant.stop_hours) - self._plant.start_hours
        reach = 6.5 * self._per_mm
        rows = slice(max(int(y - reach), 0), min(int(y + 0.2 * reach) + 2, picture.shape[0]))
        columns = slice(max(int(x - reach), 0), min(int(x + reach) + 2, picture.shape[1]))
        part = picture[rows, columns]
        across = ((np.arange(columns.start, columns.stop) - x) / self._per_mm)[None, :]
        up = ((y - np.arange(rows.start, rows.stop)) / self._per_mm)[:, None]
        for leaf in range(_LEAVES) if age > 0 else ():
            size = self._sizes[leaf] / (1 + np.exp(-(age - self._begins[leaf] - 24) / 15))
            if age > self._begins[leaf] and size > 0.1:
                self._leaf(part, across, up, leaf, float(size))
        cos, sin = np.cos(self._husk), np.sin(self._husk)
        husk = np.hypot((across * cos + up * sin) / 0.34, (up * cos - across * sin) / 0.22)
        _blend(part, 0.58 - 0.12 * husk, _soft(1 - husk, 0.22 * self._per_mm))

    def _leaf(self, part: np.ndarray, across: np.ndarray, up: np.ndarray, leaf: int, size: float) -> None:
        angle = self._angles[leaf]
        along = across * np.sin(angle) + (up - 0.35) * np.cos(angle)  # from the stem outwards
        beside = across * np.cos(angle) - (up - 0.35) * np.sin(angle)
        middle, half = 1.25 * size, 0.85 * size
        blade = np.hypot((along - middle) / half, beside / (half * self._slim[leaf]))
        stalk = np.maximum(np.abs(beside) / 0.17, np.abs(along - middle / 2) / (middle / 2 + 0.1))
        vein = 1 - 0.12 * np.exp(-((beside / 0.12) ** 2)) - 0.05 * np.sin(5 * along / size + self._veins[leaf])
        _blend(part, 0.85 * self._grey[leaf], _soft(1 - stalk, 0.17 * self._per_mm))
        grey = self._grey[leaf] * vein * (1 - 0.12 * blade**2)
        _blend(part, grey, _soft(1 - blade, half * self._slim[leaf] * self._per_mm))


def _soft(inside: np.ndarray, scale_px: float) -> np.ndarray:
    """Return the share of pixels that a shape covers: its edge, where ``inside`` is 0, is about a pixel wide."""
    return np.clip(0.5 + inside * scale_px / 1.3, 0, 1)


def _blend(part: np.ndarray, grey: np.ndarray | float, cover: np.ndarray) -> None:
    part += (cover * (grey - part)).astype(np.float32)
