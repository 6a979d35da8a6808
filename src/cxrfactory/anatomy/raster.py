"""Rasterisation of contours to masks.

Points are (x, y) with integer coordinates at pixel centres; masks are [row, column].
"""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.errors import CxrError

SHIFT_BITS = 8  # OpenCV gets coordinates in units of 1/256 px
MARGIN = 4  # px kept around the image if a contour leaves it


def fill_contour(points: Float[np.ndarray, "n 2"], height: int, width: int) -> UInt8[np.ndarray, "height width"]:
    """Fill a closed polygon.

    The convention is that of the published CheXmask masks; with integer points the masks are equal pixel for pixel.
    Every pixel whose centre lies inside is filled (even-odd rule where the contour crosses itself), and the pixels on
    the contour belong to the mask. OpenCV's scan line uses the exact x of a vertex and its nearest row. Therefore no
    mask pixel lies farther than sqrt(2) px from the exact polygon, and no pixel more than 1 px inside it is missed.
    Parts outside the image are cut off.

    Parameters
    ----------
    points
        Vertices (x, y), pixels; the last is connected to the first.
    height, width
        Shape of the mask, pixels.

    Returns
    -------
    uint8, 1 inside and 0 outside.

    Raises
    ------
    CxrError
        If the points are not (n, 2) with n >= 1, or not finite.
    """
    points = np.asarray(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise CxrError(f"contour of shape {points.shape}; expected (n, 2) with (x, y) columns and n >= 1")
    if not np.isfinite(points).all():
        raise CxrError("contour holds coordinates that are not finite numbers")
    leaves = points.min() < 0 or (points.max(axis=0) > (width - 1, height - 1)).any()
    if not leaves:
        return _fill(points, height, width)
    # OpenCV's own clipping marks pixels of the image's edge that are far from the contour, and it overflows on distant
    # points. Therefore the polygon is clipped a few pixels outside the image, and the canvas is cropped afterwards.
    points = _cut_to_box(points, np.array([-MARGIN, -MARGIN]), np.array([width, height]) + MARGIN - 1)
    if not len(points):
        return np.zeros((height, width), dtype=np.uint8)
    canvas = _fill(points + MARGIN, height + 2 * MARGIN, width + 2 * MARGIN)
    return np.ascontiguousarray(canvas[MARGIN:-MARGIN, MARGIN:-MARGIN])


def _fill(points: Float[np.ndarray, "n 2"], height: int, width: int) -> UInt8[np.ndarray, "height width"]:
    mask = np.zeros((height, width), dtype=np.uint8)
    fixed = np.rint(points * 2**SHIFT_BITS).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 1, lineType=cv2.LINE_8, shift=SHIFT_BITS)
    return mask


def _cut_to_box(
    points: Float[np.ndarray, "n 2"], low: Float[np.ndarray, "2"], high: Float[np.ndarray, "2"]
) -> Float[np.ndarray, "m 2"]:
    """Clip a closed polygon to a box (Sutherland and Hodgman, 1974); ``low`` and ``high`` are (x, y)."""
    for axis in (0, 1):
        for sign, bound in ((1, low[axis]), (-1, -high[axis])):
            following = np.roll(points, -1, axis=0)
            depth, depth_following = sign * points[:, axis] - bound, sign * following[:, axis] - bound
            crosses = (depth >= 0) != (depth_following >= 0)
            along = np.divide(depth, depth - depth_following, out=np.zeros_like(depth), where=crosses)
            cuts = points + along[:, None] * (following - points)
            cuts[:, axis] = sign * bound
            # Each vertex inside is kept. The intersection of the edge that starts at a vertex follows it.
            both = np.stack([points, cuts], axis=1).reshape(-1, 2)
            points = both[np.stack([depth >= 0, crosses], axis=1).ravel()]
    return points


def landmarks_to_masks(
    landmarks: Float[np.ndarray, "nodes 2"], graph: LandmarkGraph, height: int, width: int
) -> dict[str, UInt8[np.ndarray, "height width"]]:
    """Fill the contour of each organ; overlapping organs are complete in their own masks.

    Parameters
    ----------
    landmarks
        Nodes (x, y) in the order of ``graph``, pixels of the masks' frame.
    graph
        Graph that names the organs and their nodes.
    height, width
        Shape of the masks, pixels.

    Returns
    -------
    Organ name to a uint8 mask of 0 and 1, in the order of ``graph.organs``.

    Raises
    ------
    CxrError
        If the number of nodes differs from the graph's, or a coordinate is not finite.
    """
    landmarks = np.asarray(landmarks)
    if landmarks.shape != (graph.nodes, 2):
        raise CxrError(
            f"landmarks of shape {landmarks.shape}; graph '{graph.name}' expects ({graph.nodes}, 2) as (x, y)"
        )
    return {organ: fill_contour(landmarks[where], height, width) for organ, where in graph.slices.items()}
