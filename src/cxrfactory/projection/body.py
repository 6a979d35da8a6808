"""The body in a CT: without the table and, as far as that goes, without raised arms.

Found on a coarse grid (every fourth voxel in plane), because the skin needs no better.
"""

import numpy as np
from jaxtyping import Bool, Real
from scipy import ndimage

_SKIN_HU = -400
_STEP = 4
_MIDDLE_MM = 40.0  # on both sides of the midline: what reaches in here is head, neck or trunk


def body_mask(hu: Real[np.ndarray, "z y x"]) -> Bool[np.ndarray, "z y x"]:
    """Largest connected dense part with everything that it encloses in its slices, and a margin of a few voxels.

    The lungs, the airways and gas in the bowel belong to it; table, blankets and tubes beside the patient do not, but
    for what is denser than -400 HU and touches the skin.

    Parameters
    ----------
    hu
        CT numbers, y growing towards the front.

    Returns
    -------
    Bool[np.ndarray, "z y x"]
        True in the body; True everywhere where nothing is dense.
    """
    dense = hu[:, ::_STEP, ::_STEP] > _SKIN_HU
    dense = ndimage.binary_opening(dense, np.ones((1, 2, 2)))
    parts, count = ndimage.label(dense)
    if count == 0:
        return np.ones(hu.shape, bool)
    body = parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    body = np.stack([ndimage.binary_fill_holes(one) for one in body])  # the lungs belong to it
    body = ndimage.binary_dilation(body, np.ones((1, 3, 3)))
    return _fine(body, hu.shape)


def without_arms(
    body: Bool[np.ndarray, "z y x"], spacing_mm: tuple[float, float, float]
) -> tuple[Bool[np.ndarray, "z y x"], int]:
    """Take from a body mask what lies beside the trunk, the neck or the head and is separate from it in its slice.

    Arms raised beside the head and arms held down beside the trunk go wherever air separates them from it. They stay
    where they touch it: at the shoulders always. So the shadow of a raised arm ends at a step, some way above the
    shoulder.

    Parameters
    ----------
    body
        From :func:`body_mask`.
    spacing_mm
        Voxel spacing (z, y, x).

    Returns
    -------
    tuple
        The smaller mask, and the number of slices that lost something.
    """
    coarse = body[:, ::_STEP, ::_STEP]
    occupied = np.flatnonzero(coarse.any(axis=(0, 1)))
    if not len(occupied):
        return body.copy(), 0
    # The middle of the trunk: the mean over all voxels, of which raised arms are few and about symmetric.
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
        # A slice with nothing in the middle holds no trunk to compare with: left alone.
        if count > len(central) > 0:
            kept[z] = np.isin(parts, central)
            changed += 1
        else:
            kept[z] = one
    return _fine(kept, body.shape), changed


def _fine(coarse: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return coarse.repeat(_STEP, axis=1).repeat(_STEP, axis=2)[:, : shape[1], : shape[2]]
