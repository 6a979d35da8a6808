"""Precision and recall of the pixels of two masks, one of which is the truth."""

import numpy as np
from jaxtyping import Bool

from cxrfactory.metrics.overlap import as_masks


def precision(found: Bool[np.ndarray, "rows columns"], truth: Bool[np.ndarray, "rows columns"]) -> float:
    """Share of the found pixels that are true, |found and truth| / |found|.

    Parameters
    ----------
    found, truth
        Masks of equal shape, any dimension; every non-zero element is foreground.

    Returns
    -------
    float
        In [0, 1]. One empty mask gives 0, although the quotient of nothing found is 0 / 0: an organ that was missed
        must not vanish from a mean. Two empty masks give NaN, as with Dice.

    Raises
    ------
    CxrError
        If the shapes differ.
    """
    return _share(*as_masks(found, truth))


def recall(found: Bool[np.ndarray, "rows columns"], truth: Bool[np.ndarray, "rows columns"]) -> float:
    """Share of the true pixels that were found, |found and truth| / |truth|; otherwise as :func:`precision`."""
    found, truth = as_masks(found, truth)
    return _share(truth, found)


def _share(of: np.ndarray, other: np.ndarray) -> float:
    whole = int(np.count_nonzero(of))
    if whole:
        return int(np.count_nonzero(of & other)) / whole
    return 0.0 if other.any() else float("nan")
