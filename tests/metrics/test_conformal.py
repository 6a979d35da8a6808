import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.errors import CxrError
from cxrfactory.metrics.conformal import Conformal, fit_conformal, group_quantile


def slow_quantile(scores, groups, alpha):
    """By its definition: the smallest score under which the weights of the groups reach 1 - alpha."""
    names = sorted(set(groups))
    for score in sorted(scores):
        weight = 0.0
        for name in names:
            mine = [s for s, g in zip(scores, groups, strict=True) if g == name]
            weight += sum(s <= score for s in mine) / len(mine) / (len(names) + 1)
        if weight >= 1 - alpha - 1e-12:
            return score
    return math.inf


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-20, 20), st.integers(0, 9)), min_size=1, max_size=30),
    st.sampled_from([0.05, 0.1, 0.2, 0.5]),
)
def test_quantile_is_the_slow_one(pairs, alpha):
    scores, groups = zip(*pairs, strict=True)
    assert group_quantile(np.array(scores), np.array(groups), alpha) == slow_quantile(scores, groups, alpha)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 60), st.sampled_from([0.05, 0.1, 0.25]))
def test_quantile_of_single_masks_is_the_classical_one(number, alpha):
    rank = math.ceil((number + 1) * (1 - alpha) - 1e-9)
    expected = math.inf if rank > number else float(rank)
    scores = np.random.default_rng(number).permutation(np.arange(1.0, number + 1))
    assert group_quantile(scores, np.arange(number), alpha) == expected


def test_quantile_counts_images_and_not_masks():
    # 9 images of a good mask each and one of 100 bad masks: 10 images of equal weight 1 / 11.
    scores, groups = np.r_[np.zeros(9), np.ones(100)], np.r_[np.arange(9), np.full(100, 9)]
    assert group_quantile(scores, groups, 0.2) == 0
    assert group_quantile(scores, groups, 0.1) == 1
    assert group_quantile(scores, groups, 0.05) == math.inf


def masks(rng, images, each=6):
    """Scores and Dice with a curve, a spread that varies, and a part that all masks of an image share."""
    quality = rng.uniform(0.2, 1, (images, each))
    shared = rng.normal(0, 0.03, (images, 1))
    noise = rng.normal(0, 1, (images, each)) * (0.02 + 0.15 * (1 - quality))
    truth = np.clip(quality + noise + shared, 0, 1)
    mean = 0.1 + 0.85 * quality**2
    features = np.stack([mean, mean + rng.uniform(0, 0.05, quality.shape)], axis=-1)
    return features.reshape(-1, 2), truth.ravel(), np.repeat(np.arange(images), each)


def test_coverage_is_what_was_promised():
    rng = np.random.default_rng(0)
    covered, ends = [], []
    for _ in range(60):
        x, y, _ = masks(rng, 40)
        new, new_y, groups = masks(rng, 60)
        model = fit_conformal((x, y), (new, new_y), groups, 0.1)
        test, truth, _ = masks(rng, 200)
        estimate, low, high = model.interval(test).T
        covered.append(((low <= truth) & (truth <= high)).mean())
        ends.append(np.median(high - low))
        assert (low <= estimate).all()
        assert (estimate <= high).all()
    # Expected 0.9 to 0.915 + 1/61; the mean of 60 runs of standard deviation 0.02 is known to 0.003.
    assert 0.895 < np.mean(covered) < 0.935
    assert np.median(ends) < 0.35


def test_coverage_needs_no_right_curve():
    """The curve is fitted on other data altogether: wide intervals, but they hold."""
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(40):
        x, y, _ = masks(rng, 20)
        new, new_y, groups = masks(rng, 40)
        model = fit_conformal((x, rng.permutation(y) ** 3), (new, new_y), groups, 0.2)
        test, truth, _ = masks(rng, 100)
        _, low, high = model.interval(test).T
        covered.append(((low <= truth) & (truth <= high)).mean())
    assert np.mean(covered) > 0.79


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.05, 0.1, 0.3]), st.integers(1, 2))
def test_ends_are_ordered_and_estimates_never_fall(seed, alpha, count):
    rng = np.random.default_rng(seed)
    x, y, _ = masks(rng, 8, 4)
    new, new_y, groups = masks(rng, 25, 3)
    model = fit_conformal((x[:, :count], y), (new[:, :count], new_y), groups, alpha)
    ramp = np.repeat(np.linspace(-0.5, 1.5, 101)[:, None], count, axis=1)
    estimate, low, high = model.interval(ramp).T
    assert ((low >= 0) & (low <= estimate) & (estimate <= high) & (high <= 1)).all()
    if count == 1 or sum(model.weights) > 0:
        assert (np.diff(estimate) >= -1e-12).all()
    again = Conformal.from_dict(json.loads(json.dumps(model.as_dict())))
    assert again == model


def test_curve_by_hand():
    x = np.array([0.1, 0.2, 0.3, 0.4])[:, None]
    y = np.array([0.2, 0.5, 0.3, 0.8])  # 0.5, 0.3 fall: one level of 0.4 at index 0.25
    model = fit_conformal((x, y), (np.tile(x, (5, 1)), np.tile(y, 5)), np.arange(20), 0.1)
    assert model.centre_index == pytest.approx((0.1, 0.25, 0.4))
    assert model.centre == pytest.approx((0.2, 0.4, 0.8))
    assert model.interval(np.array([[0.0], [0.25], [0.325], [9.0]]))[:, 0] == pytest.approx([0.2, 0.4, 0.6, 0.8])


def test_equal_numbers_in_another_order_give_the_same_model():
    rng = np.random.default_rng(3)
    x, y, _ = masks(rng, 30)
    new, new_y, groups = masks(rng, 30)
    order = rng.permutation(len(y))
    first = fit_conformal((x[:, :1], y), (new[:, :1], new_y), groups)
    second = fit_conformal((x[order, :1], y[order]), (new[order, :1], new_y[order]), groups[order] + 7)
    assert first == second


def test_faults_are_one_line():
    rng = np.random.default_rng(0)
    x, y, groups = masks(rng, 8, 2)
    with pytest.raises(CxrError, match=r"8 images to calibrate on; expected 9 or more for alpha 0\.1"):
        fit_conformal((x, y), (x, y), groups)
    with pytest.raises(CxrError, match="not finite"):
        fit_conformal((x, y), (x, np.where(y == y.max(), np.nan, y)), groups)
    with pytest.raises(CxrError, match=r"expected \[masks, features\]"):
        fit_conformal((x, y[:-1]), (x, y), groups)
    with pytest.raises(CxrError, match="1 masks to fit"):
        fit_conformal((x[:1], y[:1]), (x, y), groups)
    with pytest.raises(CxrError, match="alpha 1"):
        group_quantile(np.ones(3), np.ones(3), 1)
    model = fit_conformal((x, y), (x, y), groups, 0.3)
    with pytest.raises(CxrError, match=r"expected finite \[masks, 2\]"):
        model.interval(x[:, :1])
    good = model.as_dict()
    for change, message in (
        ({"margin": math.nan}, "not finite"),
        ({"margin": "wide"}, "expected numbers"),
        ({"centre": good["centre"][1:]}, "unequal number"),
        ({"spread_index": [], "below": [], "above": []}, "none at all"),
        ({"spread_index": [0.5, 0.4], "below": [0, 0], "above": [0, 0]}, "out of order"),
        ({"extra": 1}, "expected"),
    ):
        with pytest.raises(CxrError, match=message):
            Conformal.from_dict(good | change)
