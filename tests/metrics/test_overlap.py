import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from cxrfactory.errors import CxrError
from cxrfactory.metrics.overlap import dice, jaccard

PAIRS = array_shapes(min_dims=2, max_dims=2, max_side=9).flatmap(
    lambda shape: st.tuples(arrays(bool, shape), arrays(bool, shape))
)


def slow_dice(a, b):
    both = sum(1 for x, y in zip(a.flat, b.flat, strict=True) if x and y)
    total = sum(map(bool, a.flat)) + sum(map(bool, b.flat))
    return 2 * both / total if total else float("nan")


def test_dice_of_half_overlapping_bars_is_one_half():
    a = np.array([[1, 1, 0, 0]])
    b = np.array([[0, 1, 1, 0]])
    assert dice(a, b) == 0.5
    assert jaccard(a, b) == 1 / 3


def test_values_255_count_as_one_pixel():
    a = np.array([[255, 255, 0]], dtype=np.uint8)
    assert dice(a, np.array([[1, 1, 1]], dtype=np.uint8)) == 0.8


def test_one_empty_mask_gives_zero_and_two_give_nan():
    empty, full = np.zeros((3, 4), bool), np.ones((3, 4), bool)
    assert dice(empty, full) == 0
    assert jaccard(full, empty) == 0
    assert np.isnan(dice(empty, empty))
    assert np.isnan(jaccard(empty, empty))


def test_unequal_shapes_are_named():
    with pytest.raises(CxrError, match=r"\(2, 3\) and \(3, 2\)"):
        dice(np.zeros((2, 3)), np.zeros((3, 2)))


@given(PAIRS)
def test_dice_equals_the_slow_count_is_symmetric_and_follows_jaccard(pair):
    a, b = pair
    np.testing.assert_equal(dice(a, b), slow_dice(a, b))
    np.testing.assert_equal(dice(a, b), dice(b, a))
    index = jaccard(a, b)
    np.testing.assert_allclose(dice(a, b), 2 * index / (1 + index))
