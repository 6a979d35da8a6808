"""Conversion of masks to landmarks by geometric rules, with the node correspondence of the expert landmark sets.

The expert contours (44 right lung, 50 left lung, 26 heart; van Ginneken et al. 2006, extended to other hospitals by
Gaggion et al. 2023) start at the apex (lungs) or at the right cardiophrenic corner (heart) and run through a few
anatomical anchors, with a fixed number of nodes between two anchors. The anchors are the nodes at which the spacing of
neighbouring nodes decorrelates over the 860 public annotations:

============  ====  =====================================================================
organ         node  anchor
============  ====  =====================================================================
right lung    0     apex (the contour then runs down the lateral chest wall)
right lung    21    costophrenic angle
right lung    29    cardiophrenic angle (then up the mediastinal border to the apex)
left lung     0     apex
left lung     21    costophrenic angle
left lung     27    cardiophrenic angle, at the heart's apex
left lung     40    notch between the pulmonary trunk and the aortic knob
left lung     44    upper end of the aortic knob, the most medial point above the hilum
heart         0     right cardiophrenic corner
heart         5     right atrium meets the superior vena cava
heart         12    left upper corner, below the pulmonary trunk
heart         18    apex of the heart on the left hemidiaphragm
============  ====  =====================================================================

The organ's bounding box is scaled to the unit square. A corner is the contour point with the largest projection on a
fixed direction in this square, minus a penalty on the squared distance to the corner's mean position. The two anchors
of the aortic knob are the most medial point near a fifth of the box's height below its top, and the deepest notch below
that point. Between two anchors the nodes lie at fixed fractions of the arc length, which are means over the expert
annotations.
"""

from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Float, Integer

from cxrfactory.errors import CxrError

# Direction (dx, dy) and mean position (x, y) of a corner, y down, in the bounding box scaled to the unit square.
# Directions minimise the distance to the anchors of the JSRT and PadChest annotations; positions are their means.
_CORNERS: dict[str, dict[int, tuple[float, float, float, float]]] = {
    "right_lung": {0: (0.02, -1.0, 0.77, 0.0), 21: (-0.33, 0.94, 0.03, 1.0), 29: (0.47, 0.88, 0.79, 0.82)},
    "left_lung": {0: (0.06, -1.0, 0.28, 0.0), 21: (0.21, 0.98, 0.98, 1.0), 27: (-0.40, 0.92, 0.59, 0.88)},
    "heart": {
        0: (-0.88, 0.48, 0.03, 0.78),
        5: (-0.90, -0.44, 0.10, 0.15),
        12: (0.72, -0.69, 0.60, 0.06),
        18: (0.80, 0.60, 0.95, 0.90),
    },
}
_PULL = 0.5  # weight of the squared distance to the mean position; it decides between two similar corners

# Arc-length fractions of the nodes between an anchor and the next one. They are means over 860 lungs and 332 hearts.
# fmt: off
_FRACTIONS: dict[str, dict[int, tuple[float, ...]]] = {
    "right_lung": {
        0: (0.047, 0.097, 0.154, 0.211, 0.265, 0.314, 0.362, 0.410, 0.456, 0.502,
            0.548, 0.593, 0.638, 0.684, 0.729, 0.775, 0.821, 0.866, 0.912, 0.958),
        21: (0.129, 0.268, 0.405, 0.535, 0.655, 0.769, 0.891),
        29: (0.065, 0.132, 0.199, 0.267, 0.333, 0.399, 0.467, 0.534, 0.600, 0.666, 0.732, 0.796, 0.862, 0.933),
    },
    "left_lung": {
        0: (0.049, 0.103, 0.161, 0.217, 0.268, 0.316, 0.363, 0.409, 0.455, 0.501,
            0.548, 0.592, 0.638, 0.683, 0.729, 0.775, 0.820, 0.866, 0.912, 0.957),
        21: (0.159, 0.350, 0.519, 0.680, 0.847),
        27: (0.069, 0.143, 0.216, 0.293, 0.372, 0.454, 0.540, 0.625, 0.706, 0.784, 0.857, 0.930),
        40: (0.244, 0.492, 0.738),
        44: (0.159, 0.320, 0.487, 0.661, 0.837),
    },
    "heart": {
        0: (0.203, 0.394, 0.588, 0.792),
        5: (0.166, 0.313, 0.451, 0.585, 0.716, 0.850),
        12: (0.171, 0.357, 0.535, 0.701, 0.855),
        18: (0.122, 0.241, 0.364, 0.485, 0.607, 0.732, 0.861),
    },
}
# fmt: on

# Orientation of the contours in the displayed image: both lungs run down their lateral walls first.
_CLOCKWISE = {"right_lung": False, "left_lung": True, "heart": True}

_SMOOTHING_PX = 1.5  # removes the pixel staircase from the arc length; far below the spacing of nodes
_KNOB_HEIGHT = 0.21  # mean y of node 44 in the left lung's box, from its top
_KNOB_PULL = 24.0  # weight of the squared difference from that height
_NOTCH_FRACTION = 0.79  # mean position of node 40 on the arc from node 27 to node 44
_NOTCH_WINDOW = 0.13  # half the width of the searched part of that arc


def organ_landmarks(organ: str, mask: Integer[np.ndarray, "h w"]) -> Float[np.ndarray, "nodes 2"]:
    """Return the landmarks of one organ from its mask.

    Parameters
    ----------
    organ
        ``right_lung``, ``left_lung`` or ``heart``; right and left are the patient's, and the patient's right is on
        the image's left.
    mask
        [row, column], non-zero inside. Only the largest connected part is used, and its holes are ignored.

    Returns
    -------
    Float[np.ndarray, "nodes 2"]
        (x, y) in pixels of the mask, pixel centres at integers; 44, 50 or 26 nodes.

    Raises
    ------
    CxrError
        If this module has no rule for the organ, or the mask is empty, not 2D or too small to have a contour.
    """
    if organ not in _CORNERS:
        raise CxrError(f"no landmark rule for organ '{organ}'; expected one of {', '.join(_CORNERS)}")
    if mask.ndim != 2:
        raise CxrError(f"the {organ} mask has {mask.ndim} dimensions; expected 2 (rows, columns)")
    contour = _outer_contour(organ, mask)
    anchors = _anchors(organ, contour)
    smooth = _smoothed(contour)
    pieces = []
    nodes = sorted(anchors)
    for node, following in pairwise([*nodes, nodes[0]]):
        arc = _arc(smooth, contour, anchors[node], anchors[following])
        pieces.append(_at_fractions(arc, np.array([0.0, *_FRACTIONS[organ][node]])))
    return np.concatenate(pieces)


def masks_to_landmarks(
    right_lung: Integer[np.ndarray, "h w"],
    left_lung: Integer[np.ndarray, "h w"],
    heart: Integer[np.ndarray, "h w"],
) -> Float[np.ndarray, "120 2"]:
    """Return the landmarks of lungs and heart from their masks, in the order of the landmark graph.

    Parameters
    ----------
    right_lung, left_lung, heart
        [row, column], non-zero inside; they may overlap.

    Returns
    -------
    Float[np.ndarray, "120 2"]
        (x, y) in pixels of the masks: 44 right lung, 50 left lung, 26 heart.

    Raises
    ------
    CxrError
        If a mask is empty or the shapes differ.
    """
    if not right_lung.shape == left_lung.shape == heart.shape:
        raise CxrError(
            f"organ masks of different shapes: right lung {right_lung.shape}, left lung {left_lung.shape}, "
            f"heart {heart.shape}; expected one shape"
        )
    return np.concatenate(
        [
            organ_landmarks("right_lung", right_lung),
            organ_landmarks("left_lung", left_lung),
            organ_landmarks("heart", heart),
        ]
    )


def _outer_contour(organ: str, mask: np.ndarray) -> np.ndarray:
    """Return the border pixels [n, 2] (x, y) of the mask's largest part, in the orientation of the landmarks."""
    found, _ = cv2.findContours((mask != 0).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not found:
        raise CxrError(f"the {organ} mask is empty; landmarks need at least one region")
    chain = max(found, key=cv2.contourArea)[:, 0].astype(np.float64)
    if len(chain) < 8 or cv2.contourArea(chain.astype(np.float32)) < 16:
        raise CxrError(f"the {organ} mask holds a region of only {len(chain)} border pixels; expected an organ")
    x, y = chain.T
    # With y down, a positive area means that the contour runs clockwise in the displayed image.
    clockwise = np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) > 0
    return chain if clockwise == _CLOCKWISE[organ] else chain[::-1]


def _anchors(organ: str, contour: np.ndarray) -> dict[int, int]:
    """Return the contour index of each anchor node; along the contour the anchors keep their order from node 0."""
    low, high = contour.min(axis=0), contour.max(axis=0)
    box = (contour - low) / np.maximum(high - low, 1)
    scores = {node: _corner_score(box, rule) for node, rule in _CORNERS[organ].items()}
    first = int(np.argmax(scores[0]))
    count = len(contour)
    order = (np.arange(count) - first) % count  # steps from node 0
    found = {0: first}
    reached = 0
    corners = [node for node in _CORNERS[organ] if node]
    for place, node in enumerate(corners):
        # Anchors keep their order along the contour even for unusual shapes; space is left for the following ones.
        free = (order > reached) & (order < count - (len(corners) - place) - 3)
        score = np.where(free, scores[node], -np.inf)
        found[node] = int(np.argmax(score))
        reached = int(order[found[node]])
    if organ == "left_lung":
        found |= _knob_anchors(contour, box, found[27], found[0])
    return found


def _corner_score(box: np.ndarray, rule: tuple[float, float, float, float]) -> np.ndarray:
    direction, place = np.array(rule[:2]), np.array(rule[2:])
    return box @ direction - _PULL * ((box - place) ** 2).sum(axis=1)


def _knob_anchors(contour: np.ndarray, box: np.ndarray, cardiophrenic: int, apex: int) -> dict[int, int]:
    """Find anchors 40 and 44 of the left lung on the medial border, from the cardiophrenic angle up to the apex."""
    count = len(contour)
    border = (cardiophrenic + np.arange((apex - cardiophrenic) % count + 1)) % count
    inner = border[2:-2] if len(border) > 8 else border
    upper_end = int(inner[np.argmin(box[inner, 0] + _KNOB_PULL * (box[inner, 1] - _KNOB_HEIGHT) ** 2)])
    arc = (cardiophrenic + np.arange((upper_end - cardiophrenic) % count + 1)) % count
    steps = np.linspace(0, 1, len(arc))
    window = np.abs(steps - _NOTCH_FRACTION) < _NOTCH_WINDOW
    # The notch is the point of the window that lies farthest on the medial side of the window's chord.
    points = contour[arc[window]]
    if len(points) < 5:
        return {40: int(arc[int(_NOTCH_FRACTION * (len(arc) - 1))]), 44: upper_end}
    chord = points[-1] - points[0]
    offset = points - points[0]
    depth = (chord[1] * offset[:, 0] - chord[0] * offset[:, 1]) / max(np.hypot(*chord), 1e-9)
    # If the border is straight, a small penalty on the distance from the mean position decides.
    pull = 2 * np.hypot(*chord) * (steps[window] - _NOTCH_FRACTION) ** 2 / _NOTCH_WINDOW
    notch = int(arc[window][np.argmax(depth - pull)])
    return {40: notch, 44: upper_end}


def _smoothed(contour: np.ndarray) -> np.ndarray:
    reach = int(np.ceil(3 * _SMOOTHING_PX))
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / _SMOOTHING_PX) ** 2)
    weights /= weights.sum()
    return sum(weight * np.roll(contour, -offset, axis=0) for weight, offset in zip(weights, offsets, strict=True))


def _arc(smooth: np.ndarray, contour: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Return the smoothed contour from one anchor to the next; the anchors keep their unsmoothed positions."""
    count = len(contour)
    indices = (start + np.arange((stop - start) % count + 1)) % count
    arc = smooth[indices].copy()
    arc[0], arc[-1] = contour[start], contour[stop]
    return arc


def _at_fractions(arc: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(arc, axis=0).T))])
    wanted = fractions * lengths[-1]
    return np.stack([np.interp(wanted, lengths, arc[:, axis]) for axis in range(2)], axis=1)
