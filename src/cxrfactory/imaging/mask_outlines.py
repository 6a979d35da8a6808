"""Outlines of masks as polygons, for drawing; points are (x, y), arrays [row, column]."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8


def mask_outlines(mask: UInt8[np.ndarray, "height width"]) -> list[Float[np.ndarray, "n 2"]]:
    """Return the closed polygons around a mask and around its holes, through the centres of its border pixels.

    Parameters
    ----------
    mask
        0 outside, another value inside.

    Returns
    -------
    float64 [n, 2] for each polygon, (x, y) pixels, the largest first. Polygons of fewer than three points are left out.
    """
    found, _ = cv2.findContours((mask != 0).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    polygons = [each.reshape(-1, 2).astype(np.float64) for each in found if len(each) >= 3]
    return sorted(polygons, key=lambda each: -len(each))
