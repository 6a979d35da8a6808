import numpy as np
import pytest

from cxrfactory.anatomy.organ_masks import main_part, split_lungs
from cxrfactory.errors import ImageError


def block(*boxes, shape=(200, 200)):
    mask = np.zeros(shape, np.uint8)
    for top, bottom, left, right in boxes:
        mask[top:bottom, left:right] = 1
    return mask


def test_one_piece_stays_as_it_is():
    mask = block((20, 120, 30, 90))
    np.testing.assert_array_equal(main_part("heart", mask * 7), mask)


def test_specks_are_dropped():
    mask = block((20, 120, 30, 90))
    np.testing.assert_array_equal(main_part("heart", mask | block((150, 160, 150, 160))), mask)


def test_near_pieces_are_joined_and_borders_elsewhere_kept():
    pieces = block((20, 80, 30, 90), (83, 140, 30, 90))
    joined = main_part("right_lung", pieces)
    assert (joined >= pieces).all()
    added = joined - pieces
    rows, columns = np.nonzero(added)
    assert added.any()
    assert rows.min() >= 80
    assert rows.max() < 83
    assert columns.min() >= 30
    assert columns.max() < 90


def test_a_piece_at_the_border_gets_no_border():
    pieces = block((0, 80, 0, 60), (83, 140, 0, 60))
    added = main_part("right_lung", pieces) - pieces
    assert np.nonzero(added)[0].min() >= 80


def test_far_pieces_are_an_error_where_none_is_the_organ():
    with pytest.raises(ImageError, match="right_lung mask is in 2 pieces, the largest holds 50%"):
        main_part("right_lung", block((10, 50, 10, 50), (150, 190, 150, 190)))


def test_a_far_smaller_piece_is_dropped():
    mask = block((10, 90, 10, 90))
    np.testing.assert_array_equal(main_part("heart", mask | block((150, 180, 150, 180))), mask)


def test_small_masks_are_errors():
    for mask in (np.zeros((9, 9), np.uint8), block((3, 6, 3, 6))):
        with pytest.raises(ImageError, match="heart mask covers"):
            main_part("heart", mask)
    with pytest.raises(ImageError, match="3 dimensions"):
        main_part("heart", np.zeros((9, 9, 3), np.uint8))


def test_lungs_apart():
    right, left = block((20, 120, 20, 80)), block((30, 120, 110, 170))
    found = split_lungs((right | left) * 255)
    np.testing.assert_array_equal(found[0], right)
    np.testing.assert_array_equal(found[1], left)


def test_lungs_that_touch_are_cut_at_the_bridge():
    both = block((20, 120, 20, 90), (60, 64, 90, 100), (30, 120, 100, 170))
    right, left = split_lungs(both)
    assert not (right & left).any()
    np.testing.assert_array_equal(right | left, both)
    assert right[:, 101:].sum() == 0
    assert left[:, :90].sum() == 0


def test_a_lung_in_pieces_goes_to_its_side():
    both = block((20, 80, 20, 80), (85, 100, 20, 80), (30, 120, 110, 170))
    right, left = split_lungs(both)
    assert right[90, 50] == 1
    assert left[90, 50] == 0


def test_one_lung_is_an_error():
    with pytest.raises(ImageError, match="one connected part"):
        split_lungs(block((20, 120, 20, 80)))
    with pytest.raises(ImageError, match="one above the other"):
        split_lungs(block((10, 80, 20, 120), (110, 190, 20, 120)))
    with pytest.raises(ImageError, match="covers 0 pixels"):
        split_lungs(np.zeros((50, 50), np.uint8))
