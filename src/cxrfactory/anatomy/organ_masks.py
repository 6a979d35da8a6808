"""Masks as they come: pieces, specks, both lungs in one, made fit for one contour an organ.

Masks are [row, column], non-zero inside. Right and left are the patient's: the right lung lies on the image's left.
"""

import cv2
import numpy as np
from jaxtyping import Integer, UInt8

from cxrfactory.errors import ImageError

MIN_AREA_PX = 64  # less holds no contour of 26 nodes and more
SPECK = 0.05  # share of the largest piece below which a piece is dropped
BRIDGES = (0.04, 0.08, 0.16)  # diameters of the closing that joins pieces, as shares of the organ's size (root of area)
MAIN_SHARE = 0.8  # of the mask, that one piece must hold in the end
MIN_LUNG_SHARE = 0.1  # of both lungs, that each must hold
MIN_GAP = 0.2  # least distance of the lungs' centroids, share of the width of both


def main_part(organ: str, mask: Integer[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """Return the organ as one connected part: specks dropped, near pieces joined. Holes are left as they are.

    Pieces that are larger than specks are joined where a closing fills the gap between them; elsewhere the mask
    keeps its border.

    Parameters
    ----------
    organ
        Named in errors.
    mask
        [row, column], non-zero inside.

    Raises
    ------
    ImageError
        If the mask is empty, too small, or in pieces that lie too far apart: the largest holds less than 80 % of it.
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
    """Right and left lung of a mask that holds both.

    The two largest pieces are the lungs, and every other pixel goes to the nearer one. Lungs that touch are cut where
    an erosion parts them first.

    Raises
    ------
    ImageError
        If the mask is empty, no erosion parts it in two of at least a tenth each, or the parts do not lie side by side.
    """
    binary = (mask != 0).astype(np.uint8)
    total = int(binary.sum())
    if total < 2 * MIN_AREA_PX:
        raise ImageError(f"the lung mask covers {total} pixels; expected two lungs")
    depth = cv2.distanceTransform(binary, cv2.DIST_L2, 5)
    for share in (0.0, 0.01, 0.02, 0.04, 0.08, 0.12):
        labels, areas = _pieces((depth > share * total**0.5).astype(np.uint8))
        order = np.argsort(-areas, kind="stable")
        # Erosion takes from both lungs alike, so shares are of what is left.
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
    # Several times as fast as OpenCV's own statistics.
    count, labels = cv2.connectedComponents(binary)
    return labels, np.bincount(labels.ravel(), minlength=count)[1:]


def _without_specks(binary: np.ndarray) -> np.ndarray:
    labels, areas = _pieces(binary)
    keep = np.concatenate([[False], areas >= SPECK * areas.max()])
    return keep[labels].astype(np.uint8)


def _bridged(kept: np.ndarray, labels: np.ndarray, diameter: int) -> np.ndarray:
    """Add those parts of the closing that touch two pieces or more."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter | 1, diameter | 1))
    margin = diameter | 1  # or the closing would stick to the image's border
    padded = cv2.copyMakeBorder(kept, *[margin] * 4, cv2.BORDER_CONSTANT, value=0)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel)[margin:-margin, margin:-margin]
    count, fillings = cv2.connectedComponents(closed & (1 - kept))
    # A filling and a piece are neighbours where the filling, grown by a pixel, meets the piece.
    result = kept.copy()
    for filling in range(1, count):
        own = (fillings == filling).astype(np.uint8)
        met = np.unique(labels[(cv2.dilate(own, np.ones((3, 3), np.uint8)) > 0) & (labels > 0)])
        if len(met) > 1:
            result |= own
    return result
