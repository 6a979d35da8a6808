"""Cleaning of a structure's mask by a stated rule: pieces that anatomy does not know, and small holes, are removed.

A structure that anatomy knows as one piece (:func:`cxrfactory.anatomy.structure_groups.one_piece`) keeps its largest
piece. Every other structure loses the pieces below a twentieth of its largest one. Holes of up to a tenth of the mask
are filled; larger ones stay, because a rib may enclose a part of the picture.
"""

import cv2
import numpy as np
from jaxtyping import UInt8

SPECK = 0.05  # share of the largest piece
HOLE = 0.1  # share of the mask


def cleaned(mask: UInt8[np.ndarray, "h w"], single: bool) -> UInt8[np.ndarray, "h w"]:
    """Return a mask without stray pieces and small holes.

    Parameters
    ----------
    mask
        [row, column], 1 inside and 0 outside.
    single
        Whether the structure is one piece.

    Returns
    -------
    uint8 mask of 0 and 1; an empty mask stays empty.
    """
    count, pieces, facts, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count > 2:
        areas = facts[1:, cv2.CC_STAT_AREA]
        keep = np.arange(count - 1) == int(np.argmax(areas)) if single else areas >= SPECK * areas.max()
        mask = np.concatenate([[False], keep])[pieces].astype(np.uint8)
    return _filled(mask) if count > 1 else mask


def _filled(mask: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    count, pieces, facts, _ = cv2.connectedComponentsWithStats(1 - mask, connectivity=4)
    if count < 3:  # no background beside the one around the mask
        return mask
    height, width = mask.shape
    left, top = facts[:, cv2.CC_STAT_LEFT], facts[:, cv2.CC_STAT_TOP]
    right, bottom = left + facts[:, cv2.CC_STAT_WIDTH], top + facts[:, cv2.CC_STAT_HEIGHT]
    inside = (left > 0) & (top > 0) & (right < width) & (bottom < height)
    holes = inside & (facts[:, cv2.CC_STAT_AREA] <= HOLE * int(mask.sum()))
    holes[0] = False  # the mask itself
    return mask | holes[pieces].astype(np.uint8)
