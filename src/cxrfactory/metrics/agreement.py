"""Agreement of paired values: Pearson correlation, Wilcoxon's signed-rank test and Holm's correction."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import CxrError


def pearson_r(a: Float[np.ndarray, "*draws n"], b: Float[np.ndarray, "*draws n"]) -> Float[np.ndarray, "*draws"]:
    """Compute the Pearson correlation along the last axis; it is NaN where one of the two is constant."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    constant = (np.ptp(a, axis=-1) == 0) | (np.ptp(b, axis=-1) == 0)
    a, b = a - a.mean(axis=-1, keepdims=True), b - b.mean(axis=-1, keepdims=True)
    scale = np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    return np.where(constant, np.nan, (a * b).sum(axis=-1) / np.where(constant, 1.0, scale))


@dataclass(frozen=True)
class PairedTest:
    """Wilcoxon's signed-rank test of two models on the same images.

    Attributes
    ----------
    pairs
        Number of images with a value from both models.
    unequal
        Number of pairs whose two values differ; only these pairs enter the test.
    median_difference
        Median of first minus second over all pairs; NaN without pairs.
    rank_biserial
        Rank-biserial correlation in [-1, 1]: the sum of ranks of the pairs where the first value is larger, minus the
        sum where it is smaller, divided by the sum of both. It is 0 where all pairs are equal, NaN without pairs.
    p
        Two-sided p-value; 1 where all pairs are equal, NaN without pairs.
    """

    pairs: int
    unequal: int
    median_difference: float
    rank_biserial: float
    p: float


def paired_wilcoxon(first: Float[np.ndarray, " n"], second: Float[np.ndarray, " n"]) -> PairedTest:
    """Compare paired values with the signed-rank test (Wilcoxon, 1945); pairs of equal values do not enter it.

    The test uses only the ranks of the absolute differences. An infinite distance (an organ that one of the two models
    missed) therefore takes part with the largest rank. Two infinite values count as equal. Pairs with a NaN are left
    out.

    Parameters
    ----------
    first, second
        Values of the same images in the same order, each ``[n]``.

    Raises
    ------
    CxrError
        If the shapes differ or the values are not one-dimensional.
    """
    from scipy.stats import rankdata, wilcoxon

    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise CxrError(f"values of shapes {first.shape} and {second.shape}; expected one value an image for both")
    kept = ~(np.isnan(first) | np.isnan(second))
    first, second = first[kept], second[kept]
    if not first.size:
        return PairedTest(0, 0, float("nan"), float("nan"), float("nan"))
    same = first == second
    with np.errstate(invalid="ignore"):
        differences = np.where(same, 0.0, first - second)
    middle = _median(differences)
    differences = differences[~same]
    if not differences.size:
        return PairedTest(first.size, 0, middle, 0.0, 1.0)
    signed = np.sign(differences) * rankdata(np.abs(differences))
    p = float(wilcoxon(signed).pvalue)
    return PairedTest(first.size, differences.size, middle, float(signed.sum() / np.abs(signed).sum()), p)


def holm(p_values: Sequence[float]) -> Float[np.ndarray, " n"]:
    """Adjust the p-values of one family of tests (Holm, 1979); NaN stays NaN and does not count as a test."""
    p = np.asarray(p_values, np.float64)
    adjusted = np.full(p.shape, np.nan)
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]  # NaN sorts last
    steps = p[order] * np.arange(order.size, 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def _median(values: np.ndarray) -> float:
    # np.median returns NaN when the two middle values are equal infinities.
    ordered = np.sort(values)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    with np.errstate(invalid="ignore"):  # infinities of opposite sign give NaN
        return float(low if low == high else (low + high) / 2)
