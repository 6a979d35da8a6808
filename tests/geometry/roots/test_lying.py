"""Plates whose roots do not grow down are told."""

import numpy as np
import pytest

from cxrfactory.geometry.roots.lying import lies
from tests.geometry.roots.drawn import drawn

LINES = [[(60, 40), (66, 340)], [(63, 150), (130, 210)], [(300, 50), (296, 300)], [(298, 120), (230, 170)]]
DOWN = drawn(LINES)
GROWN = np.where(DOWN, np.arange(400)[:, None] // 20, -1).astype(np.int32)  # 20 pixels down in each picture


@pytest.mark.parametrize(("turns", "said"), [(0, None), (1, "right"), (2, "up"), (3, "left")])
def test_a_series_tells_where_the_roots_grow_to(turns, said):
    assert lies(np.ascontiguousarray(np.rot90(GROWN, turns))) == said


@pytest.mark.parametrize(("turns", "said"), [(0, None), (1, "aside"), (2, None), (3, "aside")])
def test_a_single_picture_tells_that_its_roots_lie_aside(turns, said):
    assert lies(np.ascontiguousarray(np.rot90(np.where(DOWN, 0, -1).astype(np.int32), turns))) == said


def test_a_plate_without_roots_tells_nothing():
    assert lies(np.full((50, 50), -1, np.int32)) is None
