import numpy as np
import pytest

from cxrfactory.anatomy.graph import ORGAN_NODES
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.overlay import ORGAN_COLOURS, draw_overlay

SQUARE = np.array([[20.0, 10.0], [80.0, 10.0], [80.0, 50.0], [20.0, 50.0]])  # x, y


def test_the_contour_and_only_the_contour_is_coloured():
    image = np.full((60, 120), 77, np.uint8)
    picture = draw_overlay(image, {"heart": SQUARE})
    assert picture.shape == (60, 120, 3)
    changed = (picture != 77).any(axis=-1)
    rows, columns = np.nonzero(changed)
    # Anti-aliasing may tint one more pixel on either side.
    assert np.abs(np.array([rows.min(), rows.max(), columns.min(), columns.max()]) - [10, 50, 20, 80]).max() <= 1
    assert np.abs(picture[10, 40].astype(int) - ORGAN_COLOURS["heart"]).max() <= 40  # red, green, blue
    assert not changed[12:49, 22:79].any()
    assert (image == 77).all()


def test_line_width_grows_with_the_image():
    def width(side):
        points = np.array([[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]) * side
        return (draw_overlay(np.zeros((side, side), np.uint8), {"heart": points})[:, side // 2, 0] > 100).sum() / 2

    assert 1 <= width(200) <= 2
    assert 3 <= width(2000) <= 5


def test_every_organ_has_its_colour():
    assert set(ORGAN_COLOURS) == set(ORGAN_NODES)
    assert len(set(ORGAN_COLOURS.values())) == len(ORGAN_COLOURS)


def test_far_points_do_not_wrap():
    far = np.array([[1e12, 1e12], [1e12 + 5, 1e12], [1e12, 1e12 + 5]])
    assert not draw_overlay(np.zeros((60, 120), np.uint8), {"heart": far}).any()


@pytest.mark.parametrize("contours", [{"spleen": SQUARE}, {"heart": SQUARE * np.nan}])
def test_unknown_organs_and_lost_points_are_refused(contours):
    with pytest.raises(CxrError):
        draw_overlay(np.zeros((60, 120), np.uint8), contours)
