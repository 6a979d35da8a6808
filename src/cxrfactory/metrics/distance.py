"""Distances between the boundaries of two masks: Hausdorff, HD95, average and normalised surface distance.

The boundary of a mask is the set of its foreground pixels with a background pixel, or the edge of the image, directly
above, below, left or right. Distances are Euclidean between pixel centres, in the unit of the spacing: mm if the
spacing is in mm per pixel, pixels if it is left at 1. Spacings are (row, column), as arrays are indexed.

Empty masks: where both masks are empty, every measure is NaN, because there is nothing to compare. Where one is empty,
the distances are infinite and the normalised surface distance is 0. A missed organ therefore neither raises an error in
a long run nor disappears from a maximum. A mean over images must state how many values were infinite.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import find_objects
from scipy.spatial import cKDTree

from cxrfactory.errors import CxrError
from cxrfactory.metrics.overlap import as_masks

Spacing = tuple[float, float]


def boundary(mask: Bool[np.ndarray, "rows columns"]) -> Bool[np.ndarray, "rows columns"]:
    """Mark the foreground pixels with background or the image's edge directly above, below, left or right."""
    padded = np.pad(np.asarray(mask, dtype=bool), 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return padded[1:-1, 1:-1] & ~inside


def surface_distances(
    a: Bool[np.ndarray, "rows columns"], b: Bool[np.ndarray, "rows columns"], spacing: Spacing = (1.0, 1.0)
) -> tuple[Float[np.ndarray, "points_a"], Float[np.ndarray, "points_b"]]:
    """Compute the distance of each boundary pixel of one mask to the nearest boundary pixel of the other.

    Parameters
    ----------
    a, b
        Masks of equal shape.
    spacing
        Size of a pixel (row, column), both above 0; in mm for distances in mm.

    Returns
    -------
    tuple of ndarray
        Distances from ``a`` to ``b`` and from ``b`` to ``a``, float64, in row-major order of the boundary pixels.
        They are infinite where the other mask is empty. An empty mask gives an array without elements.

    Raises
    ------
    CxrError
        If the shapes differ, the masks are not two-dimensional, or a spacing is not above 0.
    """
    a, b = as_masks(a, b)
    if a.ndim != 2:
        raise CxrError(f"masks of {a.ndim} dimensions; expected 2 (rows, columns)")
    if len(spacing) != 2 or not all(np.isfinite(step) and step > 0 for step in spacing):
        raise CxrError(f"spacing {spacing}; expected two sizes above 0 (row, column)")
    points_a, points_b = _boundary_points(a, spacing), _boundary_points(b, spacing)
    return _nearest(points_a, points_b), _nearest(points_b, points_a)


@dataclass(frozen=True)
class BoundaryDistances:
    """Result of :func:`surface_distances`, from which several measures can be computed.

    Empty masks are treated as this module's docstring states.

    Attributes
    ----------
    forth, back
        Distances from every boundary pixel of the first mask to the boundary of the second, and the reverse.
    """

    forth: Float[np.ndarray, " n"]
    back: Float[np.ndarray, " m"]

    @property
    def hd(self) -> float:
        """Hausdorff distance, as in :func:`hausdorff`."""
        return self._summary(lambda forth, back: max(forth.max(), back.max()))

    @property
    def hd95(self) -> float:
        """Robust Hausdorff distance, as in :func:`hd95`."""
        return self._summary(lambda forth, back: max(_p95(forth), _p95(back)))

    @property
    def asd(self) -> float:
        """Average symmetric surface distance, as in :func:`asd`."""
        # The two sums are computed separately, so that the measure is exactly symmetric.
        return self._summary(lambda forth, back: (forth.sum() + back.sum()) / (forth.size + back.size))

    def nsd(self, tolerance: float) -> float:
        """Compute the normalised surface distance, as :func:`nsd` does."""
        if not tolerance >= 0:
            raise CxrError(f"tolerance {tolerance}; expected a distance of 0 or more")
        distances = np.concatenate((self.forth, self.back))
        return float((distances <= tolerance).mean()) if distances.size else float("nan")

    def _summary(self, of: Callable[[np.ndarray, np.ndarray], float]) -> float:
        if not self.forth.size and not self.back.size:
            return float("nan")
        if not self.forth.size or not self.back.size:
            return float("inf")
        return float(of(self.forth, self.back))


def hausdorff(
    a: Bool[np.ndarray, "rows columns"], b: Bool[np.ndarray, "rows columns"], spacing: Spacing = (1.0, 1.0)
) -> float:
    """Compute the Hausdorff distance: the largest of all boundary distances, in the unit of ``spacing``.

    Parameters
    ----------
    a, b
        Masks of equal shape [row, column].
    spacing
        Size of a pixel (row, column); mm for a distance in mm, pixels where it is left at 1.

    Returns
    -------
    float
        At least 0; infinite where one mask is empty, NaN where both are.

    Raises
    ------
    CxrError
        Under the conditions of :func:`surface_distances`.

    Examples
    --------
    >>> a, b = np.zeros((9, 9), bool), np.zeros((9, 9), bool)
    >>> a[2:5, 2:5] = True
    >>> b[2:5, 3:6] = True
    >>> cxr.hausdorff(a, b), cxr.hausdorff(a, b, spacing=(0.5, 0.5))
    (1.0, 0.5)
    """
    return BoundaryDistances(*surface_distances(a, b, spacing)).hd


def hd95(
    a: Bool[np.ndarray, "rows columns"], b: Bool[np.ndarray, "rows columns"], spacing: Spacing = (1.0, 1.0)
) -> float:
    """Compute the larger of the two directed 95th percentiles of the boundary distances.

    The percentile is numpy's, with linear interpolation. This is the robust Hausdorff distance of MONAI; MedPy instead
    pools both directions before it takes the percentile.

    Parameters
    ----------
    a, b
        Masks of equal shape [row, column].
    spacing
        Size of a pixel (row, column); mm for a distance in mm, pixels where it is left at 1.

    Returns
    -------
    float
        At least 0; infinite where one mask is empty, NaN where both are.

    Raises
    ------
    CxrError
        Under the conditions of :func:`surface_distances`.

    Examples
    --------
    >>> a, b = np.zeros((9, 9), bool), np.zeros((9, 9), bool)
    >>> a[2:5, 2:5] = True
    >>> b[2:5, 3:6] = True
    >>> cxr.hd95(a, b)
    1.0
    """
    return BoundaryDistances(*surface_distances(a, b, spacing)).hd95


def asd(
    a: Bool[np.ndarray, "rows columns"], b: Bool[np.ndarray, "rows columns"], spacing: Spacing = (1.0, 1.0)
) -> float:
    """Compute the average symmetric surface distance: the mean over the boundary pixels of both masks together.

    Parameters
    ----------
    a, b
        Masks of equal shape [row, column].
    spacing
        Size of a pixel (row, column); mm for a distance in mm, pixels where it is left at 1.

    Returns
    -------
    float
        At least 0; infinite where one mask is empty, NaN where both are.

    Raises
    ------
    CxrError
        Under the conditions of :func:`surface_distances`.

    Examples
    --------
    >>> a, b = np.zeros((9, 9), bool), np.zeros((9, 9), bool)
    >>> a[2:5, 2:5] = True
    >>> b[2:5, 3:6] = True
    >>> cxr.asd(a, b)
    0.5
    """
    return BoundaryDistances(*surface_distances(a, b, spacing)).asd


def nsd(
    a: Bool[np.ndarray, "rows columns"],
    b: Bool[np.ndarray, "rows columns"],
    tolerance: float,
    spacing: Spacing = (1.0, 1.0),
) -> float:
    """Compute the share of both boundaries' pixels within ``tolerance`` of the other boundary.

    Parameters
    ----------
    a, b, spacing
        Masks and pixel size, as in :func:`surface_distances`.
    tolerance
        Largest accepted distance, in the unit of ``spacing``; an equal distance counts as within.

    Returns
    -------
    float
        Normalised surface distance in [0, 1]; 0 where one mask is empty, NaN where both are.

    Raises
    ------
    CxrError
        Under the conditions of :func:`surface_distances`, or if the tolerance is negative.

    Examples
    --------
    >>> a, b = np.zeros((9, 9), bool), np.zeros((9, 9), bool)
    >>> a[2:5, 2:5] = True
    >>> b[2:5, 3:6] = True
    >>> cxr.nsd(a, b, tolerance=0.5), cxr.nsd(a, b, tolerance=1)
    (0.5, 1.0)
    """
    return BoundaryDistances(*surface_distances(a, b, spacing)).nsd(tolerance)


def _boundary_points(mask: np.ndarray, spacing: Spacing) -> np.ndarray:
    box = find_objects(mask.astype(np.uint8))  # a mask fills only a part of the image, so search its bounding box
    if not box:
        return np.empty((0, 2))
    rows, columns = box[0]
    points = np.argwhere(boundary(mask[rows, columns])) + np.array([rows.start, columns.start])
    return points * np.asarray(spacing)


def _nearest(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    if not len(others):
        return np.full(len(points), np.inf)
    return cKDTree(others).query(points)[0] if len(points) else np.empty(0)


def _p95(distances: np.ndarray) -> float:
    return float(np.percentile(distances, 95))
