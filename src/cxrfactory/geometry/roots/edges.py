"""Straight lines in a mask of roots that are none: edges of the plate, of paper and of the picture.

A root bends: over a tenth of the plate it leaves the straight line by more than its own width tells. An edge does not,
and it is nearly parallel to a side of the picture. A line that grew from one end to the other over several pictures is
a root, however straight it is. What lies wholly in the outermost part of the picture is no root either: no plant stands
there, and what grows there cannot be followed.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Int32
from scipy import ndimage
from scipy.stats import spearmanr

_LONG = 0.12  # of the picture's shorter side; shorter roots may be straight
_STRAIGHT = 0.002  # of the length: most spread across the line, beyond that of a bar of its width
_ALONG = 5.0  # degrees to a side of the picture
_SLIM = 8.0  # an edge is at least so many times as long as it is wide
_BORDER = 0.04  # of the picture's shorter side
_GROWTH_PICTURES = 4  # over which a line grew; what appears in fewer may be an edge that is found late
_GROWTH_ORDER = 0.9  # rank correlation of the place along a line with its arrival


def edges_in(arrival: Int32[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Return the parts of a plate's roots that are edges or lie at the picture's border.

    Parameters
    ----------
    arrival
        First picture with root at each pixel, indexed [row, column]; -1 for never.
    """
    height, width = arrival.shape
    side = min(arrival.shape)
    number, labels, boxes, _ = cv2.connectedComponentsWithStats((arrival >= 0).astype(np.uint8), connectivity=8)
    rows, columns = np.arange(1, height + 1), np.arange(1, width + 1)
    inward = np.minimum(np.minimum(rows, rows[::-1])[:, None], np.minimum(columns, columns[::-1]))
    reach = ndimage.maximum(inward, labels, np.arange(number))  # of each part from the nearest side
    gone = np.asarray(reach) <= _BORDER * side
    gone[0] = False
    for part in np.flatnonzero(~gone)[1:].tolist():
        left, top, across, down, area = (int(each) for each in boxes[part])
        if max(across, down) < _LONG * side:
            continue
        places = np.argwhere(labels[top : top + down, left : left + across] == part)
        when = arrival[top + places[:, 0], left + places[:, 1]]
        gone[part] = _is_straight(places, area) and not _grew(places, when)
    return gone[labels]


def _grew(places: np.ndarray, arrivals: np.ndarray) -> bool:
    """Return whether a straight part of the mask grew from one end to the other."""
    if float(np.ptp(np.percentile(arrivals, (5, 95)))) < _GROWTH_PICTURES:
        return False
    along = places[:, int(np.argmax(np.ptp(places, axis=0)))]
    return abs(float(spearmanr(along, arrivals).statistic)) >= _GROWTH_ORDER


def _is_straight(places: np.ndarray, area: int) -> bool:
    """Return whether the pixels of a part of the mask form a straight bar along a side of the picture."""
    apart = places - places.mean(0)
    scatter, axes = np.linalg.eigh(apart.T @ apart / len(apart))
    axis = axes[:, 1]
    length = float(np.ptp(apart @ axis)) + 1
    wide = area / length
    spread = np.sqrt(max(float(scatter[0]) - wide**2 / 12, 0.0))
    angle = np.degrees(np.arctan2(*np.sort(np.abs(axis))))
    return length >= _SLIM * wide and spread <= _STRAIGHT * length and angle <= _ALONG
