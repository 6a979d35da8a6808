"""Pictures at the scale at which a network sees them: shrunk, so that roots are a few pixels wide."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

TYPICAL_WIDTH = 4.0  # pixels of a root's width at which a network learns well; wider roots are shrunk to about this
MOST_SHRINK = 4


def shrink_for(width: float) -> int:
    """Return the factor by which pictures are shrunk whose roots are ``width`` pixels wide, from 1 to 4."""
    return int(np.clip(round(width / TYPICAL_WIDTH), 1, MOST_SHRINK))


def shrunk_shape(shape: tuple[int, ...], shrink: int) -> tuple[int, int]:
    """Return rows and columns of a shrunk picture, at least 1."""
    return max(1, round(shape[0] / shrink)), max(1, round(shape[1] / shrink))


def shrunk(values: UInt8[np.ndarray, "h w"], shrink: int) -> UInt8[np.ndarray, "r c"]:
    """Return a picture whose sides are ``shrink`` times smaller, by means over areas; with 1, the picture itself."""
    if shrink == 1:
        return values
    return cv2.resize(values, shrunk_shape(values.shape, shrink)[::-1], interpolation=cv2.INTER_AREA)


def shrunk_points(points: Float[np.ndarray, "n 2"], shape: tuple[int, ...], shrink: int) -> Float[np.ndarray, "n 2"]:
    """Return where points (x, y) of a picture of ``shape`` lie in the shrunk picture; pixel centres are integers."""
    if shrink == 1:
        return np.asarray(points, np.float64)
    sides = np.array(shrunk_shape(shape, shrink)[::-1]) / np.array(shape[1::-1])
    return (np.asarray(points, np.float64) + 0.5) * sides - 0.5


def enlarged(values: Float[np.ndarray, "r c"], shape: tuple[int, ...]) -> Float[np.ndarray, "h w"]:
    """Return values of a shrunk picture at the pixels of the picture of ``shape``, interpolated linearly."""
    if values.shape == tuple(shape[:2]):
        return values
    return cv2.resize(values, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
