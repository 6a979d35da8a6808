"""Comparison of every two models by their scores of each class: tests, corrections, intervals and effect sizes.

A model has one score for each class (in a benchmark of two views, one for each class and view). Two models are compared
by the differences of their scores over the classes that all models have. This is the analysis of RadGenome-Anatomy's
appendix C; ``docs/zoo-benchmark.md`` states which reading of its text agrees best with its printed decisions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import CxrError
from cxrfactory.metrics.agreement import paired_wilcoxon
from cxrfactory.metrics.intervals import RESAMPLES, percentile_ends

ALPHA = 0.05


@dataclass(frozen=True)
class ModelPair:
    """Comparison of two models over the classes that all compared models share.

    Attributes
    ----------
    first, second
        Names of the models. All differences are first minus second.
    classes
        Number of scores that each of the two models has.
    unequal
        Number of scores that differ; only these enter the signed-rank test.
    mean_difference, median_difference
        Mean and median of the differences.
    ci_low, ci_high
        Percentile bootstrap interval (95 %) of the mean difference; all pairs use the same draws of classes.
    p_bootstrap
        Two-sided p-value of the same draws, not corrected: twice the smaller share of the draws whose mean difference
        is at most 0, or at least 0, where the observed sample counts as one more draw.
    cohens_d
        Mean of the differences divided by their standard deviation (:func:`cohens_d`).
    rank_biserial
        Rank-biserial correlation, as in :class:`cxrfactory.metrics.agreement.PairedTest`.
    p, p_bonferroni
        Two-sided p-value of Wilcoxon's signed-rank test, and the same times the number of pairs, at most 1.
    significant
        Whether ``p_bonferroni`` is below :data:`ALPHA`.
    bootstrap_significant
        Whether 0 lies outside the bootstrap interval.
    """

    first: str
    second: str
    classes: int
    unequal: int
    mean_difference: float
    median_difference: float
    ci_low: float
    ci_high: float
    p_bootstrap: float
    cohens_d: float
    rank_biserial: float
    p: float
    p_bonferroni: float
    significant: bool
    bootstrap_significant: bool


def compare_pairs(
    scores: Mapping[str, Float[np.ndarray, " classes"]], resamples: int = RESAMPLES, seed: int = 0
) -> list[ModelPair]:
    """Compare every two models by their scores of each class.

    A class without a score (NaN) of any one model is left out for all models, so that all pairs are compared on the
    same classes.

    Parameters
    ----------
    scores
        Scores by model, each ``[classes]``, in the same order of classes; all finite or NaN.
    resamples, seed
        Number of bootstrap draws of the classes, and the seed of these draws.

    Returns
    -------
    list of ModelPair
        One entry for every two models, in the order of ``scores``. With fewer than two shared classes, the interval and
        Cohen's d are NaN; with none, all values are NaN and nothing is significant.

    Raises
    ------
    CxrError
        If the models have different numbers of scores, a score is infinite, or ``resamples`` is below 1.
    """
    if resamples < 1:
        raise CxrError(f"{resamples} bootstrap resamples; expected 1 or more")
    names, table = list(scores), _shared(scores)
    draws = _draw_weights(table.shape[1], resamples, seed)
    tests = {
        (first, second): paired_wilcoxon(table[first], table[second])
        for first, second in combinations(range(len(names)), 2)
    }
    corrected = bonferroni([test.p for test in tests.values()])
    found = []
    for ((first, second), test), p_corrected in zip(tests.items(), corrected, strict=True):
        difference = table[first] - table[second]
        means = draws @ difference
        low, high = percentile_ends(means)
        found.append(
            ModelPair(
                names[first],
                names[second],
                classes=test.pairs,
                unequal=test.unequal,
                mean_difference=float(difference.mean()) if difference.size else float("nan"),
                median_difference=test.median_difference,
                ci_low=low,
                ci_high=high,
                p_bootstrap=_two_sided(means),
                cohens_d=cohens_d(table[first], table[second]),
                rank_biserial=test.rank_biserial,
                p=test.p,
                p_bonferroni=float(p_corrected),
                significant=bool(p_corrected < ALPHA),
                bootstrap_significant=low > 0 or high < 0,
            )
        )
    return found


@dataclass(frozen=True)
class ModelRank:
    """Place of a model among all, with bootstrap intervals (95 %) over the shared classes.

    Attributes
    ----------
    model
        Name of the model.
    mean, ci_low, ci_high
        Mean of its scores over the classes, and the interval of this mean.
    rank, rank_low, rank_high
        Its rank by that mean (1 is best, equal means share the better rank), and the interval of the rank.
    """

    model: str
    mean: float
    ci_low: float
    ci_high: float
    rank: int
    rank_low: int
    rank_high: int


def rank_models(
    scores: Mapping[str, Float[np.ndarray, " classes"]], resamples: int = RESAMPLES, seed: int = 0
) -> list[ModelRank]:
    """Rank models by their mean score over the classes that all have, the best first.

    The draws of the bootstrap are those of :func:`compare_pairs`: all models are ranked on the same draws of classes.

    Parameters
    ----------
    scores, resamples, seed
        As in :func:`compare_pairs`.

    Returns
    -------
    list of ModelRank
        One entry for each model. With fewer than two shared classes, the ends of the intervals are the values
        themselves; with none, there is no entry.

    Raises
    ------
    CxrError
        Under the conditions of :func:`compare_pairs`.
    """
    names, table = list(scores), _shared(scores)
    if not table.shape[1]:
        return []
    draws = _draw_weights(table.shape[1], resamples, seed) if table.shape[1] > 1 else np.ones((1, 1))
    means, drawn = table.mean(axis=1), draws @ table.T
    ranks, drawn_ranks = _ranks(means[None])[0], _ranks(drawn)
    found = []
    for place in np.lexsort((names, ranks)):
        low, high = percentile_ends(drawn[:, place])
        rank_low, rank_high = np.percentile(drawn_ranks[:, place], [2.5, 97.5], method="nearest")
        found.append(
            ModelRank(names[place], float(means[place]), low, high, int(ranks[place]), int(rank_low), int(rank_high))
        )
    return found


def cohens_d(first: Float[np.ndarray, " n"], second: Float[np.ndarray, " n"]) -> float:
    """Compute Cohen's d of paired values (d_z): mean of the differences over their standard deviation (n - 1).

    Pairs with a NaN are left out. The value is NaN for fewer than two pairs, 0 where all differences are 0, and
    infinite where all differences are equal and not 0.

    Raises
    ------
    CxrError
        If the shapes differ.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.shape != second.shape:
        raise CxrError(f"values of shapes {first.shape} and {second.shape}; expected one value a class for both")
    difference = first - second
    difference = difference[~np.isnan(difference)]
    if difference.size < 2:
        return float("nan")
    mean = difference.mean()
    if np.ptp(difference) == 0:
        return 0.0 if mean == 0 else float(np.copysign(np.inf, mean))
    return float(mean / difference.std(ddof=1))


def bonferroni(p_values: Sequence[float]) -> Float[np.ndarray, " n"]:
    """Multiply p-values by the number of tests, at most 1; NaN stays NaN and does not count as a test."""
    p = np.asarray(p_values, np.float64)
    return np.minimum(p * np.count_nonzero(~np.isnan(p)), 1.0)


def _shared(scores: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the scores ``[models, classes]`` of the classes that every model has."""
    lengths = {name: np.asarray(values).shape for name, values in scores.items()}
    if len(set(lengths.values())) > 1 or any(len(shape) != 1 for shape in lengths.values()):
        text = ", ".join(f"{name}: {list(shape)}" for name, shape in lengths.items())
        raise CxrError(f"scores of shapes {text}; expected one score a class for every model")
    table = np.array([np.asarray(values, np.float64) for values in scores.values()]).reshape(len(scores), -1)
    if np.isinf(table).any():
        name = list(scores)[int(np.isinf(table).any(axis=1).argmax())]
        raise CxrError(f"scores of '{name}': found an infinite score; expected finite values or NaN")
    return table[:, ~np.isnan(table).any(axis=0)]


def _ranks(means: np.ndarray) -> np.ndarray:
    """Return the rank of every model in every draw, both ``[draws, models]``; rounding keeps equal means equal."""
    rounded = np.round(means, 12)
    return 1 + (rounded[:, None, :] > rounded[:, :, None]).sum(axis=2)


def _draw_weights(number: int, resamples: int, seed: int) -> np.ndarray:
    """Return the share of every class in every draw, ``[resamples, classes]``; a mean of a draw is one product."""
    if number < 2:
        return np.full((resamples, number), np.nan)
    drawn = np.random.default_rng(seed).integers(0, number, (resamples, number))
    rows = np.repeat(np.arange(resamples), number)
    counts = np.bincount(rows * number + drawn.ravel(), minlength=resamples * number)
    return counts.reshape(resamples, number) / number


def _two_sided(means: np.ndarray) -> float:
    if not means.size or np.isnan(means).any():
        return float("nan")
    below, above = np.count_nonzero(means <= 0) + 1, np.count_nonzero(means >= 0) + 1
    return float(min(1.0, 2 * min(below, above) / (means.size + 1)))
