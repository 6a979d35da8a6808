"""Overlap of two masks: Dice and Jaccard."""

import numpy as np
from jaxtyping import Bool

from cxrfactory.errors import CxrError


def dice(a: Bool[np.ndarray, "rows columns"], b: Bool[np.ndarray, "rows columns"]) -> float:
    """Compute the Dice similarity coefficient, ``2 |A and B| / (|A| + |B|)``.

    Parameters
    ----------
    a, b
        Masks of equal shape and any number of dimensions; every non-zero element is foreground.

    Returns
    -------
    float
        Coefficient in [0, 1]. One empty mask gives 0. Two empty masks give NaN: the quotient is 0 / 0, which shows
        neither agreement nor disagreement about an organ (the convention of surface-distance).

    Raises
    ------
    CxrError
        If the shapes differ.

    Examples
    --------
    >>> a, b = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    >>> a[:, :2] = True
    >>> b[:, 1:3] = True
    >>> cxr.dice(a, b)
    0.5
    """
    intersection, size_a, size_b = _counts(a, b)
    return 2 * intersection / (size_a + size_b) if size_a + size_b else float("nan")


def jaccard(a: Bool[np.ndarray, "rows columns"], b: Bool[np.ndarray, "rows columns"]) -> float:
    """Compute the Jaccard index (intersection over union), ``|A and B| / |A or B|``.

    Parameters
    ----------
    a, b
        Masks of equal shape and any number of dimensions; every non-zero element is foreground.

    Returns
    -------
    float
        Index in [0, 1]; 0 where one mask is empty, NaN where both are, as in :func:`dice`.

    Raises
    ------
    CxrError
        If the shapes differ.

    Examples
    --------
    >>> a, b = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    >>> a[:, :2] = True
    >>> b[:, 1:3] = True
    >>> round(cxr.jaccard(a, b), 3)
    0.333
    """
    intersection, size_a, size_b = _counts(a, b)
    union = size_a + size_b - intersection
    return intersection / union if union else float("nan")


def as_masks(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Check that the shapes are equal, and return both masks as boolean arrays.

    Raises
    ------
    CxrError
        If the shapes differ.
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        raise CxrError(f"masks of unequal shape: {a.shape} and {b.shape}; compare masks in one frame")
    return a.astype(bool, copy=False), b.astype(bool, copy=False)


def _counts(a: np.ndarray, b: np.ndarray) -> tuple[int, int, int]:
    a, b = as_masks(a, b)
    return int(np.count_nonzero(a & b)), int(np.count_nonzero(a)), int(np.count_nonzero(b))
