import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.errors import CxrError
from cxrfactory.metrics.bland_altman import MEASURES, value_agreement, value_intervals

numbers = st.integers(-20, 20).map(lambda whole: whole / 8)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=30), st.floats(-1e3, 1e3))
def test_all_measures_equal_numpy_and_scipy(pairs, offset):
    from scipy.stats import pearsonr

    true, measured = np.array(pairs).T + offset
    found = value_agreement(true, measured)
    difference = measured - true
    bias, sd = difference.mean(), difference.std(ddof=1)
    assert found["mae"] == pytest.approx(np.abs(difference).mean())
    assert [found["bias"], found["sd"]] == pytest.approx([bias, sd], abs=1e-9)
    assert [found["limit_low"], found["limit_high"]] == pytest.approx([bias - 1.96 * sd, bias + 1.96 * sd], abs=1e-9)
    if np.ptp(true) < 1e-9 or np.ptp(measured) < 1e-9:
        assert np.isnan(found["r"])
    else:
        assert found["r"] == pytest.approx(pearsonr(true, measured).statistic, abs=1e-9)


def test_few_cases():
    none = value_agreement(np.zeros(0), np.zeros(0))
    assert np.isnan(list(none.values())).all()
    one = value_agreement(np.array([0.5]), np.array([0.4]))
    assert one["mae"] == pytest.approx(0.1)
    assert one["bias"] == pytest.approx(-0.1)
    assert np.isnan([one["r"], one["sd"], one["limit_low"]]).all()


def test_intervals_equal_those_of_the_drawn_cases():
    rng = np.random.default_rng(1)
    patients = np.array([0, 0, 1, 2, 2, 3, 4])
    true = rng.normal(0.5, 0.05, 7)
    measured = true + rng.normal(0.01, 0.02, 7)
    drawn = np.random.default_rng(5).integers(0, 5, (200, 5))
    expected = {name: [] for name in MEASURES}
    for draw in drawn:
        cases = np.concatenate([np.flatnonzero(patients == patient) for patient in draw])
        for name, value in value_agreement(true[cases], measured[cases]).items():
            expected[name].append(value)
    found = value_intervals(true, measured, patients, 200, seed=5)
    for name, ends in found.items():
        assert ends == pytest.approx(tuple(np.nanpercentile(expected[name], [2.5, 97.5])))


def test_one_patient_has_no_interval():
    found = value_intervals(np.array([0.4, 0.5]), np.array([0.4, 0.6]), np.array([0, 0]))
    assert np.isnan(list(found.values())).all()


def test_values_that_do_not_fit_are_refused():
    with pytest.raises(CxrError, match="expected one value a case"):
        value_agreement(np.zeros(2), np.zeros(3))
    with pytest.raises(CxrError, match="not finite"):
        value_agreement(np.array([np.nan]), np.zeros(1))
