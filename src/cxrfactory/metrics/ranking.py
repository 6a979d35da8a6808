"""How well a score ranks images by their true quality: rank correlation, and the area for the worst images."""

import math

import numpy as np
from jaxtyping import Bool, Float

from cxrfactory.errors import CxrError
from cxrfactory.metrics.classification import ranked_area

WORST_SHARE = 0.1


def rank_correlation(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> float:
    """Compute Spearman's rank correlation of paired values; ties get their mean rank.

    Parameters
    ----------
    a, b
        Values of the same images in the same order, each ``[n]``; pairs with a NaN are left out.

    Returns
    -------
    float
        In [-1, 1]; NaN where one of the two is constant or fewer than two pairs are left.

    Raises
    ------
    CxrError
        If the shapes differ or the values are not one-dimensional.
    """
    from scipy.stats import rankdata

    a, b = _pairs(a, b)
    if a.size < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def worst_images(truth: Float[np.ndarray, " n"], share: float = WORST_SHARE) -> Bool[np.ndarray, " n"]:
    """Mark the images with the lowest truth: ``share`` of them, rounded up, and those equal to the best of these.

    Parameters
    ----------
    truth
        True quality such as Dice, ``[n]``, without NaN; higher is better.
    share
        Share of the images, above 0 and at most 1.
    """
    truth = np.asarray(truth, np.float64)
    if not truth.size:
        return np.zeros(0, bool)
    count = math.ceil(share * truth.size - 1e-9)
    return truth <= np.sort(truth)[count - 1]


def worst_found(score: Float[np.ndarray, " n"], truth: Float[np.ndarray, " n"], share: float = WORST_SHARE) -> float:
    """Compute the area under the ROC curve of a score that detects the worst images.

    Parameters
    ----------
    score
        Estimated quality, ``[n]``; higher is better. Pairs with a NaN are left out.
    truth
        True quality such as Dice, ``[n]``.
    share
        Share of the images that count as the worst (:func:`worst_images`).

    Returns
    -------
    float
        Probability that one of the worst images has a lower score than one of the others, where ties count one half;
        NaN where there are only worst images.

    Raises
    ------
    CxrError
        If the shapes differ or the values are not one-dimensional.
    """
    score, truth = _pairs(score, truth)
    return ranked_area(-score, worst_images(truth, share))


def _pairs(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise CxrError(f"values of shapes {a.shape} and {b.shape}; expected one value an image for both")
    kept = ~(np.isnan(a) | np.isnan(b))
    return a[kept], b[kept]
