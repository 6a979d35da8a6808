import numpy as np
import pytest

from cxrfactory.products.roots.drawing import draw_lines, part_of


@pytest.mark.parametrize("width", [1, 3, 5])
def test_lines_have_the_width_that_is_asked_for(width):
    picture = np.zeros((30, 24), np.uint8)
    draw_lines(picture, [[22.0, 15.0, 22.0, 35.0]], 1, width, origin=(10.0, 10.0))
    assert picture[12].sum() == width
    assert picture[12, 12] == 1
    assert not picture[: 5 - width].any()


def test_a_scaled_picture_holds_the_same_line_smaller():
    picture = np.zeros((20, 20, 3), np.uint8)
    draw_lines(picture, [[20.0, 10.0, 20.0, 30.0]], (1, 2, 3), 1, scale=0.5)
    rows, columns = np.nonzero(picture[..., 0])
    assert set(columns) == {10}
    assert (rows.min(), rows.max()) == (5, 15)
    assert picture[10, 10].tolist() == [1, 2, 3]


def test_roots_with_a_dot_in_their_name_are_laterals():
    assert [part_of(name) for name in ("1", "2", "1.1", "1.12.1")] == ["main_root", "main_root", *["laterals"] * 2]
