"""Stored pictures: stretch, counts, and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxrfactory.errors import CxrError
from cxrfactory.projection.grey import from_16bit, to_8bit, to_16bit


def test_the_stretch_runs_from_black_to_white():
    np.testing.assert_array_equal(to_8bit(np.array([[0.0, 1.0, 2.0, 4.0]])), [[0, 64, 128, 255]])
    np.testing.assert_array_equal(to_8bit(np.array([[3.0, 1.0]], np.float32)), [[255, 0]])


def test_a_constant_picture_is_black():
    assert not to_8bit(np.full((2, 3), 7.5)).any()


def test_counts_and_saturation():
    counts, saturated = to_16bit(np.array([[0, 1, 15.5, 15.9998, 16, 20]], np.float32))
    assert counts.tolist() == [[0, 4096, 63488, 65535, 65535, 65535]]
    assert counts.dtype == np.uint16
    assert saturated == 2  # 15.9998 is 65535 counts by itself


@given(arrays(np.float32, (3, 4), elements=st.floats(0, 15.75, width=32)), st.sampled_from([1000, 4096]))
def test_counts_give_the_path_integral_back_to_half_a_count(path, per_unit):
    counts, saturated = to_16bit(path, per_unit)
    assert saturated == 0
    np.testing.assert_allclose(from_16bit(counts, per_unit), path, atol=0.5 / per_unit + 1e-6)


def test_faults_are_named():
    for bad in (-0.5, np.nan):
        with pytest.raises(CxrError, match="expected finite values, at least 0"):
            to_16bit(np.array([[bad]]))
    with pytest.raises(CxrError, match="expected a positive number"):
        to_16bit(np.zeros((1, 1)), 0)
    with pytest.raises(CxrError, match="expected finite ones"):
        to_8bit(np.array([[np.inf, 0]]))
