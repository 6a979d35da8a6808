import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrfactory.imaging.radiograph.borders import find_borders

BORDERS = st.integers(0, 25)


@given(BORDERS, BORDERS, BORDERS, BORDERS, st.sampled_from([np.uint8, np.uint16, np.float32]))
def test_black_frame_is_found_on_each_side(top, below, left, right, kind):
    pixels = np.zeros((70 + top + below, 90 + left + right), kind)
    pixels[top : top + 70, left : left + 90] = np.random.default_rng(0).integers(60, 250, (70, 90))
    assert find_borders(pixels) == (top, left, 70, 90)


def test_noise_within_two_percent_is_black():
    pixels = np.random.default_rng(0).integers(0, 6, (80, 100)).astype(np.uint8)  # up to 5 of 255
    pixels[10:60, 20:90] = 255
    assert find_borders(pixels) == (10, 20, 50, 70)
    pixels[3, 40:60] = 6  # beyond two per cent, and more than a few dead pixels; joined to the content below
    pixels[3:10, 45:50] = 60
    assert find_borders(pixels) == (3, 20, 57, 70)


@pytest.mark.parametrize("value", [61, 200, 255])
def test_a_marker_that_stands_alone_in_the_border_does_not_keep_it(value):
    pixels = np.zeros((100, 100), np.uint8)
    pixels[20:, 30:] = np.random.default_rng(0).integers(60, 250, (80, 70))
    pixels[25:32, 5:9] = value
    assert find_borders(pixels) == (20, 30, 80, 70)


def test_larger_content_in_the_border_keeps_it():
    pixels = np.zeros((100, 100), np.uint8)
    pixels[20:, 30:] = np.random.default_rng(0).integers(60, 250, (80, 70))
    pixels[25:45, 5:15] = 255
    assert find_borders(pixels) == (20, 5, 80, 95)


@pytest.mark.parametrize(("pixel", "value"), [((3, 50), 255), ((50, 4), 255), ((0, 0), 90), ((60, 60), 0)])
def test_a_dead_or_hot_pixel_changes_nothing(pixel, value):
    pixels = np.zeros((600, 700), np.uint16)
    pixels[20:580, 30:680] = np.random.default_rng(0).integers(60, 250, (560, 650))
    pixels[pixel] = value * 257
    assert find_borders(pixels) == (20, 30, 560, 650)


def test_a_marker_at_the_maximum_of_its_type_does_not_make_the_film_a_border():
    pixels = np.random.default_rng(0).integers(900, 4095, (300, 300)).astype(np.uint16)
    pixels[5:20, 5:14] = 65535
    assert find_borders(pixels) == (0, 0, 300, 300)


def test_at_most_two_fifths_of_a_side():
    pixels = np.zeros((100, 200), np.uint8)
    pixels[97:, 190:] = 200
    assert find_borders(pixels) == (40, 80, 60, 120)


@given(BORDERS, BORDERS, BORDERS, BORDERS)
def test_a_negative_has_the_same_borders(top, below, left, right):
    pixels = np.zeros((70 + top + below, 90 + left + right), np.uint8)
    pixels[top : top + 70, left : left + 90] = np.random.default_rng(0).integers(10, 240, (70, 90))
    assert find_borders(pixels) == find_borders(255 - pixels)


def test_a_white_frame_around_a_black_one():
    pixels = np.full((120, 100), 255, np.uint8)
    pixels[8:110, 6:95] = 0
    pixels[20:90, 20:80] = np.random.default_rng(0).integers(60, 200, (70, 60))
    assert find_borders(pixels) == (20, 20, 70, 60)


def test_flat_images_stay():
    assert find_borders(np.full((50, 60), 255, np.uint8)) == (0, 0, 50, 60)
