"""Agreement of paired values: correlation, Wilcoxon's signed-rank test, Holm's correction."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import CxrError


def pearson_r(a: Float[np.ndarray, "*draws n"], b: Float[np.ndarray, "*draws n"]) -> Float[np.ndarray, "*draws"]:
    """Pearson correlation along the last axis; NaN where one side does not vary."""
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
        Images with a value of both.
    unequal
        Those whose values differ; only they count in the test.
    median_difference
        Of first minus second over all pairs; NaN without pairs.
    rank_biserial
        (sum of ranks where the first is larger - where it is smaller) / their sum, in [-1, 1]; 0 where all are equal.
    p
        Two-sided; 1 where all are equal, NaN without pairs.
    """

    pairs: int
    unequal: int
    median_difference: float
    rank_biserial: float
    p: float


def paired_wilcoxon(first: Float[np.ndarray, " n"], second: Float[np.ndarray, " n"]) -> PairedTest:
    """Compare paired values (Wilcoxon, 1945; zeros are left out).

    Only the order of the differences' sizes counts. So an infinite distance (an organ that one of the two
    models missed) takes part, with the largest rank; two infinite ones are equal. Pairs with a NaN are left out.

    Parameters
    ----------
    first, second
        Values of the same images in the same order.

    Raises
    ------
    CxrError
        If the lengths differ.
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
    """Adjust p-values of one family of tests (Holm, 1979); NaN stays NaN and is no test of the family."""
    p = np.asarray(p_values, np.float64)
    adjusted = np.full(p.shape, np.nan)
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]  # NaN sorts last
    steps = p[order] * np.arange(order.size, 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def _median(values: np.ndarray) -> float:
    # numpy's own makes NaN of two equal infinities in the middle.
    ordered = np.sort(values)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    with np.errstate(invalid="ignore"):  # of infinities with unlike signs: NaN
        return float(low if low == high else (low + high) / 2)
