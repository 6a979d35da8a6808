import numpy as np
import pytest
from scipy.stats import spearmanr

from cxrfactory.errors import CxrError
from cxrfactory.metrics.ranking import rank_correlation, worst_found, worst_images


def test_rank_correlation_is_that_of_scipy_also_with_ties():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 6, 40).astype(float), rng.normal(size=40)
    b += a
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)


def test_rank_correlation_sees_order_alone_and_leaves_nan_out():
    a = np.array([1.0, 2, np.nan, 3, 4])
    assert rank_correlation(a, np.exp(a)) == pytest.approx(1)
    assert rank_correlation(a, np.array([9.0, 4, 100, 1, 0])) == pytest.approx(-1)


@pytest.mark.parametrize("a", [[1.0, 1, 1], [np.nan, np.nan, 2]])
def test_rank_correlation_of_a_constant_is_nan(a):
    assert np.isnan(rank_correlation(np.array(a), np.arange(3.0)))


def test_the_worst_tenth_is_rounded_up_and_takes_equals():
    truth = np.array([0.9, 0.5, 0.8, 0.7, 0.95, 0.6, 0.99, 0.91, 0.92, 0.93, 0.94])
    np.testing.assert_array_equal(np.flatnonzero(worst_images(truth)), [1, 5])  # 1.1 images are 2
    np.testing.assert_array_equal(np.flatnonzero(worst_images(truth[:10])), [1])
    assert worst_images(np.array([0.5, 0.5, 0.9])).tolist() == [True, True, False]
    assert worst_images(np.array([])).size == 0


def test_worst_found_is_one_for_the_truth_itself_and_a_half_for_a_constant():
    truth = np.linspace(0.5, 1, 20)
    assert worst_found(truth, truth) == 1
    assert worst_found(-truth, truth) == 0
    assert worst_found(np.zeros(20), truth) == 0.5
    score = truth.copy()
    score[0] = 2.0  # the worst image gets the best score: of 2 x 18 pairs, 18 are wrong
    assert worst_found(score, truth) == 0.5
    assert np.isnan(worst_found(np.array([1.0]), np.array([0.5])))


def test_unequal_shapes_are_refused():
    with pytest.raises(CxrError, match=r"shapes \(2,\) and \(3,\)"):
        rank_correlation(np.zeros(2), np.zeros(3))
    with pytest.raises(CxrError, match="expected one value an image"):
        worst_found(np.zeros((2, 2)), np.zeros((2, 2)))
