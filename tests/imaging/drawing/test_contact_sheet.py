import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.contact_sheet import (
    LINE_PX,
    organ_key,
    overlay_tile,
    plain,
    sheet,
    shortened,
    text_strip,
)
from cxrfactory.imaging.drawing.overlay import ORGAN_COLOURS

SQUARE = np.array([[15.5, 15.5], [47.5, 15.5], [47.5, 47.5], [15.5, 47.5]])


def test_contours_stand_where_they_stood_after_scaling():
    # The square's sides lie between the pixels 15 | 16 and 47 | 48 of 64, so between 7 | 8 and 23 | 24 of 32.
    tile = overlay_tile(np.zeros((64, 64), np.uint8), {"heart": SQUARE}, 32).astype(int)
    assert tile.shape == (32, 32, 3)
    red = tile[16, :, 0]
    assert red[7] + red[8] > 60
    assert red[23] + red[24] > 60
    assert red[[0, 1, 2, 3, 4, 5, 11, 16, 20, 27, 31]].sum() == 0
    np.testing.assert_array_equal(tile[:, 16, 0] > 0, red > 0)
    assert (tile[..., 0] * ORGAN_COLOURS["heart"][1] >= tile[..., 2]).all()


def test_image_is_shown_and_not_changed():
    image = np.full((40, 40), 90, np.uint8)
    assert (overlay_tile(image, {}, 20) == 90).all()
    overlay_tile(image, {"heart": SQUARE / 2}, 20)
    assert (image == 90).all()


def test_tiles_stand_row_by_row_and_the_rest_is_black():
    tiles = [np.full((2, 3, 3), value, np.uint8) for value in (1, 2, 3, 4, 5)]
    made = sheet(tiles, 3)
    assert made[::2, ::3, 0].tolist() == [[1, 2, 3], [4, 5, 0]]
    assert made.shape == (4, 9, 3)


def test_tiles_of_two_shapes_or_none_are_refused():
    with pytest.raises(CxrError, match="2 tiles of shapes"):
        sheet([np.zeros((2, 2, 3), np.uint8), np.zeros((2, 3, 3), np.uint8)], 2)
    with pytest.raises(CxrError, match="0 tiles"):
        sheet([], 2)


def test_text_stays_inside_and_colours_are_those_given():
    short, long = (text_strip([plain("Dice 0.7" * times)], 120) for times in (1, 30))
    assert short.shape == long.shape == (LINE_PX + 6, 120, 3)
    for strip in (short, long):
        assert strip.any()
        assert not strip[:, :4].any()
        assert not strip[:, -4:].any()
    blue = text_strip([organ_key(["right_lung"])], 200)
    assert blue[..., 2].max() > blue[..., 0].max() > 0  # sky blue
    assert not text_strip([], 50).any()


def test_pieces_of_a_line_do_not_cover_each_other():
    both = text_strip([[("lungs ", (255, 0, 0)), ("heart", (0, 255, 0))]], 200)
    columns = [np.flatnonzero(both[..., channel].any(axis=0)) for channel in (0, 1)]
    assert columns[0].max() < columns[1].min()


def test_signs_outside_ascii_are_question_marks():
    np.testing.assert_array_equal(text_strip([plain("a\u00e9\nb")], 100), text_strip([plain("a??b")], 100))


def test_long_ids_lose_their_middle():
    assert shortened("p10/study/view1_frontal.jpg", 15) == "p10/st...al.jpg"
    assert shortened("abcdefgh", 8) == "abcdefgh"


@settings(deadline=None)
@given(st.text(max_size=40), st.integers(5, 30))
def test_shortened_is_never_longer_and_keeps_both_ends(text, longest):
    made = shortened(text, longest)
    assert len(made) <= max(longest, 0)
    assert made == text or (made[0] == text[0] and made[-1] == text[-1] and len(made) == longest)
