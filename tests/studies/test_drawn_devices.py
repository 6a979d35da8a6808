"""Devices: in their place, of their size, white, and the same for the same draw."""

import numpy as np
import pytest

from cxrfactory.studies.drawn_devices import DEVICES, Chest, cover, electrodes, pacemaker

SHAPE = (400, 400)
PIXEL_MM = 270 / 340


@pytest.fixture
def chest():
    right, left = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    right[50:331, 30:181], left[50:331, 221:371] = True, True
    return Chest.of(right, left, PIXEL_MM)


def test_the_chest_is_measured_from_the_lungs(chest):
    assert (chest.top, chest.bottom, chest.middle, chest.outer) == (50, 330, 200.5, (30, 370))
    assert chest.at(1.0, 0.5, 1) == (370, 190)
    assert chest.at(1.0, 0.0, -1) == (30, 50)


def test_a_generator_is_of_real_size_and_the_leads_end_in_the_heart(chest):
    sides = []
    for number in range(12):
        opacity = pacemaker(SHAPE, chest, np.random.default_rng(number))
        assert opacity.max() <= 0.95
        dense = opacity > 0.65
        generator = dense[:190].sum() * PIXEL_MM**2  # mm2, with the upper part of the leads
        assert 900 < generator < 4200
        low = np.argwhere(opacity > 0.3)[:, 0].max()
        assert chest.at(0, 0.8, 1)[1] < low < chest.at(0, 1.0, 1)[1]
        sides.append(opacity[:190, 250:].sum() > opacity[:190, :150].sum())
    assert 6 < sum(sides) <= 12  # mostly on the patient's left


def test_cables_leave_the_film_below(chest):
    opacity = electrodes(SHAPE, chest, np.random.default_rng(0))
    assert opacity[-1].max() > 0.3
    assert (opacity > 0.7).sum() * PIXEL_MM**2 == pytest.approx(78.5 * 4, rel=0.35)  # snaps of 10 mm


@pytest.mark.parametrize("kind", DEVICES)
def test_a_draw_gives_the_same_device(kind, chest):
    first, again, other = (DEVICES[kind](SHAPE, chest, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_covered_pixels_become_whiter_and_the_others_stay():
    image = np.array([[0, 100, 255]], np.uint8)
    assert cover(image, np.array([[0.0, 0.5, 0.9]])).tolist() == [[0, 175, 255]]
