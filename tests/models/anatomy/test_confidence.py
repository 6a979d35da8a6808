import numpy as np
import pytest
import torch

from cxrfactory.models.anatomy.confidence import (
    CHANGES,
    averaged,
    changed,
    fit_knots,
    raw_score,
    soft_dice,
    stability,
    undone,
)


def test_soft_dice_of_sure_and_of_half_probabilities():
    masks = np.zeros((3, 4, 4), bool)
    masks[:2, :2] = True
    shares = np.stack([masks[0].astype(np.float32), 0.5 * masks[0], np.zeros((4, 4), np.float32)])
    # One half inside and nothing outside: 2 * 4 / (4 + 8).
    assert soft_dice(shares, masks) == pytest.approx([1, 2 / 3, 0])


def test_stability_is_the_mean_dice_with_the_changed_films():
    mask, half = np.ones((1, 4, 4), bool), np.zeros((1, 4, 4), bool)
    half[:, :2] = True
    assert stability(mask, [mask, half]) == pytest.approx([(1 + 2 / 3) / 2])
    assert stability(half & False, [half]) == pytest.approx([0])


def test_a_change_moves_the_film_and_is_undone():
    image = torch.zeros(1, 1, 64, 64)
    image[:, :, 20:40, 24:44] = 1
    for change in CHANGES:
        moved = changed(image, change)
        assert not torch.equal(moved, image)
        assert (undone(moved, change) - image).abs().mean() < 0.03
    right = changed(image, (1.0, 4 / 64, 0.0))
    torch.testing.assert_close(right, torch.roll(image, 4, 3), atol=1e-4, rtol=0)
    down = changed(image, (1.0, 0.0, 4 / 64))
    torch.testing.assert_close(down, torch.roll(image, 4, 2), atol=1e-4, rtol=0)
    larger = changed(image, (2.0, 0.0, 0.0))
    assert float(larger.sum()) == pytest.approx(4 * float(image.sum()), rel=0.1)


def test_the_score_is_a_geometric_mean_and_an_unusual_place_lowers_it():
    assert raw_score(1.0, 1.0, 1.0, True) == 1
    assert raw_score(1.0, 1.0, 1.0, False) == pytest.approx(0.5**0.25)
    assert raw_score(0.81, 1.0, 1.0, True) == pytest.approx(0.81**0.25)
    assert raw_score(0.0, 1.0, 1.0, True) == 0


def test_knots_rise_and_are_the_means_of_groups():
    scores, dices = fit_knots(np.arange(10), [0.2] * 5 + [0.8] * 5, knots=2)
    assert (scores, dices) == ([2.0, 7.0], [0.2, 0.8])
    scores, dices = fit_knots(np.arange(15), [0.1] * 5 + [0.9] * 5 + [0.5] * 5)
    assert dices == [0.1, 0.7, 0.7]  # the fall is pooled
    assert fit_knots(np.arange(9), np.ones(9)) == ([], [])


def test_a_copy_counts_only_where_it_shows_the_film():
    own, other = torch.full((1, 2, 4, 4), 0.2), torch.full((1, 2, 4, 4), 0.6)
    shown = torch.ones(1, 1, 4, 4)
    shown[..., :2] = 0
    mean = averaged(own, [other], [shown])
    torch.testing.assert_close(mean[..., :2], own[..., :2])
    torch.testing.assert_close(mean[..., 2:], torch.full((1, 2, 4, 2), 0.4))


def test_the_mean_over_the_changed_copies_of_a_network_that_moves_with_the_film_is_its_answer():
    maps = torch.zeros(1, 1, 64, 64)
    maps[:, :, 20:40, 24:44] = 1
    others = [undone(changed(maps, each), each) for each in CHANGES]
    seen = [undone(changed(torch.ones_like(maps), each), each) for each in CHANGES]
    assert torch.equal(averaged(maps, others, seen) >= 0.5, maps == 1)
