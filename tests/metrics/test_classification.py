from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.errors import CxrError
from cxrfactory.metrics.classification import compare_rates, exchange_p, ranked_area, youden_threshold


def test_threshold_between_the_classes():
    probability = np.array([0.1, 0.2, 0.7, 0.9])
    assert youden_threshold(probability, np.array([False, False, True, True])) == pytest.approx(0.45)
    assert youden_threshold(probability, np.ones(4, bool)) is None
    assert youden_threshold(probability, np.zeros(4, bool)) is None


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(4, 20))
def test_no_other_threshold_is_better(seed, number):
    rng = np.random.default_rng(seed)
    probability, truth = rng.integers(0, 6, number) / 5, np.arange(number) % 2 == 0

    def index(threshold):
        called = probability >= threshold
        return called[truth].mean() - called[~truth].mean()

    chosen = youden_threshold(probability, truth)
    assert index(chosen) >= max(index(value) for value in np.linspace(-0.05, 1.05, 111)) - 1e-9


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 12))
def test_area_is_the_share_of_pairs(seed, number):
    rng = np.random.default_rng(seed)
    probability, truth = rng.integers(0, 5, number) / 4, np.arange(number) % 2 == 0
    pairs = [(a > b) + 0.5 * (a == b) for a, b in product(probability[truth], probability[~truth])]
    assert ranked_area(probability, truth) == pytest.approx(np.mean(pairs))


def test_area_needs_both():
    assert np.isnan(ranked_area(np.array([0.1, 0.2]), np.array([True, True])))


def test_rates_by_hand():
    truth = np.array([[1, 1, 0, 0, np.nan]])
    first = np.array([[1, 0, 1, 1, 1]], float)
    second = np.array([[1, 1, 0, 1, 0]], float)
    found = compare_rates(first, second, truth, np.arange(5))
    assert (found["accuracy"].first, found["accuracy"].second) == (0.75, 0.75)
    assert (found["sensitivity"].first, found["sensitivity"].second) == (0.5, 1.0)
    assert (found["specificity"].first, found["specificity"].second) == (1.0, 0.5)
    assert found["accuracy"].p == 1.0
    low, high = found["sensitivity"].difference_ends
    assert low <= 0.5 <= high


def test_mean_of_labels_is_the_mean_of_their_rates():
    rng = np.random.default_rng(3)
    truth = (rng.random((3, 40)) < 0.4).astype(float)
    first, second = (rng.integers(0, 2, (3, 40)).astype(float) for _ in range(2))
    patients = np.arange(40) // 2
    alone = [compare_rates(first[[k]], second[[k]], truth[[k]], patients)["sensitivity"].second for k in range(3)]
    assert compare_rates(first, second, truth, patients)["sensitivity"].second == pytest.approx(np.mean(alone))


def obvious_p(added):
    seen = abs(sum(added))
    reached = [
        abs(sum(s * a for s, a in zip(signs, added, strict=True))) >= seen - 1e-12
        for signs in product((1, -1), repeat=len(added))
    ]
    return float(np.mean(reached))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=8))
def test_all_exchanges_where_patients_are_few(added):
    assert exchange_p(np.array(added, float)) == pytest.approx(obvious_p([value for value in added if value] or [0]))


def test_random_exchanges_come_close_to_mcnemar():
    from scipy.stats import binomtest

    added = np.concatenate([np.ones(30), -np.ones(15)]) / 45
    assert exchange_p(added) == pytest.approx(binomtest(15, 45).pvalue, abs=0.006)


def test_a_true_null_is_rejected_as_often_as_it_should_be():
    rng = np.random.default_rng(5)
    p = [exchange_p(rng.normal(size=9)) for _ in range(400)]
    assert 0.02 <= np.mean(np.array(p) <= 0.05) <= 0.08


def test_images_of_one_patient_are_exchanged_together():
    # Ten equal images of one patient are one observation.
    truth, right = np.array([[1] * 10 + [0] * 10]), np.ones((1, 20))
    wrong = np.zeros((1, 20))
    together = compare_rates(wrong, right, truth, np.repeat([0, 1], 10))["accuracy"]
    assert together.p == 0.5  # two patients: 2 of 4 exchanges are as extreme
    assert compare_rates(wrong, right, truth, np.arange(20))["accuracy"].p < 0.001


def test_a_label_needs_both_classes():
    with pytest.raises(CxrError, match="no positive or no negative"):
        compare_rates(np.ones((1, 2)), np.ones((1, 2)), np.ones((1, 2)), np.arange(2))
    with pytest.raises(CxrError, match="one shape"):
        compare_rates(np.ones((1, 2)), np.ones((1, 3)), np.ones((1, 2)), np.arange(2))
