import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cxrfactory.errors import CxrError
from cxrfactory.imaging.radiograph.masked import Closing, cut_out, encode_jpeg, small_square

masks = arrays.arrays(np.uint8, (12, 9), elements=st.integers(0, 1))


@given(masks, arrays.arrays(np.uint8, (12, 9)))
@settings(max_examples=30, deadline=None)
def test_cut_out_is_the_bitwise_and_pixel_by_pixel(mask, image):
    found = cut_out(image, mask * np.uint8(255))
    for row, column in np.ndindex(image.shape):
        assert found[row, column] == (int(image[row, column]) & (255 if mask[row, column] else 0))


@pytest.mark.parametrize("mask", [np.ones((4, 4), np.uint8), np.full((4, 5), 255, np.uint8)])
def test_cut_out_refuses_masks_that_would_lose_bits_or_do_not_fit(mask):
    with pytest.raises(CxrError, match="expected"):
        cut_out(np.full((4, 4), 7, np.uint8), mask)


def slow_closing(mask, radius_offsets):
    """Dilate, then erode: any, then all, of the pixels under the disc that lie in the picture."""

    def pass_over(source, rule):
        out = np.zeros_like(source)
        for row, column in np.ndindex(source.shape):
            seen = [
                source[row + y, column + x]
                for y, x in radius_offsets
                if 0 <= row + y < source.shape[0] and 0 <= column + x < source.shape[1]
            ]
            out[row, column] = rule(seen)
        return out

    return pass_over(pass_over(mask, any), all)


@given(masks, st.sampled_from([1, 3, 5]))
@settings(max_examples=30, deadline=None)
def test_closing_is_any_then_all_under_the_disc(mask, kernel):
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (kernel, kernel))
    offsets = np.argwhere(disc) - kernel // 2
    found = Closing(kernel).apply(mask)
    assert set(np.unique(found)) <= {0, 255}
    np.testing.assert_array_equal(found == 255, slow_closing(mask != 0, offsets))
    assert (found[mask == 1] == 255).all()  # nothing is lost, at the border neither


def test_more_dilations_than_erosions_leave_a_margin():
    mask = np.zeros((15, 15), np.uint8)
    mask[7, 7] = 1
    assert (Closing(3, 2, 1).apply(mask) == 255).sum() == 5  # a cross
    assert not Closing(3, 0, 1).apply(mask).any()


@pytest.mark.parametrize("values", [(4, 1, 1), (0, 1, 1), (3, -1, 1)])
def test_impossible_closings_are_refused(values):
    with pytest.raises(CxrError, match="expected"):
        Closing(*values)


def test_stretched_takes_both_sides_to_the_size_and_padded_keeps_shapes():
    image = np.zeros((100, 50), np.uint8)
    image[:, 25:] = 200
    stretched = small_square(image, 10)
    assert (stretched == np.repeat([[0] * 5 + [200] * 5], 10, axis=0)).all()
    padded = small_square(image, 10, "pad")
    assert (padded[:, 5:7] == 200).all()
    assert not padded[:, :5].any()
    assert not padded[:, 8:].any()


def test_eight_bit_values_stay_and_others_are_scaled():
    grey = np.full((64, 64), 90, np.uint8)
    assert (small_square(grey, 32) == 90).all()
    deep = np.zeros((64, 64), np.uint16)
    deep[32:] = 4000
    assert np.array_equal(small_square(deep, 32), np.where(np.arange(32)[:, None] < 16, 21, 234) + np.zeros(32))


def test_unknown_fit_is_refused():
    with pytest.raises(CxrError, match="'crop'; expected one of stretch, pad"):
        small_square(np.zeros((9, 9), np.uint8), 4, "crop")


def test_jpeg_mask_thresholded_is_the_mask():
    rows, columns = np.mgrid[:224, :224]
    mask = (((rows - 110) / 80) ** 2 + ((columns - 70) / 35) ** 2 < 1).astype(np.uint8) * 255
    data = encode_jpeg(mask, 95)
    back = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert back.shape == (224, 224)
    assert set(np.unique(back)) != {0, 255}  # JPEG blurs, hence the threshold
    np.testing.assert_array_equal(back >= 128, mask == 255)
    assert encode_jpeg(mask, 95) == data
