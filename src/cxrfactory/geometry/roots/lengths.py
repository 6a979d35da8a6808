"""The units in which the rules of root graphs have their lengths, so that they hold at any resolution.

The lengths of the rules are written in pixels of a plate of :data:`PLATE_MM` mm in 800 pixels, on which roots are up to
:data:`WIDTH_PX` pixels wide. What follows from the form of roots (spurs, directions, the least lateral, smoothing) is
multiplied by how much wider the roots are. What follows from the picture (gaps where a drop lies or a root is faint) is
multiplied by how much finer the pixels are, or by the former if that is more.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool
from skimage.morphology import skeletonize

MM_PER_PIXEL = 0.16
PLATE_MM = 128.0  # a picture without a scale is taken for one of a plate of this size
WIDTH_PX = 3.0


def root_width(mask: Bool[np.ndarray, "height width"]) -> float:
    """Measure how wide roots are: the median over their middle lines, pixels; 0 for a mask without roots.

    The width at a pixel of the skeleton is twice its distance to the nearest pixel beside the root, less the one pixel
    that this counts too much.
    """
    padded = np.pad(mask, 1).astype(np.uint8)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    widths = 2 * distance[skeletonize(padded > 0)] - 1
    return float(np.median(widths)) if len(widths) else 0.0


def length_unit(mask: Bool[np.ndarray, "height width"]) -> float:
    """Return the factor of lengths that follow from the form of roots; 1 at least.

    Parameters
    ----------
    mask
        The roots of a plate.
    """
    return max(1.0, root_width(mask) / WIDTH_PX)


def gap_unit(shape: tuple[int, int], mm_per_pixel: float | None) -> float:
    """Return the factor of lengths that follow from the picture; 1 at least.

    Parameters
    ----------
    shape
        Rows and columns of the picture.
    mm_per_pixel
        Scale of the plate; without one, :data:`PLATE_MM` are taken to fill the shorter side of the picture.

    Examples
    --------
    >>> gap_unit((800, 800), 0.04), gap_unit((1600, 2400), None)
    (4.0, 2.0)
    """
    scale = PLATE_MM / min(shape) if mm_per_pixel is None else mm_per_pixel
    return max(1.0, MM_PER_PIXEL / scale)
