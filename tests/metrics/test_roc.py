import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.errors import CxrError
from cxrfactory.metrics.classification import ranked_area
from cxrfactory.metrics.roc import drawn_areas, roc_curve


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40))
def test_the_curve_and_its_area_equal_scikit_learn(cases):
    metrics = pytest.importorskip("sklearn.metrics")
    values, truth = np.array([case[0] for case in cases], float), np.array([case[1] for case in cases])
    curve = roc_curve(values, truth)
    if truth.all() or not truth.any():
        assert curve is None
        return
    rate, sensitivity, thresholds = metrics.roc_curve(truth, values, drop_intermediate=False)
    assert np.allclose(curve.false_positive_rate, rate)
    assert np.allclose(curve.sensitivity, sensitivity)
    assert curve.thresholds.tolist() == thresholds.tolist()
    area = float(np.trapezoid(curve.sensitivity, curve.false_positive_rate))
    assert area == pytest.approx(ranked_area(values, truth)) == pytest.approx(metrics.roc_auc_score(truth, values))


def test_drawn_areas_equal_those_of_the_drawn_cases():
    rng = np.random.default_rng(3)
    patients = np.array([0, 0, 1, 2, 3, 3, 4, 5])
    values, truth = rng.integers(0, 4, 8).astype(float), np.array([0, 1, 1, 0, 1, 0, 0, 1], bool)
    drawn = np.random.default_rng(7).integers(0, 6, (50, 6))
    expected = []
    for draw in drawn:
        cases = np.concatenate([np.flatnonzero(patients == patient) for patient in draw])
        expected.append(ranked_area(values[cases], truth[cases]))
    assert drawn_areas(values, truth, patients, 50, seed=7) == pytest.approx(np.array(expected), nan_ok=True)


def test_values_that_do_not_fit_are_refused():
    with pytest.raises(CxrError, match="expected one of each a case"):
        roc_curve(np.zeros(3), np.zeros(2, bool))
    with pytest.raises(CxrError, match="1 of 2 values are NaN"):
        roc_curve(np.array([0.0, np.nan]), np.array([True, False]))
