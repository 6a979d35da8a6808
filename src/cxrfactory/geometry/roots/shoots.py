"""Shoots in a mask of roots: thick stems above a seed from which several roots grow."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool

from cxrfactory.geometry.roots.lengths import root_width

_THICK = 1.3  # times as wide as the roots of the picture
_SLIM = 4.0  # times as long as wide
_HIGH = 0.25  # of the picture's longer side: most height
_NEAR = 0.08  # of the longer side: the roots begin so near below the stem's lower end
_REACH = 0.07  # of the longer side: the roots are counted over this height and to both sides
_BUNDLE = 2.0  # times as much root as the stem itself would be over that height


def shoots_in(mask: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Return the parts of a mask that are shoots.

    A shoot is apart from the roots, for the seed lies between them; it is unbranched and thicker than roots are, and
    just below its lower end lie several roots. A piece of a torn root is as thick as roots are, or one root follows.

    Parameters
    ----------
    mask
        Roots, indexed [row, column].
    """
    longer = max(mask.shape)
    near, reach = round(_NEAR * longer), max(1, round(_REACH * longer))
    number, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    found = np.zeros(number, bool)
    thick = _THICK * root_width(mask)
    for part in range(1, number):
        left, top, across, down, area = (int(each) for each in boxes[part])
        length = float(np.hypot(across, down))
        wide = area / length
        if not thick <= wide <= length / _SLIM or not reach / 2 <= down <= _HIGH * longer:
            continue
        bottom = top + down
        foot = left + round(float(np.flatnonzero(labels[bottom - 1, left : left + across] == part).mean()))
        window = labels[bottom : bottom + near + reach, max(foot - reach, 0) : foot + reach + 1]
        others = int(np.count_nonzero(window)) - int(np.count_nonzero(window == part))
        found[part] = others >= _BUNDLE * wide * reach
    return found[labels]
