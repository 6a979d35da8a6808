"""Seeds at the place that grew first: a root down from it, a stalk up from it that appeared later."""

import numpy as np
import pytest

from cxrfactory.geometry.roots.emergence import emerged_at, valley


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
