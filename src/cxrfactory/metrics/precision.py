"""Precision and recall of the pixels of two masks, one of which is the truth."""

import numpy as np
from jaxtyping import Bool

from cxrfactory.metrics.overlap import as_masks


def precision(found: Bool[np.ndarray, "rows columns"], truth: Bool[np.ndarray, "rows columns"]) -> float:
    """Compute the share of the found pixels that are true, |found and truth| / |found|.

    Parameters
    ----------
    found, truth
        Masks of equal shape and any number of dimensions; every non-zero element is foreground.

    Returns
    -------
    float
        Share in [0, 1]. One empty mask gives 0, although the quotient is 0 / 0 when nothing is found, because a missed
        organ must not disappear from a mean. Two empty masks give NaN, as with Dice.

    Raises
    ------
    CxrError
        If the shapes differ.
    """
    return _share(*as_masks(found, truth))


def recall(found: Bool[np.ndarray, "rows columns"], truth: Bool[np.ndarray, "rows columns"]) -> float:
    """Compute the share of the true pixels that were found, |found and truth| / |truth|.

    Empty masks and errors are treated as in :func:`precision`.
    """
    found, truth = as_masks(found, truth)
    return _share(truth, found)


def _share(of: np.ndarray, other: np.ndarray) -> float:
    whole = int(np.count_nonzero(of))
    if whole:
        return int(np.count_nonzero(of & other)) / whole
    return 0.0 if other.any() else float("nan")
