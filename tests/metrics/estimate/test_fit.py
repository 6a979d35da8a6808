import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.metrics.estimate.fit import SHARES, SourceMasks, fit_organ, residual_ends, unseen_residuals

NAMES = ("lungs_soft_dice", "lungs_dense_dice")


def masks(seed, images=200, noise=0.2, shift=0.0, against=False):
    """Masks whose error is that of the first signal, times noise and a shift of the source."""
    rng = np.random.default_rng(seed)
    log = rng.normal(np.log(0.05), 0.5, images)
    other = -log if against else rng.normal(np.log(0.05), 0.5, images)
    signals = 1 - np.exp(np.stack([log, other], axis=1))
    dice = 1 - np.exp(log + shift + rng.normal(0, noise, images))
    return SourceMasks(np.clip(signals, 0, 1), dice, np.arange(images))


def test_the_weight_of_the_signal_that_counts_is_found():
    model = fit_organ({name: masks(seed) for seed, name in enumerate("abc")}, NAMES)
    assert model.weights[0] == pytest.approx(1, abs=0.05)
    assert model.weights[1] == pytest.approx(0, abs=0.05)
    new = masks(9)
    estimate, low, high = model.interval(new.signals).T
    assert estimate.mean() == pytest.approx(new.dice.mean(), abs=0.003)
    assert 0.85 < ((low <= new.dice) & (new.dice <= high)).mean() < 0.97


def test_no_weight_is_negative_even_where_a_signal_misleads():
    model = fit_organ({"a": masks(1, against=True), "b": masks(2, against=True)}, NAMES)
    assert model.weights[1] == 0
    assert model.weights[0] > 0.9


def test_the_interval_holds_in_every_left_out_source():
    sources = {"near": masks(1), "far": masks(2, shift=0.8), "other": masks(3, shift=-0.3)}
    model = fit_organ(sources, NAMES)
    for residuals in unseen_residuals(sources, NAMES):
        assert ((model.better <= residuals) & (residuals <= model.worse)).mean() >= 0.9
    alike = fit_organ({name: masks(seed) for seed, name in enumerate("abc")}, NAMES)
    assert model.worse - model.better > alike.worse - alike.better + 0.5
    assert model.shift_sd > 0.4 > 0.11 > alike.shift_sd


def test_sources_count_equally_whatever_their_size():
    small, large = masks(1, images=40, shift=1.0), masks(2, images=2000)
    model = fit_organ({"small": small, "large": large}, NAMES)
    errors = [1 - model.interval(each.signals)[:, 0] for each in (small, large)]
    true = np.mean([(1 - small.dice).mean(), (1 - large.dice).mean()])
    assert np.mean([each.mean() for each in errors]) == pytest.approx(true, rel=1e-3)


def test_stored_thresholds_leave_their_share_below():
    sources = {"a": masks(1), "b": masks(2)}
    model = fit_organ(sources, NAMES)
    estimates = np.concatenate([model.interval(each.signals)[:, 0] for each in sources.values()])
    assert model.shares == SHARES
    for share in (0.05, 0.1, 0.5):
        assert (estimates < model.threshold(share)).mean() == pytest.approx(share, abs=0.01)


def test_a_single_source_is_divided_by_patients():
    one = masks(1)
    twice = SourceMasks(one.signals, one.dice, np.arange(200) // 2)
    model = fit_organ({"only": twice}, NAMES)
    assert model.better < -0.2 < 0.2 < model.worse
    with pytest.raises(CxrError, match="all images are of one patient"):
        fit_organ({"only": SourceMasks(one.signals, one.dice, np.zeros(200, int))}, NAMES)


def test_ends_are_the_order_statistics_of_split_conformal_intervals():
    assert residual_ends(np.arange(99.0), 0.1) == (4, 94)  # the 5th smallest and the 5th largest of 99
    assert residual_ends(np.arange(19.0), 0.1) == (0, 18)
    assert residual_ends(np.arange(5.0), 0.1) == (0, 4)  # too few: all of them


def test_the_same_masks_give_the_same_numbers():
    sources = {"a": masks(1), "b": masks(2)}
    assert fit_organ(sources, NAMES) == fit_organ(dict(sources), NAMES)


@pytest.mark.parametrize(
    ("sources", "alpha", "message"),
    [
        ({"a": masks(1, images=19)}, 0.1, "source 'a': 19 images; expected 20 or more"),
        ({"a": masks(1)}, 1.0, "alpha 1; expected"),
        ({}, 0.1, "no source"),
        ({"a": SourceMasks(np.ones((20, 1)), np.ones(20), np.arange(20))}, 0.1, r"signals of shape \(20, 1\)"),
        ({"a": SourceMasks(np.full((20, 2), np.nan), np.ones(20), np.arange(20))}, 0.1, "not finite"),
    ],
)
def test_unfit_sources_are_refused(sources, alpha, message):
    with pytest.raises(CxrError, match=message):
        fit_organ(sources, NAMES, alpha)
