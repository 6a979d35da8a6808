import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.metrics.estimate.fit import fit_organ
from cxrfactory.metrics.estimate.own_films import recalibrate_organ

from .test_fit import NAMES, masks


@pytest.fixture(scope="module")
def model():
    return fit_organ({"a": masks(1, shift=-0.3), "b": masks(2, shift=0.3), "c": masks(3)}, NAMES)


def test_own_films_move_the_estimate_towards_their_error(model):
    films, others = masks(5, images=40, shift=0.7), masks(6, images=400, shift=0.7)
    found = recalibrate_organ(model, films.signals, films.dice, 0.1)
    before, after = (each.interval(others.signals)[:, 0].mean() for each in (model, found.model))
    assert before > others.dice.mean() + 0.04
    assert after == pytest.approx(others.dice.mean(), abs=0.012)
    assert 0 < found.shift < found.seen_shift
    _, low, high = found.model.interval(others.signals).T
    assert ((low <= others.dice) & (others.dice <= high)).mean() > 0.85


def test_the_shift_is_shrunk_as_documented(model):
    films = masks(5, images=10, shift=0.7)
    found = recalibrate_organ(model, films.signals, films.dice, 0.1)
    weight = 10 * model.shift_sd**2 / (10 * model.shift_sd**2 + model.spread_sd**2)
    assert found.shift == pytest.approx(weight * found.seen_shift, abs=1e-6)
    assert found.model.offset == pytest.approx(model.offset + found.shift, abs=1e-6)
    assert found.films == 10


def test_films_like_the_fit_narrow_a_wide_interval(model):
    films = masks(5, images=50, noise=0.05)
    found = recalibrate_organ(model, films.signals, films.dice, 0.1).model
    assert found.worse - found.better < 0.7 * (model.worse - model.better)
    assert found.better <= 0 <= found.worse


def test_thresholds_move_with_the_estimate(model):
    films = masks(5, images=50, shift=0.7)
    found = recalibrate_organ(model, films.signals, films.dice, 0.1)
    np.testing.assert_allclose(
        1 - np.array(found.model.lowest), (1 - np.array(model.lowest)) * np.exp(found.shift), atol=2e-6
    )


def test_too_few_or_unknown_films_are_refused(model):
    films = masks(5, images=4)
    with pytest.raises(CxrError, match="4 films; expected 5 or more"):
        recalibrate_organ(model, films.signals, films.dice, 0.1)
    films = masks(5, images=6)
    with pytest.raises(CxrError, match="not finite"):
        recalibrate_organ(model, films.signals * np.nan, films.dice, 0.1)
