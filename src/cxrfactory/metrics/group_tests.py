"""Tests of a trait between groups of plants, as the ChronoRoot paper reports them.

The headline is the test of Mann and Whitney, which assumes no distribution; :func:`holm_over` corrects it over all
traits. The tests of Shapiro and Wilk and of Levene, and the t-tests, stand beside it. The unit is the plant. Plants of
one plate share its medium, light and position and are not independent, therefore the same comparison is also made with
one mean for each plate.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import CxrError
from cxrfactory.metrics.agreement import holm
from cxrfactory.metrics.groups import mann_whitney

FEWEST = 3  # plants, or plates, in each group
_DIGITS = 10  # significant digits; values that differ by rounding alone are tied
MOST_EXACT = 8  # up to this many values in the smaller group, the p-value of the rank test is exact if none are tied


@dataclass(frozen=True)
class GroupTest:
    """Comparison of one trait between two groups of plants; p-values are two-sided.

    Attributes
    ----------
    first, second
        Names of the groups. Differences and effects are first minus second.
    n_first, n_second
        Number of plants with a value.
    mean_first, mean_second, sd_first, sd_second, median_first, median_second
        Over plants; the standard deviation is that of a sample (n - 1). None where there are too few values.
    p_mann_whitney
        The headline. It is exact for small groups without ties, and else the normal approximation.
    cliffs_delta
        Share of pairs of plants in which the first is larger, minus the share in which it is smaller.
    cohens_d
        Difference of the means over the pooled standard deviation.
    p_student, p_welch
        t-tests with equal and with unequal variances.
    p_shapiro_first, p_shapiro_second
        Small where a group is not normally distributed.
    p_levene
        Small where the variances differ (distances from the means).
    plates_first, plates_second
        Number of plates with a value.
    p_plates_mann_whitney, p_plates_welch
        The same tests on one mean for each plate.
    least_p_plates
        The smallest p-value that the rank test can give with so many plates: 0.1 with three in each group.
    note
        Why tests are missing; empty if all were made.
    """

    first: str
    second: str
    n_first: int
    n_second: int
    mean_first: float | None
    mean_second: float | None
    sd_first: float | None
    sd_second: float | None
    median_first: float | None
    median_second: float | None
    p_mann_whitney: float | None
    cliffs_delta: float | None
    cohens_d: float | None
    p_student: float | None
    p_welch: float | None
    p_shapiro_first: float | None
    p_shapiro_second: float | None
    p_levene: float | None
    plates_first: int
    plates_second: int
    p_plates_mann_whitney: float | None
    p_plates_welch: float | None
    least_p_plates: float | None
    note: str


def compare_groups(
    values: Float[np.ndarray, " plants"], groups: Sequence[str], plates: Sequence[Hashable]
) -> list[GroupTest]:
    """Compare a trait between every two groups.

    Parameters
    ----------
    values
        One value for each plant; a plant with NaN is left out. Values are rounded to 10 significant digits.
    groups, plates
        Group and plate of each plant.

    Returns
    -------
    list of GroupTest
        One comparison for every two groups, in the order of their names. Tests that need more plants or plates than
        there are, three in each group, are None, and ``note`` says so.
    """
    values = np.asarray(values, np.float64)
    if not values.shape == (len(groups),) == (len(plates),):
        raise CxrError(f"{values.shape} values, {len(groups)} groups, {len(plates)} plates; expected one a plant")
    if np.isinf(values).any():
        raise CxrError("a trait has an infinite value; expected finite values or NaN")
    values = _rounded(values)
    of = {
        name: [
            (float(value), plate)
            for value, group, plate in zip(values, groups, plates, strict=True)
            if group == name and not np.isnan(value)
        ]
        for name in sorted(set(groups))
    }
    return [_compare(first, of[first], second, of[second]) for first, second in combinations(of, 2)]


def holm_over(tests: Sequence[GroupTest]) -> Float[np.ndarray, " tests"]:
    """Correct the headline p-values of all traits and pairs of groups (Holm, 1979); NaN where there is no test."""
    return holm([np.nan if test.p_mann_whitney is None else test.p_mann_whitney for test in tests])


def rank_test(first: Float[np.ndarray, " a"], second: Float[np.ndarray, " b"]) -> tuple[float, float]:
    """Compare two samples by ranks, with an exact p-value where the smaller one has 8 values or fewer, without ties.

    Returns
    -------
    tuple
        Cliff's delta, in [-1, 1], and two-sided p-value.
    """
    from scipy.stats import mannwhitneyu

    delta, p = mann_whitney(first, second)
    both = np.concatenate([first, second])
    if min(len(first), len(second)) <= MOST_EXACT and len(np.unique(both)) == len(both):
        p = float(mannwhitneyu(first, second, alternative="two-sided", method="exact").pvalue)
    return delta, p


def pooled_cohens_d(first: Float[np.ndarray, " a"], second: Float[np.ndarray, " b"]) -> float | None:
    """Compute Cohen's d of two independent samples: difference of the means over the pooled standard deviation.

    It is None where the pooled deviation is 0 or a sample has fewer than two values.
    """
    if min(len(first), len(second)) < 2:
        return None
    freedom = len(first) + len(second) - 2
    pooled = ((len(first) - 1) * np.var(first, ddof=1) + (len(second) - 1) * np.var(second, ddof=1)) / freedom
    return float((np.mean(first) - np.mean(second)) / np.sqrt(pooled)) if pooled > 0 else None


def _compare(first: str, of_first: list, second: str, of_second: list) -> GroupTest:
    a, b = (np.array([value for value, _ in each]) for each in (of_first, of_second))
    plates_a, plates_b = _plate_means(of_first), _plate_means(of_second)
    enough = min(a.size, b.size) >= FEWEST
    enough_plates = min(plates_a.size, plates_b.size) >= FEWEST
    delta, p = rank_test(a, b) if enough else (None, None)
    notes = [] if enough else [f"fewer than {FEWEST} plants in a group: no tests"]
    if not enough_plates:
        notes.append(f"fewer than {FEWEST} plates in a group: no test of plate means")
    varied = enough and min(np.ptp(a), np.ptp(b)) > 0
    if enough and not varied:
        notes.append("all values of a group are equal: no test of its distribution, of variances or of means")
    if enough_plates and not min(np.ptp(plates_a), np.ptp(plates_b)) > 0:
        notes.append("all plate means of a group are equal: no t-test of plate means")
    plates = plates_a.size, plates_b.size
    return GroupTest(
        first=first,
        second=second,
        n_first=a.size,
        n_second=b.size,
        mean_first=float(a.mean()) if a.size else None,
        mean_second=float(b.mean()) if b.size else None,
        sd_first=float(a.std(ddof=1)) if a.size > 1 else None,
        sd_second=float(b.std(ddof=1)) if b.size > 1 else None,
        median_first=float(np.median(a)) if a.size else None,
        median_second=float(np.median(b)) if b.size else None,
        p_mann_whitney=p,
        cliffs_delta=delta,
        cohens_d=pooled_cohens_d(a, b) if enough else None,
        **_mean_tests(a, b, varied),
        plates_first=plates[0],
        plates_second=plates[1],
        p_plates_mann_whitney=rank_test(plates_a, plates_b)[1] if enough_plates else None,
        p_plates_welch=_welch(plates_a, plates_b) if enough_plates else None,
        least_p_plates=2 / comb(sum(plates), plates[0]) if enough_plates else None,
        note="; ".join(notes),
    )


def _plate_means(values: list) -> np.ndarray:
    plates = sorted({plate for _, plate in values}, key=str)
    return _rounded(np.array([np.mean([value for value, plate in values if plate == name]) for name in plates]))


def _rounded(values: np.ndarray) -> np.ndarray:
    return np.array([float(f"{value:.{_DIGITS}g}") for value in values])


def _mean_tests(a: np.ndarray, b: np.ndarray, varied: bool) -> dict[str, float | None]:
    """Return the tests of means, distributions and variances; they are undefined where a group does not vary."""
    from scipy.stats import levene, shapiro, ttest_ind

    names = ("p_student", "p_welch", "p_shapiro_first", "p_shapiro_second", "p_levene")
    if not varied:
        return dict.fromkeys(names)
    found = (
        ttest_ind(a, b).pvalue,
        ttest_ind(a, b, equal_var=False).pvalue,
        shapiro(a).pvalue,
        shapiro(b).pvalue,
        levene(a, b, center="mean").pvalue,
    )
    return {name: float(p) for name, p in zip(names, found, strict=True)}


def _welch(a: np.ndarray, b: np.ndarray) -> float | None:
    from scipy.stats import ttest_ind

    return float(ttest_ind(a, b, equal_var=False).pvalue) if min(np.ptp(a), np.ptp(b)) > 0 else None
