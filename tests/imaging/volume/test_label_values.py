"""Label values made whole, unsigned and small."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrfactory.errors import ImageError
from cxrfactory.imaging.volume.files import StoredVolume
from cxrfactory.imaging.volume.label_values import as_binary, present_values, whole_labels


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=20), st.sampled_from([np.uint16, np.int32, np.float32]))
def test_whole_labels_and_present_values(values, dtype):
    array = np.array(values).reshape(1, 1, -1).astype(dtype)
    small, largest = whole_labels(StoredVolume(array, None))
    np.testing.assert_array_equal(small, array)
    assert largest == max(values)
    assert small.dtype == (np.uint8 if max(values) < 256 else np.uint16)
    assert present_values(small) == tuple(sorted(set(values) - {0}))


@given(st.lists(st.sampled_from([0, 255]), min_size=1, max_size=9), st.sampled_from([1, 200, 300]))
def test_binary_is_where_it_is_not_zero(values, other):
    array = np.where(np.array(values).reshape(1, -1, 1) > 0, other, 0).astype(np.uint16)
    expected = array > 0
    np.testing.assert_array_equal(as_binary(array, int(array.max())), expected)


def test_a_third_value_is_refused():
    with pytest.raises(ImageError, match="several values; expected 0 and one other"):
        as_binary(np.array([[[0, 1, 2]]], np.uint8), 2)


@pytest.mark.parametrize("number", [0.4, 1e12, np.inf, np.nan])
def test_what_is_not_whole_is_refused(number):
    with pytest.raises(ImageError, match="expected whole numbers"):
        whole_labels(StoredVolume(np.full((2, 2, 2), number), None))
