import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from cxrfactory.errors import CxrError
from cxrfactory.metrics.distance import asd, boundary, hausdorff, hd95, nsd, surface_distances

PAIRS = array_shapes(min_dims=2, max_dims=2, max_side=8).flatmap(
    lambda shape: st.tuples(arrays(bool, shape), arrays(bool, shape))
)
SPACINGS = st.tuples(st.floats(0.1, 5), st.floats(0.1, 5))


def slow_boundary(mask):
    rows, columns = mask.shape
    points = []
    for row, column in itertools.product(range(rows), range(columns)):
        if not mask[row, column]:
            continue
        sides = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
        if any(not (0 <= r < rows and 0 <= c < columns) or not mask[r, c] for r, c in sides):
            points.append((row, column))
    return points


def slow_distances(a, b, spacing):
    def directed(these, those):
        return [
            min((math.dist(np.multiply(p, spacing), np.multiply(q, spacing)) for q in those), default=math.inf)
            for p in these
        ]

    return directed(slow_boundary(a), slow_boundary(b)), directed(slow_boundary(b), slow_boundary(a))


def mask_of(shape, *pixels):
    mask = np.zeros(shape, bool)
    for row, column in pixels:
        mask[row, column] = True
    return mask


def test_single_pixels_are_a_3_4_5_triangle():
    a, b = mask_of((8, 8), (1, 1)), mask_of((8, 8), (4, 5))
    for measure in (hausdorff, hd95, asd):
        assert measure(a, b) == 5
        assert measure(a, b, spacing=(2.0, 1.0)) == math.hypot(6, 4)


def test_boundary_of_a_block_is_its_rim_and_the_image_edge_counts():
    block = np.zeros((5, 5), bool)
    block[1:4, 1:4] = True
    rim = block.copy()
    rim[2, 2] = False
    np.testing.assert_array_equal(boundary(block), rim)
    full = np.ones((3, 3), bool)
    np.testing.assert_array_equal(boundary(full), mask_of((3, 3), *slow_boundary(full)))
    assert not boundary(full)[1, 1]


def test_bar_and_longer_bar_by_hand():
    a = mask_of((1, 6), (0, 0), (0, 1))
    b = mask_of((1, 6), (0, 0), (0, 1), (0, 2), (0, 3))  # distances back: 0, 0, 1, 2
    assert hausdorff(a, b) == 2
    assert hd95(a, b) == pytest.approx(1.85)  # linear between 1 and 2 at rank 0.95 * 3
    assert asd(a, b) == 3 / 6
    assert nsd(a, b, tolerance=0) == 4 / 6
    assert nsd(a, b, tolerance=1) == 5 / 6
    assert nsd(a, b, tolerance=1, spacing=(1.0, 2.0)) == 4 / 6


def test_empty_masks_mean_what_the_module_says():
    empty, some = np.zeros((4, 4), bool), mask_of((4, 4), (1, 2))
    for measure in (hausdorff, hd95, asd):
        assert measure(empty, some) == math.inf
        assert measure(some, empty) == math.inf
        assert math.isnan(measure(empty, empty))
    assert nsd(empty, some, 1) == 0
    assert math.isnan(nsd(empty, empty, 1))


def test_bad_arguments_are_refused():
    square = np.ones((2, 2), bool)
    with pytest.raises(CxrError, match="unequal shape"):
        hausdorff(square, np.ones((2, 3), bool))
    with pytest.raises(CxrError, match="spacing"):
        hausdorff(square, square, spacing=(0.0, 1.0))
    with pytest.raises(CxrError, match="3 dimensions"):
        hausdorff(np.ones((2, 2, 2), bool), np.ones((2, 2, 2), bool))
    with pytest.raises(CxrError, match="tolerance"):
        nsd(square, square, -1)


@given(PAIRS, SPACINGS)
@settings(deadline=None)
def test_distances_equal_the_slow_search(pair, spacing):
    a, b = pair
    for fast, slow in zip(surface_distances(a, b, spacing), slow_distances(a, b, spacing), strict=True):
        np.testing.assert_allclose(fast, slow, rtol=1e-12)


@given(PAIRS)
@settings(deadline=None)
def test_measures_are_symmetric_ordered_and_zero_on_equality(pair):
    a, b = pair
    for measure in (hausdorff, hd95, asd):
        np.testing.assert_equal(measure(a, b), measure(b, a))
    if a.any():
        assert hausdorff(a, a) == hd95(a, a) == asd(a, a) == 0
        assert nsd(a, a, 0) == 1
    if a.any() and b.any():
        assert hausdorff(a, b) >= hd95(a, b) >= 0
        assert hausdorff(a, b) >= asd(a, b) >= 0
        assert nsd(a, b, hausdorff(a, b)) == 1
