import json
import math
from dataclasses import replace

import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.metrics.estimate.model import SMALLEST_ERROR, OrganModel, log_error, terms_of

# Error 0.1 at the usual signals, to the power of the first signal's error; the second signal has no weight.
MODEL = OrganModel(
    signals=("lungs_soft_dice", "latent_norm"),
    weights=(1.0, 0.0),
    usual=(math.log(0.1), 0.0),
    offset=math.log(0.1),
    better=-math.log(2),
    worse=math.log(3),
    shift_sd=0.1,
    spread_sd=0.3,
    shares=(0.0, 0.1, 1.0),
    lowest=(0.5, 0.8, 0.99),
)


def test_estimate_and_ends_follow_the_formula():
    found = MODEL.interval(np.array([[0.9, 7.0], [0.8, 1.0], [0.5, 1.0]]))
    np.testing.assert_allclose(found, [[0.9, 0.7, 0.95], [0.8, 0.4, 0.9], [0.5, 0.0, 0.75]])


def test_a_better_signal_never_lowers_the_estimate():
    signals = np.stack([np.linspace(0, 1, 50), np.ones(50)], axis=1)
    assert (np.diff(MODEL.interval(signals)[:, 0]) >= 0).all()
    doubted = replace(MODEL, weights=(1.0, 0.5))
    signals = np.stack([np.full(50, 0.9), np.linspace(0.1, 100, 50)], axis=1)
    assert (np.diff(doubted.interval(signals)[:, 0]) <= 0).all()


def test_terms_are_of_agreements_and_of_doubts():
    found = terms_of(np.array([[0.75, 4.0], [1.0, 0.0], [np.nan, 1.0]]), ("heart_dense_dice", "latent_norm"))
    least = math.log(SMALLEST_ERROR)
    np.testing.assert_allclose(found, [[math.log(0.25), math.log(4)], [least, least], [np.nan, 0]])
    np.testing.assert_allclose(log_error(np.array([1.0, 0.5])), [least, math.log(0.5)])


def test_unknown_signals_give_no_estimate_where_they_are_used():
    found = MODEL.interval(np.array([[np.nan, 1.0], [0.9, np.nan]]))
    assert np.isnan(found[0]).all()
    assert found[1, 0] == pytest.approx(0.9)
    assert MODEL.reason(np.array([np.nan, 1.0])) == "lungs_soft_dice"


def test_reason_is_the_signal_that_lowers_the_estimate_most():
    model = replace(MODEL, weights=(1.0, 1.0))
    assert model.reason(np.array([0.5, 1.0])) == "lungs_soft_dice"
    assert model.reason(np.array([0.9, 3.0])) == "latent_norm"
    assert MODEL.reason(np.array([0.99, 1000.0])) == "lungs_soft_dice"  # the other has no weight


def test_threshold_is_interpolated_between_the_stored_shares():
    assert MODEL.threshold(0.05) == pytest.approx(0.65)
    assert MODEL.threshold(0.1) == pytest.approx(0.8)


def test_the_json_form_gives_the_model_back():
    assert OrganModel.from_dict(json.loads(json.dumps(MODEL.as_dict()))) == MODEL


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"weights": [-0.1, 0.0]}, "weight -0.1; expected 0 or more"),
        ({"weights": [1.0]}, "unequal number"),
        ({"offset": float("nan")}, "not finite"),
        ({"offset": "much"}, "expected numbers"),
        ({"better": 0.1}, "expected better <= 0 <= worse"),
        ({"lowest": [0.5]}, "unequal number, or out of order"),
        ({"more": 1}, "expected"),
    ],
)
def test_damaged_models_are_refused_in_one_line(changed, message):
    with pytest.raises(CxrError, match=message) as caught:
        OrganModel.from_dict(MODEL.as_dict() | changed)
    assert "\n" not in str(caught.value)


def test_signals_of_another_number_are_refused():
    with pytest.raises(CxrError, match=r"signals of shape \(1, 1\); expected \[masks, 2\]"):
        MODEL.interval(np.ones((1, 1)))
