"""Rooms: dense is bright, the same seed gives the same picture, borders and letters stay where they belong."""

import numpy as np
import pytest

from cxrfactory.projection.appearance import add_breasts, add_lines, burn_in, collimate, draw_style, render


def chest(size: int = 128) -> tuple[np.ndarray, np.ndarray]:
    soft = np.zeros((size, size), np.float32)
    soft[10:, 10:-10] = 3.5
    soft[20:90, 20:60] = 1.5
    soft[20:90, 70:110] = 1.5
    return soft, np.zeros_like(soft)


@pytest.mark.parametrize("seed", range(8))
def test_every_room_shows_lungs_darker_than_the_mediastinum_and_air_darkest(seed):
    soft, bone = chest()
    grey = render(soft, bone, 2.5, draw_style(np.random.default_rng(seed)), np.random.default_rng(seed))
    assert grey.shape == soft.shape
    assert np.isfinite(grey).all()
    lung, middle, air = grey[40:70, 30:50].mean(), grey[40:70, 63:67].mean(), grey[:5, :5].mean()
    assert middle > lung + 0.1
    assert lung > air - 0.02


def test_same_seed_same_picture_and_rooms_differ():
    soft, bone = chest()
    style = draw_style(np.random.default_rng(1))
    one, two = (render(soft, bone, 2.5, style, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    other = render(soft, bone, 2.5, draw_style(np.random.default_rng(2)), np.random.default_rng(5))
    assert np.abs(np.clip(one, 0, 1) - np.clip(other, 0, 1)).mean() > 0.02


def test_an_empty_film_is_finite():
    zero = np.zeros((64, 64), np.float32)
    assert np.isfinite(render(zero, zero, 2.0, draw_style(np.random.default_rng(0)), np.random.default_rng(0))).all()


@pytest.mark.parametrize("seed", range(20))
def test_collimation_leaves_the_lungs_free(seed):
    grey = np.ones((200, 160), np.float32)
    framed = collimate(grey, (40, 40, 120, 150), np.random.default_rng(seed))
    assert framed[40:151, 40:121].min() > 0.98
    assert framed.max() < 1.001


def test_letters_are_white_and_mirrored_when_asked():
    blank = np.full((80, 80), 0.3, np.float32)
    plain, mirrored = (burn_in(blank, "L", (40, 40), 30, flip, False) for flip in (False, True))
    assert plain.max() == 1
    assert blank.max() == np.float32(0.3)
    changed_plain, changed_mirrored = plain != blank, mirrored != blank
    assert changed_plain.sum() == changed_mirrored.sum()
    assert (changed_plain != changed_mirrored).any()
    assert burn_in(blank, "L", (40, 40), 30, False, True).min() == 0


def test_letters_at_the_edge_stay_inside():
    assert burn_in(np.zeros((30, 30), np.float32), "PORTABLE", (29, 0), 20, False, False).shape == (30, 30)


def test_breasts_and_lines_only_add():
    soft, _ = chest()
    rng = np.random.default_rng(3)
    assert (add_breasts(soft, (20, 20, 110, 90), 2.5, 40.0, rng) >= soft).all()
    assert add_breasts(soft, (20, 20, 110, 90), 2.5, 40.0, rng).max() <= soft.max() + 0.0187 * 40 * 2 + 1e-3
    drawn = add_lines(soft, 2.5, 2, rng)
    assert (drawn >= soft).all()
    assert (drawn > soft).any()
