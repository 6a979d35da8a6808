"""Bootstrap intervals: how much a statistic over images varies with the choice of images."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import CxrError

RESAMPLES = 2000
CONFIDENCE = 0.95


def bootstrap_interval(
    statistic: Callable[..., Float[np.ndarray, " resamples"]],
    *samples: Float[np.ndarray, " n"],
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> tuple[float, float]:
    """Compute the percentile bootstrap (Efron, 1979) of a statistic of one or several paired samples.

    Images are drawn with replacement, and all samples use the same draw. The draw depends only on the number of images
    and the seed, so two models on the same images are compared on the same draws.

    Parameters
    ----------
    statistic
        Function of as many arrays ``[resamples, n]`` as there are samples; it reduces the last axis.
    samples
        Values by image, all of the same length.
    resamples
        Number of draws.
    confidence
        Share of the draws between the two ends, between 0 and 1.
    seed
        Seed of the draw.

    Returns
    -------
    tuple
        Low and high end. Draws whose statistic is NaN (a correlation of equal values) do not count. Both ends are NaN
        for fewer than two images, because one image shows no spread.

    Raises
    ------
    CxrError
        If the lengths differ, the number of draws is below 1 or the confidence is not between 0 and 1.
    """
    lengths = {len(sample) for sample in samples}
    if len(lengths) != 1:
        raise CxrError(f"samples of lengths {sorted(lengths)}; expected one or more of equal length")
    if resamples < 1 or not 0 < confidence < 1:
        raise CxrError(f"{resamples} resamples at confidence {confidence}; expected 1 or more, and between 0 and 1")
    number = lengths.pop()
    if number < 2:
        return float("nan"), float("nan")
    drawn = np.random.default_rng(seed).integers(0, number, (resamples, number))
    values = statistic(*(np.asarray(sample, np.float64)[drawn] for sample in samples))
    return percentile_ends(values, confidence)


def mean_interval(values: Float[np.ndarray, " n"], seed: int = 0) -> tuple[float, float, float]:
    """Compute the mean of values and the ends of its bootstrap interval; all are NaN without values.

    Examples
    --------
    >>> mean_interval(np.array([1.0, 1.0, 1.0]))
    (1.0, 1.0, 1.0)
    """
    values = np.asarray(values, np.float64)
    if not values.size:
        return (float("nan"),) * 3
    return (float(values.mean()), *bootstrap_interval(mean_of, values, seed=seed))


def difference_interval(
    values: Float[np.ndarray, " n"], member: Float[np.ndarray, " n"], seed: int = 0
) -> tuple[float, float, float]:
    """Compute the difference of the means of two groups and the ends of its bootstrap interval.

    Parameters
    ----------
    values
        Values of both groups.
    member
        1 for values of the first group and 0 for those of the second, which is taken away. Draws without a value of a
        group do not count.
    seed
        Seed of the draw.
    """
    values, member = np.asarray(values, np.float64), np.asarray(member, np.float64)
    low, high = bootstrap_interval(_difference, values, member, seed=seed)
    return float(_difference(values, member)), low, high


def _difference(values: np.ndarray, member: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        first = (values * member).sum(axis=-1) / member.sum(axis=-1)
        return first - (values * (1 - member)).sum(axis=-1) / (1 - member).sum(axis=-1)


def percentile_ends(values: Float[np.ndarray, " draws"], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return low and high end of the middle ``confidence`` of the draws; NaN draws do not count (NaN if all are)."""
    values = values[~np.isnan(values)]
    if not values.size:
        return float("nan"), float("nan")
    tail = 50 * (1 - confidence)
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)


def mean_of(values: Float[np.ndarray, "*draws n"]) -> Float[np.ndarray, "*draws"]:
    """Compute the mean over the last axis, the usual statistic of :func:`bootstrap_interval`."""
    return values.mean(axis=-1)
