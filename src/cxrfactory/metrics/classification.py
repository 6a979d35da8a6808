"""Accuracy, sensitivity and specificity of two classifiers on the same images, compared by patient.

Several images of one patient are not independent. The intervals therefore resample patients, and the paired test
exchanges the two classifiers' answers patient by patient. Each of the three rates is a sum over images divided by a
count that both classifiers share. A patient thus adds one number to a difference of rates, and exchanging the two
answers changes the sign of that number.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from cxrfactory.errors import CxrError
from cxrfactory.metrics.groups import drawn_sums
from cxrfactory.metrics.intervals import CONFIDENCE, RESAMPLES, percentile_ends

MEASURES = ("accuracy", "sensitivity", "specificity")
EXCHANGES = 10_000

_AT_A_TIME = 2**22


def youden_threshold(probability: Float[np.ndarray, " n"], truth: Bool[np.ndarray, " n"]) -> float | None:
    """Find the threshold with the largest sensitivity + specificity (Youden, 1950).

    An image is positive where its probability is at least the threshold. Candidates are 0, 1 and the midpoints between
    neighbouring values; among equally good ones, the result is the one nearest to 0.5. It is None where one class is
    absent.
    """
    if truth.all() or not truth.any():
        return None
    values = np.unique(probability)
    borders = np.concatenate([[0.0], (values[:-1] + values[1:]) / 2, [1.0]])
    called = probability[None, :] >= borders[:, None]
    index = called[:, truth].mean(axis=1) - called[:, ~truth].mean(axis=1)
    best = np.flatnonzero(index >= index.max() - 1e-12)
    return float(borders[best[np.argmin(np.abs(borders[best] - 0.5))]])


def ranked_area(probability: Float[np.ndarray, " n"], truth: Bool[np.ndarray, " n"]) -> float:
    """Compute the area under the ROC curve from ranks (ties count one half); NaN where one class is absent."""
    from scipy.stats import rankdata

    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return float("nan")
    ranks = float(rankdata(probability)[truth].sum())
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def counted_images(truth: Float[np.ndarray, "labels images"]) -> dict[str, Bool[np.ndarray, "labels images"]]:
    """Mark the images that each of ``MEASURES`` averages over; an unknown truth (NaN) counts for none of them."""
    positive, negative = truth == 1, truth == 0
    return {"accuracy": positive | negative, "sensitivity": positive, "specificity": negative}


@dataclass(frozen=True)
class Compared:
    """Comparison of two classifiers by one measure.

    Attributes
    ----------
    first, second
        Values of the measure, averaged over the labels where there are several.
    first_ends, second_ends, difference_ends
        Low and high end of the percentile bootstrap over patients; NaN for fewer than two patients. The difference is
        second minus first.
    p
        Two-sided p-value of second minus first, from answers exchanged by patient. All exchanges are evaluated where
        there are at most ``EXCHANGES`` of them, else ``EXCHANGES`` random ones. The observed assignment counts as one
        more, so the smallest p from random exchanges is 1 / 10,001.
    """

    first: float
    second: float
    first_ends: tuple[float, float]
    second_ends: tuple[float, float]
    difference_ends: tuple[float, float]
    p: float


def compare_rates(
    first: Float[np.ndarray, "labels images"],
    second: Float[np.ndarray, "labels images"],
    truth: Float[np.ndarray, "labels images"],
    patients: Int[np.ndarray, " images"],
    seed: int = 0,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> dict[str, Compared]:
    """Compare two classifiers by accuracy, sensitivity and specificity, averaged over the labels.

    Parameters
    ----------
    first, second
        How often each image was classified correctly, from 0 to 1: 0 or 1 for one training run, a mean for several.
    truth
        1 for positive, 0 for negative, NaN for unknown; an unknown image does not count for that label.
    patients
        Index of each image's patient, from 0 without gaps.
    seed, resamples, confidence
        Seed and number of the bootstrap draws, and the share of draws inside the intervals.

    Returns
    -------
    dict
        One comparison for each of ``MEASURES``.

    Raises
    ------
    CxrError
        If the shapes differ, or a label lacks positives or negatives.
    """
    if not first.shape == second.shape == truth.shape or patients.shape != truth.shape[1:]:
        raise CxrError(f"judged {first.shape} and {second.shape}, truth {truth.shape}; expected one shape")
    counted = counted_images(truth)
    if not counted["sensitivity"].any(axis=1).all() or not counted["specificity"].any(axis=1).all():
        raise CxrError("a label has no positive or no negative image; expected both for every label")
    clusters = int(patients.max()) + 1
    found = {}
    for measure, taken in counted.items():
        sums = [_by_patient(np.where(taken, values, 0.0), patients, clusters) for values in (first, second)]
        counts = _by_patient(taken.astype(np.float64), patients, clusters)
        value = [float((each.sum(axis=0) / counts.sum(axis=0)).mean()) for each in sums]
        ends = [(float("nan"),) * 2] * 3
        if clusters > 1:
            labels = len(truth)
            drawn = drawn_sums(np.concatenate([*sums, counts], axis=1), resamples, seed)
            with np.errstate(invalid="ignore"):
                rates = [drawn[:, start : start + labels] / drawn[:, -labels:] for start in (0, labels)]
            means = [rate.mean(axis=1) for rate in rates]
            ends = [percentile_ends(each, confidence) for each in (*means, means[1] - means[0])]
        added = ((sums[1] - sums[0]) / counts.sum(axis=0)).mean(axis=1)
        found[measure] = Compared(*value, *ends, exchange_p(added, seed))
    return found


def exchange_p(added: Float[np.ndarray, " patients"], seed: int = 0) -> float:
    """Compute the two-sided p-value of a sum whose terms have exchangeable signs (Fisher's randomisation test).

    Parameters
    ----------
    added
        What each patient adds to the difference; zeros do not change the result and are left out.
    seed
        Seed of the random exchanges, which are used where there are too many to evaluate all.
    """
    terms = added[added != 0]
    if not terms.size:
        return 1.0
    seen = abs(float(terms.sum())) * (1 - 1e-9)  # mathematically equal sums may differ by rounding
    if 2**terms.size <= EXCHANGES:
        signs = 1 - 2 * ((np.arange(2**terms.size)[:, None] >> np.arange(terms.size)) & 1)
        return float((np.abs(signs @ terms) >= seen).mean())
    rng = np.random.default_rng(seed)
    piece, reached = max(1, _AT_A_TIME // terms.size), 0
    for start in range(0, EXCHANGES, piece):
        signs = rng.integers(0, 2, (min(piece, EXCHANGES - start), terms.size), dtype=np.int8)
        reached += int((np.abs((1 - 2 * signs) @ terms) >= seen).sum())
    return (reached + 1) / (EXCHANGES + 1)


def _by_patient(
    values: Float[np.ndarray, "labels images"], patients: Int[np.ndarray, " images"], clusters: int
) -> Float[np.ndarray, "patients labels"]:
    return np.stack([np.bincount(patients, weights=row, minlength=clusters) for row in values], axis=1)
