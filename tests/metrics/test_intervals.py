import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.metrics.agreement import pearson_r
from cxrfactory.metrics.intervals import bootstrap_interval, difference_interval, mean_interval, mean_of


def test_equal_values_have_no_width():
    assert bootstrap_interval(mean_of, np.full(9, 0.25)) == (0.25, 0.25)


def test_the_same_seed_gives_the_same_interval_and_another_one_another():
    values = np.random.default_rng(0).normal(size=30)
    first = bootstrap_interval(mean_of, values, resamples=200)
    assert first == bootstrap_interval(mean_of, values, resamples=200)
    assert first != bootstrap_interval(mean_of, values, resamples=200, seed=1)


def test_interval_is_near_that_of_scipy_and_of_the_normal_law():
    from scipy.stats import bootstrap

    values = np.random.default_rng(1).normal(3, 2, 400)
    low, high = bootstrap_interval(mean_of, values, resamples=5000)
    other = bootstrap((values,), np.mean, method="percentile", n_resamples=5000, random_state=0).confidence_interval
    half = 1.96 * values.std() / 20
    np.testing.assert_allclose([low, high], other, atol=0.02)
    np.testing.assert_allclose([low, high], [values.mean() - half, values.mean() + half], atol=0.02)


def test_pairs_stay_pairs():
    a = np.random.default_rng(2).normal(size=12)
    np.testing.assert_allclose(bootstrap_interval(pearson_r, a, 2 * a + 1), (1, 1))


def test_draws_without_a_statistic_do_not_count():
    low, high = bootstrap_interval(pearson_r, np.array([0.0, 1.0]), np.array([0.0, 3.0]))
    np.testing.assert_allclose([low, high], [1, 1])  # half of the draws hold one point twice
    assert np.isnan(bootstrap_interval(pearson_r, np.zeros(4), np.arange(4.0))).all()


def test_one_image_has_no_interval():
    assert np.isnan(bootstrap_interval(mean_of, np.array([1.0]))).all()
    assert np.isnan(bootstrap_interval(mean_of, np.array([]))).all()


def test_wrong_arguments_are_named():
    with pytest.raises(CxrError, match=r"lengths \[2, 3\]"):
        bootstrap_interval(pearson_r, np.zeros(2), np.zeros(3))
    with pytest.raises(CxrError, match="0 resamples"):
        bootstrap_interval(mean_of, np.zeros(2), resamples=0)
    with pytest.raises(CxrError, match=r"confidence 95"):
        bootstrap_interval(mean_of, np.zeros(2), confidence=95)


def test_the_mean_has_the_interval_of_its_draws_and_none_without_values():
    values = np.array([0.1, 0.5, 0.9, 0.3])
    mean, low, high = mean_interval(values, seed=3)
    assert mean == pytest.approx(0.45)
    assert (low, high) == bootstrap_interval(mean_of, values, seed=3)
    assert low < mean < high
    assert np.isnan(mean_interval(np.array([]))).all()
    assert mean_interval(np.array([2.0]))[0] == 2
    assert np.isnan(mean_interval(np.array([2.0]))[1:]).all()


def test_the_difference_of_two_groups_and_its_interval():
    member = np.repeat([1.0, 0.0], [20, 30])
    assert difference_interval(np.where(member, 0.9, 0.7), member) == pytest.approx((0.2, 0.2, 0.2))
    rng = np.random.default_rng(0)
    values = rng.normal(size=50) + member
    value, low, high = difference_interval(values, member, seed=1)
    assert value == pytest.approx(values[:20].mean() - values[20:].mean())
    assert low < value < high
    drawn = np.random.default_rng(1).integers(0, 50, (2000, 50))
    slow = [values[each][member[each] == 1].mean() - values[each][member[each] == 0].mean() for each in drawn]
    assert (low, high) == pytest.approx(tuple(np.percentile(slow, [2.5, 97.5])))
