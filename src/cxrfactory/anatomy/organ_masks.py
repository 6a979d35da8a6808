"""Cleaning of organ masks so that each organ has one contour: pieces are joined, specks removed, lungs separated.

Masks are [row, column], non-zero inside. Right and left are the patient's: the right lung lies on the image's left.
"""

import cv2
import numpy as np
from jaxtyping import Integer, UInt8

from cxrfactory.errors import ImageError

MIN_AREA_PX = 64  # a smaller mask cannot hold a contour of 26 or more nodes
SPECK = 0.05  # a piece below this share of the largest piece is removed
BRIDGES = (0.04, 0.08, 0.16)  # diameters of the closing that joins pieces, as shares of the organ's size (root of area)
MAIN_SHARE = 0.8  # smallest share of the mask that the final piece must hold
MIN_LUNG_SHARE = 0.1  # smallest share of both lungs that each lung must hold
MIN_GAP = 0.2  # smallest horizontal distance of the lungs' centroids, as a share of the width of both lungs


def main_part(organ: str, mask: Integer[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """Return the organ as one connected part, without specks and with close pieces joined; holes are kept.

    Pieces larger than specks are joined where a morphological closing fills the gap between them. Elsewhere the border
    of the mask does not change.

    Parameters
    ----------
    organ
        Name of the organ, for error messages.
    mask
        [row, column], non-zero inside.

    Returns
    -------
    uint8 mask [row, column], 1 inside and 0 outside.

    Raises
    ------
    ImageError
        If the mask is not 2D, covers fewer than 64 pixels, or its pieces lie too far apart, so that the largest joined
        piece holds less than 80 % of the mask.
    """
    if mask.ndim != 2:
        raise ImageError(f"the {organ} mask has {mask.ndim} dimensions; expected 2 (rows, columns)")
    binary = (mask != 0).astype(np.uint8)
    total = int(binary.sum())
    if total < MIN_AREA_PX:
        raise ImageError(f"the {organ} mask covers {total} pixels; expected an organ of {MIN_AREA_PX} or more")
    if cv2.connectedComponents(binary)[0] == 2:
        return binary
    kept = _without_specks(binary)
    for share in BRIDGES:
        count, labels = cv2.connectedComponents(kept)
        if count == 2:
            break
        kept = _bridged(kept, labels, max(3, round(share * total**0.5)))
    labels, areas = _pieces(kept)
    largest = int(np.argmax(areas)) + 1
    if areas[largest - 1] < MAIN_SHARE * total:
        raise ImageError(
            f"the {organ} mask is in {len(areas)} pieces, the largest holds {areas[largest - 1] / total:.0%} of it; "
            f"expected one piece with {MAIN_SHARE:.0%} or more"
        )
    return (labels == largest).astype(np.uint8)


def split_lungs(mask: Integer[np.ndarray, "h w"]) -> tuple[UInt8[np.ndarray, "h w"], UInt8[np.ndarray, "h w"]]:
    """Split a mask of both lungs into the right and the left lung.

    The two largest pieces are the lungs, and every other pixel goes to the nearer one. If the lungs touch, they are
    separated by the smallest erosion that leaves two large pieces.

    Parameters
    ----------
    mask
        [row, column], non-zero inside.

    Returns
    -------
    Right lung and left lung, uint8 masks of 0 and 1. The right lung is the one on the image's left.

    Raises
    ------
    ImageError
        If the mask covers fewer than 128 pixels, no erosion yields two pieces of at least a tenth of the area each, or
        the two pieces do not lie side by side.
    """
    binary = (mask != 0).astype(np.uint8)
    total = int(binary.sum())
    if total < 2 * MIN_AREA_PX:
        raise ImageError(f"the lung mask covers {total} pixels; expected two lungs")
    depth = cv2.distanceTransform(binary, cv2.DIST_L2, 5)
    for share in (0.0, 0.01, 0.02, 0.04, 0.08, 0.12):
        labels, areas = _pieces((depth > share * total**0.5).astype(np.uint8))
        order = np.argsort(-areas, kind="stable")
        # The share is relative to the eroded area, because erosion shrinks both lungs.
        if len(areas) > 1 and areas[order[1]] >= MIN_LUNG_SHARE * areas.sum():
            seeds = [(labels == place + 1) for place in order[:2]]
            break
    else:
        raise ImageError(
            "the lung mask is one connected part; expected two lungs that touch along a short line at most"
        )
    middles = [float(np.nonzero(seed)[1].mean()) for seed in seeds]
    columns = np.flatnonzero(binary.any(axis=0))
    if abs(middles[0] - middles[1]) < MIN_GAP * (columns[-1] - columns[0] + 1):
        raise ImageError("the two largest parts of the lung mask lie one above the other; expected them side by side")
    if middles[0] > middles[1]:
        seeds.reverse()
    near = [cv2.distanceTransform((~seed).astype(np.uint8), cv2.DIST_L2, 5) for seed in seeds]
    first = near[0] <= near[1]
    return binary * first, binary * ~first


def _pieces(binary: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # This is several times faster than OpenCV's connectedComponentsWithStats.
    count, labels = cv2.connectedComponents(binary)
    return labels, np.bincount(labels.ravel(), minlength=count)[1:]


def _without_specks(binary: np.ndarray) -> np.ndarray:
    labels, areas = _pieces(binary)
    keep = np.concatenate([[False], areas >= SPECK * areas.max()])
    return keep[labels].astype(np.uint8)


def _bridged(kept: np.ndarray, labels: np.ndarray, diameter: int) -> np.ndarray:
    """Add those parts of the morphological closing that touch two or more pieces."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter | 1, diameter | 1))
    margin = diameter | 1  # without a margin the closing would fill gaps towards the image's border
    padded = cv2.copyMakeBorder(kept, *[margin] * 4, cv2.BORDER_CONSTANT, value=0)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel)[margin:-margin, margin:-margin]
    count, fillings = cv2.connectedComponents(closed & (1 - kept))
    # A filling and a piece are neighbours if the filling, dilated by one pixel, overlaps the piece.
    result = kept.copy()
    for filling in range(1, count):
        own = (fillings == filling).astype(np.uint8)
        met = np.unique(labels[(cv2.dilate(own, np.ones((3, 3), np.uint8)) > 0) & (labels > 0)])
        if len(met) > 1:
            result |= own
    return result
