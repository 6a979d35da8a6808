"""Masks as polygons, where a polygon is exact: filled again, it gives the same pixels."""

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from cxrfactory.anatomy.raster import fill_contour
from cxrfactory.errors import ImageError
from cxrfactory.products.opened import ContouredImage, ProductImage

Shape = Literal["masks", "polygons"]
Polygon = Float[np.ndarray, "n 2"]  # (x, y) in whole pixels, with integers at pixel centres
_LEAST_VERTICES = 3


def polygons_of(image: ProductImage, name: str, mask: UInt8[np.ndarray, "height width"]) -> list[Polygon] | None:
    """Return polygons whose filled union is a mask, pixel for pixel; None if there are none, as for a mask with a hole.

    The contour of the product is taken where it gives the mask, because it has few vertices, which a person can move.
    Otherwise each part of the mask is traced along its outermost pixels.
    """
    candidates = []
    if isinstance(image, ContouredImage) and name in image.landmarks:
        candidates.append([np.rint(np.asarray(image.landmarks[name], np.float64))])
    traced, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    candidates.append([points.reshape(-1, 2).astype(np.float64) for points in traced])
    complete = [each for each in candidates if min(map(len, each), default=0) >= _LEAST_VERTICES]
    return next((each for each in complete if np.array_equal(filled(each, *mask.shape), mask != 0)), None)


def polygon(points: Sequence[Sequence[float]]) -> Float[np.ndarray, "n 2"]:
    """Return the vertices (x, y) of a polygon that a person drew.

    Raises
    ------
    ImageError
        If there are too few, because an unfinished polygon is no mask.
    """
    if len(points) < _LEAST_VERTICES:
        raise ImageError(f"polygon of {len(points)} points; expected {_LEAST_VERTICES} or more: finish or delete it")
    return np.array(points)


def filled(polygons: list[Polygon], height: int, width: int) -> UInt8[np.ndarray, "height width"]:
    """Return the union of filled polygons: uint8 [row, column], 1 inside and on the contour; points are rounded."""
    mask = np.zeros((height, width), np.uint8)
    for points in polygons:
        mask |= fill_contour(np.rint(points), height, width)
    return mask
