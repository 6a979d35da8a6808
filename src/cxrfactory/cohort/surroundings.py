"""Around the scanned chest: the table taken away, shoulders and neck put on top.

A chest CT ends at the shoulders, and a radiograph shows a hand's breadth more; the patient lies on a table, and a
radiograph's patient stands.
"""

import numpy as np
from scipy import ndimage

from cxrfactory.projection.body import body_mask

_AIR_HU = -1024
_SKIN_HU = -400

_NECK_MM = 45.0
_NECK_HALF_WIDTH_MM = 62.0
_NECK_HALF_DEPTH_MM = 68.0
_SLOPE_MM = 16.0  # height over which the shoulders fall away
_BLUR_PER_MM = 0.35  # the copied slice loses its detail as it rises


def without_table(hu: np.ndarray) -> np.ndarray:
    """Set everything but the body to air.

    Parameters
    ----------
    hu
        [z, y, x], y growing towards the front: CT numbers. The body is what :func:`body_mask` finds.
    """
    return np.where(body_mask(hu), hu, np.float32(_AIR_HU))


def extend_neck(
    hu: np.ndarray, groups: np.ndarray, spacing_mm: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray, float]:
    """Put slices on top in which the shoulders fall away to a neck.

    Parameters
    ----------
    hu
        [z, y, x] CT numbers without table.
    groups
        Organ groups of the same shape; the added slices hold none.
    spacing_mm
        (x, y, z).

    Returns
    -------
    tuple
        The two volumes, taller, and the height added in mm.
    """
    count = max(int(_NECK_MM / spacing_mm[2]), 1)
    top = np.maximum(hu[-3:].astype(np.float32), _AIR_HU).mean(axis=0)
    dense = top > _SKIN_HU
    if not dense.any():
        return hu, groups, 0.0
    rows, columns = np.nonzero(dense)
    centre_y, centre_x = np.median(rows), np.median(columns)
    half_width = 0.5 * np.ptp(columns) * spacing_mm[0]
    half_depth = 0.5 * np.ptp(rows) * spacing_mm[1]
    y = (np.arange(top.shape[0])[:, None] - centre_y) * spacing_mm[1]
    x = (np.arange(top.shape[1])[None] - centre_x) * spacing_mm[0]
    added = np.empty((count, *top.shape), np.float32)
    for place in range(count):
        height_mm = (place + 1) * spacing_mm[2]
        fall = np.exp(-height_mm / _SLOPE_MM)
        width = _NECK_HALF_WIDTH_MM + max(half_width - _NECK_HALF_WIDTH_MM, 0) * fall
        depth = _NECK_HALF_DEPTH_MM + max(half_depth - _NECK_HALF_DEPTH_MM, 0) * fall
        beyond = np.hypot(x / width, y / depth)
        inside = 0.5 * (1 - np.tanh((beyond - 1) / 0.06))
        sigma = [_BLUR_PER_MM * height_mm / spacing_mm[1], _BLUR_PER_MM * height_mm / spacing_mm[0]]
        blurred = ndimage.gaussian_filter(top, sigma, mode="nearest")
        added[place] = inside * (blurred - _AIR_HU) + _AIR_HU
    taller = np.concatenate([np.maximum(hu, _AIR_HU).astype(np.float32), added])
    return taller, np.concatenate([groups, np.zeros(added.shape, groups.dtype)]), count * spacing_mm[2]
