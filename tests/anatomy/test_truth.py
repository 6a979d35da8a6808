import numpy as np
import pytest

from cxrfactory.anatomy.truth import TrueMask, true_masks

SIZE = 8
SQUARE = np.array([(1.0, 1.0), (1.0, 4.0), (4.0, 4.0), (4.0, 1.0)])


def box(top, bottom, left, right, value=255):
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[top:bottom, left:right] = value
    return mask


def test_a_drawn_mask_comes_before_a_contour():
    drawn = {"left_lung": TrueMask.of_drawn(box(0, 2, 0, 2))}
    names = {"left_lung": "left_lung", "heart": "heart", "airways": "airways"}
    truth = true_masks(names, drawn.get, {"left_lung": SQUARE, "heart": SQUARE, "aorta": SQUARE}, SIZE)
    assert list(truth) == ["left_lung", "heart"]
    assert truth["left_lung"].mask.sum() == 4
    np.testing.assert_array_equal(truth["heart"].mask, box(1, 5, 1, 5) > 0)
    assert truth["heart"].valid.all()


def test_an_empty_drawn_mask_says_absent_and_a_contour_with_gaps_says_nothing():
    gaps = SQUARE.copy()
    gaps[2] = np.nan
    empty = TrueMask.of_drawn(np.zeros((SIZE, SIZE), np.uint8))
    truth = true_masks({"heart": "h", "airways": "a"}, {"airways": empty}.get, {"heart": gaps, "airways": SQUARE}, SIZE)
    assert list(truth) == ["a"]
    assert not truth["a"].mask.any()
    assert truth["a"].valid.all()


def test_names_of_regions_become_names_of_organs_in_their_order():
    names = {"left_whole_lung": "left_lung", "heart": "heart"}
    assert list(true_masks(names, lambda region: None, {"heart": SQUARE, "left_whole_lung": SQUARE}, SIZE)) == [
        "left_lung",
        "heart",
    ]


@pytest.mark.parametrize("kind", [np.uint8, bool])
def test_unknown_pixels_are_background_of_both_masks(kind):
    drawn = box(0, 4, 0, 4)
    drawn[2:4, :4] = 127
    truth = TrueMask.of_drawn(drawn)
    found, mask = truth.compared_with(box(0, 3, 0, 8, 1).astype(kind))
    assert (found.sum(), mask.sum()) == (16 + 4, 8)  # of the third row, half is known
    both = truth | TrueMask.known(box(4, 5, 0, 8) > 0)
    assert both.mask.sum() == 8 + 8
    np.testing.assert_array_equal(both.valid, truth.valid)
