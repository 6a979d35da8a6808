"""Accuracy, sensitivity and specificity of two classifiers on the same images, by patient.

Several images of one patient are not independent: intervals draw patients, and the paired test exchanges the two
classifiers' answers patient by patient. All three rates are sums over images divided by numbers that both share. So
each patient adds one number to a difference, and exchanging the two turns its sign.
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
    """Threshold with the largest sensitivity + specificity (Youden, 1950); what is at least as high is positive.

    Halfway between two values; of several as good, the one nearest to 0.5. None where one class is absent.
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
    """Area under the ROC curve: chance that a positive ranks above a negative, ties half; NaN without both."""
    from scipy.stats import rankdata

    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return float("nan")
    ranks = float(rankdata(probability)[truth].sum())
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def counted_images(truth: Float[np.ndarray, "labels images"]) -> dict[str, Bool[np.ndarray, "labels images"]]:
    """Over which images each of ``MEASURES`` runs; of NaN, not known, none does."""
    positive, negative = truth == 1, truth == 0
    return {"accuracy": positive | negative, "sensitivity": positive, "specificity": negative}


@dataclass(frozen=True)
class Compared:
    """One measure of two classifiers.

    Attributes
    ----------
    first, second
        Values; averaged over the labels where there are several.
    first_ends, second_ends, difference_ends
        Percentile bootstrap over patients; NaN for fewer than two.
    p
        Two-sided, of second minus first, from exchanged patients; all exchanges where there are few patients, else
        ``EXCHANGES`` random ones (which with the one seen make the smallest p 1 / 10,001).
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
    """Compare two classifiers by accuracy, sensitivity and specificity, averaged over labels.

    Parameters
    ----------
    first, second
        How often each image was judged rightly, from 0 to 1: 0 or 1 for one training run, a mean for several.
    truth
        1 positive, 0 negative, NaN not known: such an image does not count for that label.
    patients
        Number of each image's patient, from 0 without gaps.
    seed, resamples, confidence
        Of the draws.

    Returns
    -------
    dict
        A comparison for each of ``MEASURES``.

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
    """Two-sided p of a sum whose terms' signs are exchangeable (Fisher's randomisation test).

    Parameters
    ----------
    added
        What each patient adds to the difference; zeros change nothing and are left out.
    seed
        Of the random exchanges, where there are too many to take all.
    """
    terms = added[added != 0]
    if not terms.size:
        return 1.0
    seen = abs(float(terms.sum())) * (1 - 1e-9)  # sums that are equal on paper may differ in the last digits
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
