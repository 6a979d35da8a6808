"""Lengths of the rules follow the picture: a plant drawn twice as large is the same plant."""

import cv2
import numpy as np
import pytest

from cxrfactory.geometry.roots.growing import grow_plants
from cxrfactory.geometry.roots.lengths import gap_unit, length_unit, root_width
from cxrfactory.geometry.roots.regions import plate_regions
from tests.geometry.roots.drawn import drawn

LINES = [[(250, 40), (252, 150)], [(254, 172), (256, 370)], [(253, 100), (310, 150)]]  # a gap of 22 pixels


@pytest.mark.parametrize(("half", "width"), [(0.5, 1.0), (1.0, 3.0), (4.0, 9.0)])
def test_the_width_of_a_bar_is_measured(half, width):
    assert root_width(drawn([[(100, 40), (100, 300)]], half_width=half)) == pytest.approx(width)


def test_units_are_at_least_one_and_follow_width_and_pixels():
    assert root_width(np.zeros((50, 50), bool)) == 0
    assert length_unit(drawn([[(100, 40), (100, 300)]], half_width=0.5)) == 1
    assert length_unit(drawn([[(100, 40), (100, 300)]], half_width=7.0)) == 5
    assert gap_unit((1000, 800), None) == 1
    assert gap_unit((100, 100), 0.32) == 1
    assert gap_unit((100, 100), 0.08) == 2


@pytest.mark.parametrize("times", [1, 2, 4])
def test_a_larger_picture_gives_the_same_roots(times):
    small = drawn(LINES, half_width=1.5).astype(np.uint8)
    mask = cv2.resize(small, None, fx=times, fy=times, interpolation=cv2.INTER_NEAREST) > 0
    seed = np.array([[250.0, 40.0]]) * times
    arrival = np.where(mask, 0, -1).astype(np.int32)
    regions = plate_regions(arrival, seed, (), times, times)
    (roots,) = grow_plants(
        regions.parts == regions.part_of[0], regions.arrival, regions.bridged, seed, 1, 8.0 * times, times
    )
    assert [root.name for root in roots] == ["1", "1.1"]
    assert roots[0].lengths[0] / times == pytest.approx(331, abs=3)
    assert roots[1].lengths[0] / times == pytest.approx(76, abs=4)
