"""Drawing of contours over a radiograph for visual inspection; points are (x, y), arrays [row, column]."""

from collections.abc import Mapping

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from cxrfactory.errors import CxrError

# RGB colours from the colour-blind-safe palette of Okabe and Ito (2008).
ORGAN_COLOURS = {
    "right_lung": (86, 180, 233),
    "left_lung": (230, 159, 0),
    "heart": (213, 94, 0),
    "right_clavicle": (0, 158, 115),
    "left_clavicle": (240, 228, 66),
}
PIXELS_PER_LINE_WIDTH = 700  # the line is 1 px wide for an image of this side, and at least 1 px
_SHIFT_BITS = 4


def draw_overlay(
    image: UInt8[np.ndarray, "height width"], contours: Mapping[str, Float[np.ndarray, "nodes 2"]]
) -> UInt8[np.ndarray, "height width 3"]:
    """Draw closed anti-aliased contours over a radiograph, with one colour per organ.

    Parameters
    ----------
    image
        8-bit grey radiograph; it is not changed.
    contours
        Organ name to its vertices (x, y), pixels of ``image``.

    Returns
    -------
    RGB picture.

    Raises
    ------
    CxrError
        If an organ has no colour, or a coordinate is not finite.
    """
    picture = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
    width = max(1, round(max(image.shape) / PIXELS_PER_LINE_WIDTH))
    farthest = 4.0 * max(image.shape)  # larger coordinates would overflow OpenCV's fixed-point numbers
    for organ, points in contours.items():
        if organ not in ORGAN_COLOURS:
            raise CxrError(f"no colour for organ '{organ}'; expected one of {', '.join(ORGAN_COLOURS)}")
        if not np.isfinite(points).all():
            raise CxrError(f"contour of {organ} holds coordinates that are not finite numbers")
        near = np.clip(np.asarray(points, dtype=np.float64), -farthest, farthest)
        fixed = np.rint(near * 2**_SHIFT_BITS).astype(np.int32)
        cv2.polylines(picture, [fixed], True, ORGAN_COLOURS[organ], width, cv2.LINE_AA, _SHIFT_BITS)
    return picture
