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
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return mask
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    result = np.zeros_like(mask)
    result[box] = _filled(_without_strays(np.ascontiguousarray(mask[box]), single))
    return result


def _without_strays(mask: UInt8[np.ndarray, "h w"], single: bool) -> UInt8[np.ndarray, "h w"]:
    count, pieces, facts, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count < 3:
        return mask
    areas = facts[1:, cv2.CC_STAT_AREA]
    keep = np.arange(count - 1) == int(np.argmax(areas)) if single else areas >= SPECK * areas.max()
    return np.concatenate([[False], keep])[pieces].astype(np.uint8)


def _filled(mask: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    background = np.pad(1 - mask, 1, constant_values=1)  # the part around the mask is one piece, and the first
    count, pieces, facts, _ = cv2.connectedComponentsWithStats(background, connectivity=4)
    if count < 3:
        return mask
    holes = facts[:, cv2.CC_STAT_AREA] <= HOLE * int(mask.sum())
    holes[[0, pieces[0, 0]]] = False  # the mask itself, and the part around it
    return mask | holes[pieces[1:-1, 1:-1]].astype(np.uint8)
