"""Bootstrap intervals: how far a figure over images may move with the choice of images."""

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
    """Percentile bootstrap (Efron, 1979) of a statistic of one or several paired samples.

    Images are drawn with replacement, all samples alike. The draw depends on the number of images and the seed alone,
    so that two models on the same images are judged on the same draws.

    Parameters
    ----------
    statistic
        Takes as many arrays ``[resamples, n]`` as there are samples, and reduces the last axis.
    samples
        Values by image, of one length.
    resamples
        How often to draw.
    confidence
        Share of the draws between the two ends.
    seed
        Of the draw.

    Returns
    -------
    tuple
        Low and high end; draws whose statistic is NaN (a correlation of equal values) do not count. NaN for fewer than
        two images, which show no spread.

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


def percentile_ends(values: Float[np.ndarray, " draws"], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Low and high end of the middle ``confidence`` of the draws; those that are NaN do not count, NaN for none."""
    values = values[~np.isnan(values)]
    if not values.size:
        return float("nan"), float("nan")
    tail = 50 * (1 - confidence)
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)


def mean_of(values: Float[np.ndarray, "*draws n"]) -> Float[np.ndarray, "*draws"]:
    """Mean over the last axis, the usual statistic of :func:`bootstrap_interval`."""
    return values.mean(axis=-1)
