import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxrfactory.errors import CxrError
from cxrfactory.metrics.overlap import dice
from cxrfactory.metrics.precision import precision, recall


def test_exact_values():
    found, truth = np.array([[1, 1, 1, 1, 0]]), np.array([[0, 0, 0, 1, 1]])
    assert precision(found, truth) == 0.25
    assert recall(found, truth) == 0.5


def test_one_empty_mask_gives_zero_and_two_give_nan():
    empty, full = np.zeros((3, 4), bool), np.ones((3, 4), bool)
    for measure in (precision, recall):
        assert measure(empty, full) == 0
        assert measure(full, empty) == 0
        assert np.isnan(measure(empty, empty))


def test_unequal_shapes_are_named():
    with pytest.raises(CxrError, match=r"\(2, 3\) and \(3, 2\)"):
        precision(np.zeros((2, 3)), np.zeros((3, 2)))


@given(st.tuples(arrays(bool, (4, 5)), arrays(bool, (4, 5))))
def test_dice_is_the_harmonic_mean_of_both(pair):
    a, b = pair
    shares = precision(a, b), recall(a, b)
    harmonic = 2 * shares[0] * shares[1] / sum(shares) if sum(shares) > 0 else sum(shares)
    np.testing.assert_allclose(dice(a, b), harmonic)
    np.testing.assert_equal(precision(a, b), recall(b, a))
