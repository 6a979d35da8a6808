"""Segment the body in a CT: remove the table and, where they are separate from the trunk, the arms.

The masks are computed on a coarse grid (every fourth voxel in plane), because the position of the skin does not need a
higher precision.
"""

import numpy as np
from jaxtyping import Bool, Real
from scipy import ndimage

_SKIN_HU = -400
_STEP = 4
_MIDDLE_MM = 40.0  # distance on both sides of the midline; a part that reaches into it is head, neck or trunk


def body_mask(hu: Real[np.ndarray, "z y x"]) -> Bool[np.ndarray, "z y x"]:
    """Return the mask of the largest connected dense part, with enclosed holes filled and a margin of a few voxels.

    The mask includes the lungs, the airways and gas in the bowel. It excludes the table, blankets and tubes beside the
    patient, except for objects that are denser than -400 HU and touch the skin.

    Parameters
    ----------
    hu
        CT numbers [z, y, x]; y grows towards the front.

    Returns
    -------
    Bool[np.ndarray, "z y x"]
        True in the body. The mask is True everywhere if no voxel is dense.
    """
    dense = hu[:, ::_STEP, ::_STEP] > _SKIN_HU
    dense = ndimage.binary_opening(dense, np.ones((1, 2, 2)))
    parts, count = ndimage.label(dense)
    if count == 0:
        return np.ones(hu.shape, bool)
    body = parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    body = np.stack([ndimage.binary_fill_holes(one) for one in body])  # the lungs are part of the body
    body = ndimage.binary_dilation(body, np.ones((1, 3, 3)))
    return _fine(body, hu.shape)


def without_arms(
    body: Bool[np.ndarray, "z y x"], spacing_mm: tuple[float, float, float]
) -> tuple[Bool[np.ndarray, "z y x"], int]:
    """Remove the arms from a body mask where they are separate from the trunk, the neck or the head in their slice.

    Arms raised beside the head and arms held down beside the trunk are removed wherever air separates them from the
    rest of the body. They remain where they touch it, which is always the case at the shoulders. The shadow of a raised
    arm therefore ends at a step, some distance above the shoulder.

    Parameters
    ----------
    body
        Body mask from :func:`body_mask`.
    spacing_mm
        Voxel spacing (z, y, x) in mm.

    Returns
    -------
    tuple
        The reduced mask, and the number of slices from which a part was removed.
    """
    coarse = body[:, ::_STEP, ::_STEP]
    occupied = np.flatnonzero(coarse.any(axis=(0, 1)))
    if not len(occupied):
        return body.copy(), 0
    # The mean over all voxels gives the middle of the trunk: raised arms hold few voxels and are roughly symmetric.
    weight = coarse.sum(axis=(0, 1))
    middle = float((weight * np.arange(len(weight))).sum() / weight.sum())
    reach = _MIDDLE_MM / (spacing_mm[2] * _STEP)
    first, last = max(int(np.ceil(middle - reach)), 0), int(np.floor(middle + reach))
    kept = np.empty_like(coarse)
    changed = 0
    for z, one in enumerate(coarse):
        parts, count = ndimage.label(one)
        central = np.unique(parts[:, first : last + 1])
        central = central[central > 0]
        # A slice without a central part has no trunk to compare with, so it stays unchanged.
        if count > len(central) > 0:
            kept[z] = np.isin(parts, central)
            changed += 1
        else:
            kept[z] = one
    return _fine(kept, body.shape), changed


def _fine(coarse: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return coarse.repeat(_STEP, axis=1).repeat(_STEP, axis=2)[:, : shape[1], : shape[2]]
