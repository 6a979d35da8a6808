"""Seeds at the place that grew first: a root down from it, a stalk up from it that appeared later."""

import numpy as np
import pytest

from cxrfactory.geometry.roots.emergence import emerged_at, first_of_root, valley


@pytest.mark.parametrize(
    ("arrivals", "place"),
    [
        ([3, 3, 3, 3], 0),
        ([1, 2, 3, 4], 0),
        ([9, 7, 2, 2, 4, 6], 2),
        ([5, 4, 3], 2),
        ([4, 5, 5, 6, 0, 7, 8, 9], 1),  # a drop that was there before the root costs a pixel, not the way to it
    ],
)
def test_a_series_falls_before_its_valley_and_rises_behind_it(arrivals, place):
    assert valley(np.array(arrivals, np.int32)) == place


def _plant(stalk_px: int, first: int = 5) -> np.ndarray:
    """Return arrivals of a root from row 40 down, one picture in 4 pixels, and of a stalk above it."""
    arrival = np.full((160, 80), -1, np.int32)
    rows = np.arange(40, 140)
    arrival[40:140, 39:42] = (first + (rows - 40) // 4)[:, None]
    arrival[40 - stalk_px : 40, 39:42] = (first + 6 + np.arange(stalk_px)[::-1])[:, None]
    return arrival


@pytest.mark.parametrize("stalk_px", [0, 3, 8])
def test_the_seed_lies_where_the_root_emerged_below_a_stalk(stalk_px):
    x, y = emerged_at(_plant(stalk_px), np.array([40.0, 40.0 - stalk_px]))
    assert abs(x - 40) <= 1
    assert abs(y - 40) <= 1


def test_without_pictures_that_tell_the_top_stays():
    arrival = np.where(_plant(8) >= 0, 0, -1).astype(np.int32)
    assert emerged_at(arrival, np.array([40.0, 32.0])).tolist() == [40.0, 32.0]
    assert emerged_at(np.full((20, 20), -1, np.int32), np.array([4.0, 5.0])).tolist() == [4.0, 5.0]


@pytest.mark.parametrize(
    ("arrivals", "place", "late", "first"),
    [
        ([9, 9, 5, 5, 4, 4, 5, 5, 6], 4, 4, 2),  # the root's first pixels came a picture later, those of the stalk five
        ([14, 12, 9, 8, 6, 5, 6, 6, 7, 7, 7, 8], 5, 6, 4),  # later than the root needed for three pixels: stalk
        ([30, 20, 10, 20, 30], 2, 1, 2),
        ([4, 4, 4], 0, 2, 0),
    ],
)
def test_the_seed_is_the_first_place_that_came_before_the_root_had_grown_on(arrivals, place, late, first):
    assert first_of_root(np.array(arrivals, np.int32), place, late) == first


@pytest.mark.parametrize("late_px", [1, 2, 3])
def test_a_root_whose_first_pixels_are_found_a_picture_late_begins_at_the_seed_all_the_same(late_px):
    arrival = _plant(8)
    arrival[40 : 40 + late_px, 39:42] = 6
    assert abs(emerged_at(arrival, np.array([40.0, 32.0]))[1] - 40) <= 1
