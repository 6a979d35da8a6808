"""Two rows of seeds on one plate are found, and one row is not taken for two."""

import numpy as np
import pytest

from cxrfactory.geometry.roots.rows import columns_in_rows, find_plants_in_rows, row_between
from tests.geometry.roots.drawn import drawn

SEEDS = [(80, 40), (220, 46), (360, 42), (90, 230), (226, 226), (350, 234)]


def _plate(length: int, seeds=SEEDS) -> np.ndarray:
    lines = [[(x, y), (x + 4, y + length)] for x, y in seeds]
    lines += [[(x + 2, y + length // 2), (x + 2 + length // 3, y + length // 2 + length // 4)] for x, y in seeds]
    return drawn(lines)


def test_two_rows_are_found_row_by_row():
    found = find_plants_in_rows(_plate(120))
    assert [(plant.seed_x, plant.seed_y) for plant in found] == [
        (pytest.approx(x, abs=3), pytest.approx(y, abs=4)) for x, y in SEEDS
    ]
    assert all(plant.bottom <= row.top + 60 for plant in found[:3] for row in found[3:])


def test_two_rows_that_touch_at_last_are_told_apart_by_an_early_picture():
    last = _plate(155) | drawn([[(82, 190), (90, 235)]])
    found = find_plants_in_rows(last, _plate(40))
    assert [(plant.seed_x, plant.seed_y) for plant in found] == [
        (pytest.approx(x, abs=3), pytest.approx(y, abs=4)) for x, y in SEEDS
    ]


def test_one_row_stays_one_row():
    one = _plate(180, SEEDS[:3])
    assert row_between(one) is None
    torn = _plate(300, SEEDS[:3])
    torn[190:210] = False  # a dark band over the plate
    assert row_between(torn) is None
    assert row_between(np.zeros((50, 50), bool)) is None


def test_columns_of_given_seeds_are_those_of_their_row():
    assert columns_in_rows([(50, 40), (150, 44), (50, 240), (150, 244)], 200, 400) == [(0, 100), (100, 200)] * 2
    assert columns_in_rows([(50, 40), (150, 44)], 200, 400) == [(0, 100), (100, 200)]
