"""Adapt the surroundings of the scanned chest: remove the table, and add shoulders and a neck on top.

A chest CT ends at the shoulders, whereas a radiograph shows several centimetres more. The patient of a CT lies on a
table, whereas the patient of a chest radiograph usually stands.
"""

import numpy as np
from scipy import ndimage

from cxrfactory.projection.body import body_mask

_AIR_HU = -1024
_SKIN_HU = -400

_NECK_MM = 45.0
_NECK_HALF_WIDTH_MM = 62.0
_NECK_HALF_DEPTH_MM = 68.0
_SLOPE_MM = 16.0  # decay length of the transition from the shoulders to the neck
_BLUR_PER_MM = 0.35  # increase of the blur of the copied slice with the height


def without_table(hu: np.ndarray) -> np.ndarray:
    """Set all voxels outside the body mask of :func:`body_mask` to air.

    Parameters
    ----------
    hu
        CT numbers [z, y, x]; y grows towards the front.
    """
    return np.where(body_mask(hu), hu, np.float32(_AIR_HU))


def extend_neck(
    hu: np.ndarray, groups: np.ndarray, spacing_mm: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray, float]:
    """Add slices on top in which the shoulders narrow to a neck.

    Parameters
    ----------
    hu
        CT numbers [z, y, x] without the table.
    groups
        Organ groups of the same shape; they are 0 in the added slices.
    spacing_mm
        Voxel spacing (x, y, z) in mm.

    Returns
    -------
    tuple
        The two extended volumes, and the added height in mm.
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
