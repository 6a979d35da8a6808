import numpy as np

from cxrfactory.models.anatomy.cleaning import cleaned


def mask_of(*boxes, shape=(40, 60)):
    mask = np.zeros(shape, np.uint8)
    for top, left, bottom, right in boxes:
        mask[top:bottom, left:right] = 1
    return mask


def test_a_single_piece_keeps_its_largest_part_and_others_lose_specks_only():
    whole, half, speck = (2, 2, 22, 22), (2, 40, 12, 50), (35, 35, 37, 37)
    mask = mask_of(whole, half, speck)
    assert np.array_equal(cleaned(mask, single=True), mask_of(whole))
    assert np.array_equal(cleaned(mask, single=False), mask_of(whole, half))


def test_pixels_that_touch_by_a_corner_are_one_piece():
    mask = mask_of((2, 2, 6, 6), (6, 6, 10, 10))
    assert np.array_equal(cleaned(mask, single=True), mask)


def test_holes_of_a_tenth_are_filled_and_larger_ones_stay():
    small, large = mask_of((0, 0, 20, 20)), mask_of((0, 0, 20, 20))
    small[5:10, 5:10] = 0  # 25 of 375
    large[5:12, 5:12] = 0  # 49 of 351
    assert np.array_equal(cleaned(small, single=True), mask_of((0, 0, 20, 20)))
    assert np.array_equal(cleaned(large, single=True), large)


def test_a_bay_at_the_border_is_no_hole():
    mask = mask_of((0, 0, 20, 20))
    mask[0:3, 8:10] = 0
    assert np.array_equal(cleaned(mask, single=True), mask)


def test_an_empty_and_a_full_mask_stay_as_they_are():
    for value in (0, 1):
        mask = np.full((8, 8), value, np.uint8)
        assert np.array_equal(cleaned(mask, single=True), mask)
