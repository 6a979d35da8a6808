"""Straight lines in a mask of roots that are none: edges of the plate, of paper and of the picture.

A root bends: over a tenth of the plate it leaves the straight line by more than its own width tells. An edge does not,
and it is nearly parallel to a side of the picture. What lies wholly in the outermost part of the picture is no root
either: no plant stands there, and what grows there cannot be followed.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool

_LONG = 0.12  # of the picture's shorter side; shorter roots may be straight
_STRAIGHT = 0.002  # of the length: most spread across the line, beyond that of a bar of its width
_ALONG = 5.0  # degrees to a side of the picture
_SLIM = 8.0  # an edge is at least so many times as long as it is wide
_BORDER = 0.04  # of the picture's shorter side


def edges_in(mask: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Return the parts of a mask of roots that are edges or lie at the picture's border.

    Parameters
    ----------
    mask
        Roots in all pictures together, indexed [row, column].
    """
    height, width = mask.shape
    side = min(mask.shape)
    number, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    gone = np.zeros(number, bool)
    for part in range(1, number):
        left, top, across, down, area = (int(each) for each in boxes[part])
        ends = (left + across, top + down, width - left, height - top)  # how far it reaches from each side
        if min(ends) <= _BORDER * side:
            gone[part] = True
        elif max(across, down) >= _LONG * side:
            gone[part] = _is_straight(np.argwhere(labels[top : top + down, left : left + across] == part), area)
    return gone[labels]


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
