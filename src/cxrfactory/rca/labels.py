"""Masks in the form that RCA compares: right lung, left lung and heart as bits of one map, and their Dice.

One byte per pixel can hold overlapping organs. The map is warped once and compared by counting pairs of codes.
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.anatomy.organs import ORGANS  # bits 1, 2 and 4 of a code
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.errors import CxrError

LUNGS = "lungs"
CODES = 2 ** len(ORGANS)
_HAS = np.array([[code >> bit & 1 for bit in range(len(ORGANS))] for code in range(CODES)], np.int64)

Codes = UInt8[np.ndarray, "rows columns"]


def label_codes(landmarks: Float[np.ndarray, "nodes 2"], graph: LandmarkGraph, from_size: int, size: int) -> Codes:
    """Fill the contours of landmarks into a map of codes; organs other than lungs and heart are left out.

    Parameters
    ----------
    landmarks
        (x, y) in pixels of a frame of ``from_size`` x ``from_size``.
    graph
        Landmark graph of the landmarks.
    from_size
        Side of the landmarks' frame, in pixels.
    size
        Side of the map, in pixels.
    """
    scaled = (np.asarray(landmarks, np.float64).reshape(-1, 2) + 0.5) * (size / from_size) - 0.5
    organs = landmarks_to_masks(scaled, graph, size, size)
    return join_masks({name: mask.astype(bool) for name, mask in organs.items() if name in ORGANS})


def join_masks(masks: dict[str, Bool[np.ndarray, "rows columns"]]) -> Codes:
    """Join masks of one shape, keyed by organ (names of :data:`ORGANS`), to a map of codes.

    Raises
    ------
    CxrError
        If there is no mask, or a mask belongs to another organ.
    """
    if not masks or set(masks) - set(ORGANS):
        raise CxrError(f"masks of {sorted(masks)}; expected some of {', '.join(ORGANS)}")
    codes = np.zeros(next(iter(masks.values())).shape, np.uint8)
    for organ, mask in masks.items():
        codes |= mask.astype(np.uint8) << ORGANS.index(organ)
    return codes


def organ_dice(found: UInt8[np.ndarray, "*shape"], known: UInt8[np.ndarray, "*shape"]) -> tuple[float, float]:
    """Compute the Dice of the lungs and of the heart of two maps of codes.

    The sides of the lungs are distinguished: a pixel of the right lung agrees only with a pixel of the right lung, as
    in 2 (|R and R'| + |L and L'|) / (|R| + |R'| + |L| + |L'|). If the sides are correct, this equals the Dice of both
    lungs as one mask. Masks with exchanged sides get 0.

    Returns
    -------
    tuple
        Dice of the lungs and of the heart; 0 where one of two masks is empty, NaN where both are.

    Raises
    ------
    CxrError
        If the shapes differ.
    """
    if found.shape != known.shape:
        raise CxrError(f"maps of unequal shape: {found.shape} and {known.shape}; compare masks in one frame")
    joint = (found * np.uint8(CODES) + known).reshape(-1, 1)
    # OpenCV counts in float32, which is exact up to 2^24 pixels per cell, and is five times as fast as 64-bit counts.
    count = (
        cv2.calcHist([joint], [0], None, [CODES**2], [0, CODES**2])
        if joint.size < 2**24
        else np.bincount(joint.ravel(), minlength=CODES**2)
    )
    pairs = count.reshape(CODES, CODES).astype(np.int64)
    shared = np.einsum("fk,fo,ko->o", pairs, _HAS, _HAS)
    both = pairs.sum(axis=1) @ _HAS + pairs.sum(axis=0) @ _HAS
    lungs, heart = (
        2 * int(shared[part].sum()) / total if (total := int(both[part].sum())) else float("nan")
        for part in (slice(0, 2), slice(2, 3))
    )
    return lungs, heart
