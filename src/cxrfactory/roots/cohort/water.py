"""Condensation on the lid of a virtual plate: patches of haze and droplets that come and go."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32
from numpy.random import Generator

from cxrfactory.roots.cohort.grow import FIELD_MM

_PATCHES = 4


@dataclass(frozen=True)
class _Drop:
    middle: np.ndarray  # (x, y), mm
    radius: float  # mm
    squeeze: float
    start: float  # hours
    end: float
    bright: float


class Water:
    """Haze and droplets of one plate over time.

    Parameters
    ----------
    rng
        Random numbers of this plate.
    plate_px
        Side of the pictures, pixels.
    last
        Time of the last picture, hours.
    haze
        Strength of the haze.
    drops
        Number of droplets over all pictures.
    """

    def __init__(self, rng: Generator, plate_px: int, last: float, haze: float, drops: int) -> None:
        self._per_mm = plate_px / FIELD_MM
        self._patches = [_patch(rng, plate_px) for _ in range(_PATCHES)]
        middles = rng.uniform(0, last, _PATCHES)
        self._times = np.stack([middles, rng.uniform(0.06, 0.2, _PATCHES) * last + 1e-9], axis=1)
        self._strengths = haze * rng.uniform(0.4, 1.0, _PATCHES)
        fine = cv2.GaussianBlur(rng.standard_normal((plate_px, plate_px), dtype=np.float32), (0, 0), 1.1)
        self._grain = np.clip(fine / fine.std(), -2.5, 2.5)
        self._drops = [_drop(rng, last) for _ in range(drops)]

    def over(self, picture: Float32[np.ndarray, "height width"], hours: float) -> Float32[np.ndarray, "height width"]:
        """Return a picture (grey values from 0 to 1, first picture's frame) as it is seen through the water."""
        shares = self._strengths * np.exp(-(((hours - self._times[:, 0]) / self._times[:, 1]) ** 2))
        present = [(float(share), patch) for share, patch in zip(shares, self._patches, strict=True) if share > 0.02]
        if present:
            cover = np.clip(sum(share * patch for share, patch in present), 0, 0.75)
            hidden = cv2.GaussianBlur(picture, (0, 0), 1.8) + 0.05 * self._grain + 0.07
            picture = picture + cover * (hidden - picture)
        else:
            picture = picture.copy()
        for drop in self._drops:
            if drop.start < hours < drop.end:
                self._put(picture, drop, hours)
        return picture

    def _put(self, picture: np.ndarray, drop: _Drop, hours: float) -> None:
        size = drop.radius * min(1.0, 0.45 + 0.55 * (hours - drop.start) / (0.5 * (drop.end - drop.start)))
        x, y = drop.middle * self._per_mm
        reach = int(1.5 * size * self._per_mm) + 4
        rows = slice(max(int(y) - reach, 0), min(int(y) + reach + 1, picture.shape[0]))
        columns = slice(max(int(x) - reach, 0), min(int(x) + reach + 1, picture.shape[1]))
        part = picture[rows, columns]
        across = (np.arange(columns.start, columns.stop) - x)[None, :] / (size * self._per_mm)
        down = (np.arange(rows.start, rows.stop) - y)[:, None] / (size * self._per_mm)
        far = np.hypot(across * drop.squeeze, down / drop.squeeze)
        sharp = size * self._per_mm
        inside = np.clip(0.5 + (1 - far) * sharp / 1.5, 0, 1)
        blurred = cv2.GaussianBlur(part, (0, 0), max(0.35 * sharp, 1.5))
        shade = drop.bright * (0.35 * down - 0.2)  # a lens: the light from above falls on the lower part
        part += (0.75 * inside * (blurred - part) + 0.5 * inside * shade).astype(np.float32)
        width = max(1.0 / sharp, 0.13)
        rim = np.exp(-(((far - 1) / width) ** 2)) * (0.65 + 0.35 * down)
        glint = np.exp(-((across + 0.35) ** 2 + (down + 0.4) ** 2) / 0.03)
        part += (drop.bright * (0.6 * rim + 0.5 * glint)).astype(np.float32)


def _patch(rng: Generator, plate_px: int) -> Float32[np.ndarray, "height width"]:
    """Return a patch of haze with a ragged border: values from 0 to 1."""
    small = 64
    rough = cv2.GaussianBlur(rng.standard_normal((small, small), dtype=np.float32), (0, 0), 5.0)
    rough /= rough.std()
    at = (np.arange(small) + 0.5) * FIELD_MM / small
    x, y = rng.uniform(15, 110), rng.choice((rng.uniform(20, 60), rng.uniform(80, 115)))
    wide, high = rng.uniform(14, 30), rng.uniform(9, 20)
    round_ = 1.2 - ((at[None, :] - x) / wide) ** 2 - ((at[:, None] - y) / high) ** 2
    patch = np.clip(round_ + 0.5 * rough, 0, 1).astype(np.float32)
    return np.clip(cv2.resize(patch, (plate_px, plate_px), interpolation=cv2.INTER_CUBIC), 0, 1)


def _drop(rng: Generator, last: float) -> _Drop:
    start = rng.uniform(-0.2, 0.95) * last
    return _Drop(
        middle=rng.uniform(7, FIELD_MM - 7, 2),
        radius=float(np.clip(rng.gamma(3.0, 0.36), 0.35, 2.6)),
        squeeze=float(rng.uniform(0.88, 1.1)),
        start=start,
        end=start + rng.uniform(0.05, 0.35) * last + 1e-9,
        bright=float(rng.uniform(0.16, 0.42)),
    )
