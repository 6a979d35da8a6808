from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrfactory.errors import CxrError
from cxrfactory.metrics.agreement import holm, paired_wilcoxon, pearson_r


def slow_p(differences):
    """Two-sided p by all signs: how often the smaller rank sum is as small."""
    order = np.argsort(np.argsort(np.abs(differences))) + 1
    smaller = min(order[differences > 0].sum(), order[differences < 0].sum())
    sums = [
        sum(rank for rank, sign in zip(order, signs, strict=True) if sign)
        for signs in product([0, 1], repeat=len(order))
    ]
    return min(1.0, 2 * np.mean(np.array(sums) <= smaller))


def slow_holm(p):
    order, adjusted, worst = sorted(range(len(p)), key=lambda at: p[at]), [0.0] * len(p), 0.0
    for step, at in enumerate(order):
        worst = max(worst, (len(p) - step) * p[at])
        adjusted[at] = min(1.0, worst)
    return adjusted


def test_pearson_is_numpys_and_nan_without_spread():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(3, 20)), rng.normal(size=(3, 20))
    b[2] = 1
    expected = [np.corrcoef(a[row], b[row])[0, 1] for row in (0, 1)]
    np.testing.assert_allclose(pearson_r(a, b), [*expected, np.nan])


def test_p_counts_all_signs_of_the_ranks():
    first = np.array([0.9, 0.8, 0.95, 0.7, 0.6, 0.99, 0.5])
    second = first - np.array([0.01, 0.02, -0.03, 0.04, 0.05, 0.06, 0.07])
    test = paired_wilcoxon(first, second)
    assert test.p == pytest.approx(slow_p(first - second))
    assert test.rank_biserial == pytest.approx((28 - 2 * 3) / 28)
    assert (test.pairs, test.unequal) == (7, 7)
    assert test.median_difference == pytest.approx(0.04)


def test_a_missed_organ_has_the_largest_rank():
    first, second = np.array([np.inf, 3.0, 4.0, np.inf]), np.array([9.0, 4.0, 6.0, np.inf])
    test = paired_wilcoxon(first, second)
    assert (test.pairs, test.unequal) == (4, 3)
    assert test.rank_biserial == 0  # rank 3 against ranks 1 and 2
    assert test.p == 1


def test_missing_values_are_left_out_and_equal_models_differ_in_nothing():
    values = np.array([0.5, np.nan, 0.7])
    test = paired_wilcoxon(values, values)
    assert (test.pairs, test.unequal, test.median_difference, test.rank_biserial, test.p) == (2, 0, 0, 0, 1)
    nothing = paired_wilcoxon(np.array([np.nan]), np.array([1.0]))
    assert nothing.pairs == 0
    assert np.isnan(nothing.p)


def test_exchange_turns_the_sign_and_keeps_p():
    a, b = np.random.default_rng(1).normal(size=(2, 25))
    forth, back = paired_wilcoxon(a, b), paired_wilcoxon(b, a)
    assert forth.p == pytest.approx(back.p)
    assert forth.rank_biserial == pytest.approx(-back.rank_biserial)


def test_unequal_lengths_are_refused():
    with pytest.raises(CxrError, match=r"\(2,\) and \(3,\)"):
        paired_wilcoxon(np.zeros(2), np.zeros(3))


def test_holm_exact_and_nan_is_no_test():
    np.testing.assert_allclose(holm([0.01, 0.04, np.nan, 0.03]), [0.03, 0.06, np.nan, 0.06])
    assert holm([]).size == 0


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_is_the_slow_one(p):
    np.testing.assert_allclose(holm(p), slow_holm(p))
