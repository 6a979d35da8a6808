import numpy as np
import pytest

from cxrfactory.roots.segment.drawn import draw_roots, share_on_roots, share_outside, width_of_roots


def _picture(width: float, root: float, seed: int = 0) -> tuple[np.ndarray, list[np.ndarray]]:
    """A slanted root and a level one of one width, with soft edges, on a noisy ground."""
    y, x = np.mgrid[:240, :300].astype(float)
    slanted = np.abs((x - 60) * np.cos(0.3) - (y - 20) * np.sin(0.3))
    near = np.minimum(slanted, np.abs(y - 200))
    share = np.clip(width / 2 + 0.5 - near, 0, 1)
    grey = 120 + (root - 120) * share + np.random.default_rng(seed).normal(0, 3, share.shape)
    along = np.array([np.sin(0.3), np.cos(0.3)])
    lines = [np.array([60, 20]) + along * np.array([[5.0], [150.0]]), np.array([[30.0, 200.0], [270.0, 200.0]])]
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8), lines


@pytest.mark.parametrize("root", [40, 220])
@pytest.mark.parametrize("width", [3.0, 5.0, 8.0, 12.0])
def test_width_is_that_of_the_picture(width: float, root: float) -> None:
    assert width_of_roots(*_picture(width, root)) == pytest.approx(width, abs=0.5)


def test_width_of_lines_that_run_beside_the_root() -> None:
    grey, lines = _picture(6.0, 220)
    assert width_of_roots(grey, [line + np.array([2.0, -2.0]) for line in lines]) == pytest.approx(6.0, abs=0.7)


def test_width_has_limits() -> None:
    grey, lines = _picture(24.0, 220)
    assert width_of_roots(grey, lines) == 15.0
    assert width_of_roots(np.full((240, 300), 90, np.uint8), lines) == 2.0
    assert width_of_roots(grey, [np.array([[5.0, 5.0]])]) == 2.0


@pytest.mark.parametrize("width", [2.0, 3.0, 5.5, 12.0])
def test_drawn_width_of_a_straight_root(width: float) -> None:
    mask = draw_roots((60, 80), [np.array([[10.0, 30.0], [70.0, 30.0]])], width)
    assert mask[:, 40].sum() == pytest.approx(width, abs=1)
    assert mask[30, 20:60].all()
    assert set(np.unique(mask)) == {0, 1}


@pytest.mark.parametrize("width", [4.0, 4.5, 6.0, 12.0])
def test_drawn_area_of_slanted_roots_is_length_times_width(width: float) -> None:
    for degrees in (10, 30, 45, 70):
        along = 100 * np.array([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))])
        area = draw_roots((160, 160), [np.stack([np.full(2, 25.0), 25.0 + along])], width).sum()
        assert area == pytest.approx(100 * width + np.pi * width**2 / 4, rel=0.12)


def test_drawn_root_is_the_set_of_pixels_near_its_line() -> None:
    line = np.array([[12.3, 8.7], [50.1, 33.4]])
    mask = draw_roots((45, 70), [line], 6.0)
    y, x = np.mgrid[:45, :70].astype(float)
    along = line[1] - line[0]
    share = np.clip(((x - line[0, 0]) * along[0] + (y - line[0, 1]) * along[1]) / (along @ along), 0, 1)
    distance = np.hypot(x - line[0, 0] - share * along[0], y - line[0, 1] - share * along[1])
    assert mask[distance <= 2.4].all()
    assert not mask[distance > 3.6].any()


def test_roots_outside_of_the_picture_draw_nothing() -> None:
    assert not draw_roots((20, 20), [np.array([[100.0, 100.0], [200.0, 100.0]])], 5.0).any()
    assert not draw_roots((20, 20), [], 5.0).any()


def test_lines_on_roots_are_told_from_lines_beside_them() -> None:
    grey, lines = _picture(5.0, 220)
    assert share_on_roots(grey, lines) > 0.95
    assert share_on_roots(grey, [line + np.array([0.0, -40.0]) for line in lines]) < 0.3
    assert share_on_roots(grey, [np.array([[5.0, 5.0], [9.0, 9.0]])]) is None


def test_share_of_lines_outside_of_a_picture() -> None:
    line = np.column_stack([np.linspace(10.0, 110.0, 101), np.full(101, 20.0)])
    assert share_outside((50, 120), [line]) == 0
    assert share_outside((50, 80), [line]) == pytest.approx(0.3, abs=0.02)
    assert share_outside((20, 120), [line]) == 1
    assert share_outside((20, 120), [np.array([[500.0, 500.0]])]) == 0
