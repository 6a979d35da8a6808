import numpy as np

from cxrfactory.models.anatomy.places import is_usual, place_of, usual_place


def box(top, left, bottom, right):
    mask = np.zeros((40, 40), bool)
    mask[top:bottom, left:right] = True
    return mask


def test_the_place_is_relative_to_the_box_around_the_lungs():
    lungs = box(10, 10, 30, 30)
    assert place_of(box(10, 10, 30, 30), lungs) == (0.5, 0.5, 1.0)
    assert place_of(box(10, 10, 12, 12), lungs) == (0.05, 0.05, 0.01)
    assert place_of(box(30, 20, 34, 30), lungs) == (0.75, 1.1, 0.1)
    assert place_of(lungs & False, lungs) is None
    assert place_of(lungs, lungs & False) is None


def test_a_usual_place_has_a_margin_in_position_and_a_factor_in_area():
    usual = usual_place([(0.5, 0.4, 0.1), (0.6, 0.4, 0.2)])
    assert usual == [0.35, 0.75, 0.25, 0.55, 0.05, 0.4]
    assert is_usual((0.36, 0.54, 0.39), usual)
    assert not is_usual((0.34, 0.4, 0.1), usual)
    assert not is_usual((0.5, 0.56, 0.1), usual)
    assert not is_usual((0.5, 0.4, 0.41), usual)
    assert is_usual(None, usual)
