import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.metrics.cardiothoracic import cardiothoracic_ratio


def masks():
    lungs, heart = np.zeros((40, 60), np.uint8), np.zeros((40, 60), np.uint8)
    lungs[5:30, 5:20] = 1
    lungs[5:30, 35:45] = 255
    heart[20:30, 20:36] = 1
    return lungs, heart


def test_widths_count_columns():
    assert cardiothoracic_ratio(*masks()) == 16 / 40


def test_ends_need_not_lie_in_one_row():
    lungs, heart = masks()
    heart[10, 18] = heart[35, 40] = 1
    lungs[39, 2] = 1
    assert cardiothoracic_ratio(lungs, heart) == 23 / 43


def test_a_scale_does_not_matter():
    lungs, heart = (np.kron(each, np.ones((3, 3), np.uint8)) for each in masks())
    assert cardiothoracic_ratio(lungs, heart) == 16 / 40


def test_an_empty_mask_has_no_ratio():
    lungs, heart = masks()
    assert np.isnan(cardiothoracic_ratio(lungs, np.zeros_like(heart)))
    assert np.isnan(cardiothoracic_ratio(np.zeros_like(lungs), heart))


def test_unequal_shapes_are_refused():
    with pytest.raises(CxrError, match="unequal shape"):
        cardiothoracic_ratio(np.zeros((3, 3)), np.zeros((3, 4)))
