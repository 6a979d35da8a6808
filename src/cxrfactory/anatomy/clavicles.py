"""Clavicles as people draw them: the part of the bone that they draw, and 23 landmarks on its border.

The contours of van Ginneken et al. (2006) follow a clavicle from its medial end to a little outside the lung, because
the lateral part is not visible in every film. Their nodes stand between six anchors, at which the spacing of
neighbouring nodes decorrelates over the 390 annotated clavicles:

====  ====================================================
node  anchor
====  ====================================================
0     upper corner of the lateral end
2     the upper border enters the lung
9     upper corner of the medial end
13    lower corner of the medial end
20    the lower border leaves the lung
22    lower corner of the lateral end
====  ====================================================

Corners are found as in :mod:`cxrfactory.anatomy.contours`, in the frame of the bone. Directions, positions and
fractions were fitted on the 148 JSRT patients that ``train-mask-landmarks`` trains on; those of the left clavicle are
mirrored.
"""

from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Bool, Float, Integer

from cxrfactory.anatomy.contour_features import SAMPLES, outer_contour

# Direction (dx, dy) and mean position (x, y) of a corner of the right clavicle in its own frame: x along the longest
# axis towards the medial end, y down, the bounding box scaled to the unit square. The frame makes the rule independent
# of how steep the bone lies.
_CORNERS = {
    0: (-0.87, -0.50, 0.07, 0.24),
    9: (0.77, -0.64, 0.91, 0.00),
    13: (0.77, 0.64, 0.96, 0.99),
    22: (-0.98, 0.17, 0.00, 0.68),
}
_PULL = 0.5  # weight of the squared distance to the mean position
_ENTERS = 0.147  # mean position of node 2 on the arc from node 0 to node 9
_LEAVES = 0.886  # mean position of node 20 on the arc from node 13 to node 22
# Arc-length fractions of the nodes between an anchor and the next one.
_FRACTIONS = {
    0: (0.502,),
    2: (0.146, 0.291, 0.434, 0.577, 0.718, 0.859),
    9: (0.254, 0.493, 0.739),
    13: (0.147, 0.294, 0.435, 0.574, 0.715, 0.857),
    20: (0.501,),
    22: (),
}
_FINE = 8  # points of the border for each sample of the contour

# Distance from the lung to the lateral end of a drawn clavicle: 0.0274 (standard deviation 0.0064) of the width of both
# lungs, 390 JSRT clavicles; 7.4 mm where that width is 270 mm.
END_MM = 7.4


def drawn_clavicle(
    organ: str, clavicle: Integer[np.ndarray, "h w"], lung: Integer[np.ndarray, "h w"], pixel_mm: float
) -> Bool[np.ndarray, "h w"]:
    """Return the part of a whole clavicle that people draw: up to 7.4 mm outside the lateral border of the lung.

    Medially of the lung's apex, nothing is removed. Where the lung's mask is empty, the clavicle stays as it is.

    Parameters
    ----------
    organ
        ``right_clavicle`` or ``left_clavicle``; the patient's right is on the image's left.
    clavicle
        [row, column], non-zero inside; the projection of the whole bone.
    lung
        Mask of the lung of the same side, without what the mediastinum hides.
    pixel_mm
        Side length of the square pixels in mm.

    Examples
    --------
    >>> bone, lung = np.zeros((2, 40, 100), bool)
    >>> bone[10:14, 5:60], lung[12:, 40:80] = True, True
    >>> int(np.flatnonzero(drawn_clavicle("right_clavicle", bone, lung, 1.0).any(axis=0))[0])
    33
    """
    bone, inside = np.asarray(clavicle) != 0, np.asarray(lung) != 0
    if not bone.any() or not inside.any():
        return bone
    away = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 5)
    top = np.flatnonzero(inside.any(axis=1))[0]
    apex = float(np.flatnonzero(inside[top]).mean())
    columns = np.arange(bone.shape[1])
    medial = columns > apex if organ == "right_clavicle" else columns < apex
    return bone & (medial | (away <= END_MM / pixel_mm))


def clavicle_landmarks(
    organ: str, mask: Integer[np.ndarray, "h w"], lungs: Integer[np.ndarray, "h w"]
) -> Float[np.ndarray, "23 2"]:
    """Return the landmarks of a drawn clavicle.

    Parameters
    ----------
    organ
        ``right_clavicle`` or ``left_clavicle``.
    mask
        [row, column], non-zero inside; only the largest part is used.
    lungs
        Mask of the lung of the same side, or of both. Where the border of the clavicle does not cross it, nodes 2 and
        20 stand at their mean positions.

    Returns
    -------
    Float[np.ndarray, "23 2"]
        (x, y) in pixels of the mask, pixel centres at integers, each on the border of the mask.

    Raises
    ------
    ImageError
        If the mask is empty or too small to have a contour.
    """
    contour = outer_contour(organ, mask)
    count = SAMPLES * _FINE
    border = contour.locate(np.arange(count) / _FINE)
    anchors = _corners(organ, border)
    inside = _inside(border, lungs)
    upper, lower = _steps(anchors[0], anchors[9], count), _steps(anchors[13], anchors[22], count)
    anchors[2] = int(upper[_first(inside[upper], _ENTERS)])
    anchors[20] = int(lower[::-1][_first(inside[lower[::-1]], 1 - _LEAVES)])
    pieces = []
    nodes = sorted(anchors)
    for node, following in pairwise([*nodes, nodes[0]]):
        arc = border[_steps(anchors[node], anchors[following], count)]
        pieces.append(_at_fractions(arc, np.array([0.0, *_FRACTIONS[node]])))
    return np.concatenate(pieces)


def _corners(organ: str, border: np.ndarray) -> dict[int, int]:
    """Return the index of each corner; along the border they keep their order from node 0."""
    box = _own_frame(border * (-1, 1) if organ == "left_clavicle" else border)
    scores = {}
    for node, rule in _CORNERS.items():
        scores[node] = box @ np.array(rule[:2]) - _PULL * ((box - np.array(rule[2:])) ** 2).sum(axis=1)
    found = {0: int(np.argmax(scores[0]))}
    count = len(border)
    order, reached = (np.arange(count) - found[0]) % count, 0
    later = [node for node in _CORNERS if node]
    for place, node in enumerate(later):
        # Between two corners, and after the last one, space is left for the nodes between them.
        free = (order > reached + _FINE) & (order < count - (len(later) - place) * _FINE)
        found[node] = int(np.argmax(np.where(free, scores[node], -np.inf)))
        reached = int(order[found[node]])
    return found


def _own_frame(border: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
    """Return the points in the frame of the longest axis, scaled to the unit square."""
    centred = border - border.mean(axis=0)
    axis = np.linalg.eigh(centred.T @ centred)[1][:, 1]
    axis = axis if axis[0] > 0 else -axis
    turned = centred @ np.stack([axis, [-axis[1], axis[0]]], axis=1)
    low, high = turned.min(axis=0), turned.max(axis=0)
    return (turned - low) / np.maximum(high - low, 1e-9)


def _inside(border: np.ndarray, lungs: np.ndarray) -> Bool[np.ndarray, " n"]:
    column, row = np.rint(border).astype(np.intp).T
    return np.asarray(lungs)[row, column] != 0


def _first(inside: Bool[np.ndarray, " n"], usual: float) -> int:
    """Return the first step inside the lung if the path begins outside and enters in its first half."""
    first = int(np.argmax(inside))
    if 0 < first < len(inside) // 2:
        return first
    return round(usual * (len(inside) - 1))


def _steps(start: int, stop: int, count: int) -> Integer[np.ndarray, " n"]:
    return (start + np.arange((stop - start) % count + 1)) % count


def _at_fractions(arc: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(arc, axis=0).T))])
    wanted = fractions * lengths[-1]
    return np.stack([np.interp(wanted, lengths, arc[:, axis]) for axis in range(2)], axis=1)
