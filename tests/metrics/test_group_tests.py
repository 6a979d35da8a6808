import numpy as np
import pytest
from scipy import stats

from cxrfactory.errors import CxrError
from cxrfactory.metrics.group_tests import compare_groups, holm_over, pooled_cohens_d, rank_test

A = np.array([4.1, 5.0, 4.4, 4.9, 5.6, 5.2])
B = np.array([5.5, 6.1, 5.9, 6.4, 5.7, 6.6, 6.0])
PLATES = [f"a{i // 2}" for i in range(6)] + [f"b{i % 3}" for i in range(7)]


def both():
    return np.concatenate([A, B]), ["x"] * 6 + ["y"] * 7


def test_all_tests_agree_with_scipy():
    (found,) = compare_groups(*both(), PLATES)
    assert (found.first, found.second, found.n_first, found.n_second, found.note) == ("x", "y", 6, 7, "")
    assert found.p_mann_whitney == pytest.approx(stats.mannwhitneyu(A, B, method="exact").pvalue)
    assert found.p_student == pytest.approx(stats.ttest_ind(A, B).pvalue)
    assert found.p_welch == pytest.approx(stats.ttest_ind(A, B, equal_var=False).pvalue)
    assert found.p_shapiro_first == pytest.approx(stats.shapiro(A).pvalue)
    assert found.p_shapiro_second == pytest.approx(stats.shapiro(B).pvalue)
    assert found.p_levene == pytest.approx(stats.levene(A, B, center="mean").pvalue)
    assert (found.mean_first, found.median_second) == (pytest.approx(A.mean()), 6.0)
    assert found.sd_second == pytest.approx(np.std(B, ddof=1))


def test_cliffs_delta_counts_pairs():
    (found,) = compare_groups(*both(), PLATES)
    pairs = [np.sign(a - b) for a in A for b in B]
    assert found.cliffs_delta == pytest.approx(np.mean(pairs))
    assert found.cohens_d < 0


def test_cohens_d_by_hand():
    # Means 2 and 4; variances 1 and 1.
    assert pooled_cohens_d(np.array([1, 2, 3.0]), np.array([3, 4, 5.0])) == pytest.approx(-2)
    assert pooled_cohens_d(np.ones(3), np.ones(3)) is None
    assert pooled_cohens_d(np.ones(1), np.ones(3)) is None


def test_the_exact_p_by_counting_orders():
    """3 against 3 values that do not overlap: 2 of the 20 orders are as extreme."""
    assert rank_test(np.array([1, 2, 3.0]), np.array([4, 5, 6.0])) == (-1, pytest.approx(0.1))


def test_ties_and_large_groups_take_the_normal_approximation():
    a, b = np.array([1, 2, 2.0]), np.array([2, 3, 4, 5.0])
    assert rank_test(a, b)[1] == pytest.approx(stats.mannwhitneyu(a, b, method="asymptotic").pvalue)
    a, b = np.arange(9.0), np.arange(9) + 3.5
    assert rank_test(a, b)[1] == pytest.approx(stats.mannwhitneyu(a, b, method="asymptotic").pvalue)


def test_plates_are_compared_by_their_means():
    (found,) = compare_groups(*both(), PLATES)
    a = [A[:2].mean(), A[2:4].mean(), A[4:].mean()]
    b = [B[[0, 3, 6]].mean(), B[[1, 4]].mean(), B[[2, 5]].mean()]
    assert (found.plates_first, found.plates_second) == (3, 3)
    assert found.p_plates_mann_whitney == pytest.approx(0.1)
    assert found.least_p_plates == pytest.approx(0.1)
    assert found.p_plates_welch == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue)


def test_plants_of_one_plate_do_not_pass_for_many_plates():
    """The plates differ by chance and the plants within them do not: a test of plants alone would be sure."""
    rng = np.random.default_rng(5)
    offsets = [0.0, 1.0, 5.0, 2.0, 3.0, 7.0]
    values = np.concatenate([offset + rng.normal(0, 0.1, 8) for offset in offsets])
    (found,) = compare_groups(values, ["x"] * 24 + ["y"] * 24, [str(i // 8) for i in range(48)])
    assert found.p_mann_whitney < 0.005
    assert found.p_plates_mann_whitney > 0.3
    assert found.p_plates_welch > 0.2


def test_small_groups_have_no_tests_and_say_so():
    (found,) = compare_groups(np.array([1, 2, 3, 4, 5.0]), list("xxyyy"), list("aabbb"))
    assert (found.n_first, found.mean_first, found.sd_first) == (2, 1.5, pytest.approx(0.5**0.5))
    assert (found.p_mann_whitney, found.cliffs_delta, found.p_student, found.p_plates_welch) == (None,) * 4
    assert found.note == (
        "fewer than 3 plants in a group: no tests; fewer than 3 plates in a group: no test of plate means"
    )
    (empty,) = compare_groups(np.array([np.nan, 2, 3, 4]), list("xyyy"), list("abcd"))
    assert (empty.n_first, empty.mean_first, empty.median_first) == (0, None, None)


def test_a_group_without_spread_has_the_rank_test_alone():
    (found,) = compare_groups(np.array([0, 0, 0, 1, 2, 3.0]), list("xxxyyy"), list("aabbcc"))
    assert found.p_mann_whitney is not None
    assert (found.p_levene, found.p_student) == (None, None)
    assert "all values of a group are equal" in found.note


def test_every_two_groups_and_holm_over_all():
    values = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9.5])
    tests = compare_groups(values, list("ccbbaabac"), list("abcdefghi"))
    assert [(test.first, test.second) for test in tests] == [("a", "b"), ("a", "c"), ("b", "c")]
    raw = sorted(test.p_mann_whitney for test in tests)
    adjusted = sorted(holm_over(tests))
    assert adjusted[0] == pytest.approx(min(1, 3 * raw[0]))
    assert np.isnan(holm_over(compare_groups(np.arange(4.0), list("xxyy"), list("abcd"))))[0]


def test_refusals():
    with pytest.raises(CxrError, match="one a plant"):
        compare_groups(np.zeros(3), list("ab"), list("abc"))
    with pytest.raises(CxrError, match="infinite"):
        compare_groups(np.array([np.inf, 1]), list("ab"), list("ab"))
