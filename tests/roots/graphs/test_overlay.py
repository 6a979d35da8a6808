import cv2
import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.roots.graphs.overlay import (
    LATERAL_COLOUR,
    MAIN_COLOUR,
    NODE_COLOUR,
    Canvas,
    Drawing,
    drawn_over,
    fitted,
    jpeg,
    plate_sheet,
    times_of,
    with_words,
)


def test_a_plate_is_reduced_to_the_side_and_never_enlarged():
    assert (Canvas.of(3000, 1500, 1000).height, Canvas.of(3000, 1500, 1000).width) == (1000, 500)
    assert (Canvas.of(300, 200, 1000).height, Canvas.of(300, 200, 1000).width) == (300, 200)


def test_points_lie_on_the_pixels_that_hold_them_after_reduction():
    canvas = Canvas.of(400, 800, 200)
    picture = np.zeros((400, 800), np.uint8)
    picture[100:104, 400:404] = 255
    small = fitted(picture, canvas, (400, 800))
    assert small.shape == (100, 200)
    assert np.argwhere(small == 255).tolist() == [[25, 100]]
    np.testing.assert_allclose(canvas.placed(np.array([[401.5, 101.5]])), [[100, 25]])


def test_a_shifted_picture_comes_to_lie_over_the_first_one():
    canvas = Canvas.of(40, 60, 1000)
    first = np.random.default_rng(0).integers(0, 255, (40, 60), np.uint8)
    later = np.zeros_like(first)
    later[:-4, 3:] = first[4:, :-3]
    moved = fitted(later, canvas, (40, 60), (-3.0, 4.0))
    np.testing.assert_array_equal(moved[4:, :-3], first[4:, :-3])
    assert not moved[:4].any()


def test_a_picture_that_was_reduced_before_lies_at_the_same_place():
    canvas = Canvas.of(400, 800, 200)
    picture = np.kron(np.random.default_rng(0).integers(0, 255, (100, 200)), np.ones((4, 4))).astype(np.uint8)
    np.testing.assert_array_equal(
        fitted(picture, canvas, (400, 800)), fitted(picture[::2, ::2].copy(), canvas, (400, 800))
    )


def test_roots_and_nodes_have_their_colours():
    lines = [np.array([[10.0, 5.0], [10.0, 55.0]]), np.array([[10.0, 30.0], [50.0, 30.0]])]
    drawing = Drawing(lines, [False, True], np.array([[10.0, 30.0]]))
    rgb = drawn_over(np.full((60, 60), 90, np.uint8), drawing)
    np.testing.assert_allclose(rgb[15, 10], MAIN_COLOUR, atol=25)  # lines are smoothed at their borders
    np.testing.assert_allclose(rgb[30, 40], LATERAL_COLOUR, atol=25)
    assert tuple(rgb[30, 10]) == NODE_COLOUR
    assert tuple(rgb[50, 50]) == (90, 90, 90)


def test_thinning_keeps_both_ends_and_the_shape():
    canvas = Canvas.of(4000, 4000, 1000)
    points = np.column_stack([np.arange(0.0, 1001.0), np.arange(0.0, 1001.0)])
    thin = canvas.thinned(points)
    assert len(thin) == 251
    np.testing.assert_allclose(thin[[0, -1]], canvas.placed(points[[0, -1]]))
    assert len(canvas.thinned(points[:2])) == 2


def test_times_of_a_sheet_are_spread_and_hold_both_ends():
    assert times_of(list(range(0, 100))) == [0, 20, 40, 59, 79, 99]
    assert times_of([3, 5]) == [3, 5]
    assert times_of([3]) == [3]


def test_a_sheet_is_a_jpeg_with_three_pictures_in_a_row():
    tiles = [with_words(np.full((40, 60, 3), 10 * number, np.uint8), "plate") for number in range(5)]
    data = plate_sheet(tiles)
    assert data == plate_sheet(tiles)
    height, width = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    assert (height, width) == (2 * tiles[0].shape[0], 180)
    with pytest.raises(CxrError):
        plate_sheet([])


def test_a_jpeg_keeps_the_order_of_the_colours():
    data = jpeg(np.full((16, 16, 3), (200, 30, 60), np.uint8))
    blue, green, red = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[8, 8].tolist()
    assert (abs(red - 200) < 6, abs(green - 30) < 6, abs(blue - 60) < 6) == (True, True, True)


@pytest.mark.parametrize("seed", [(30.0, 30.0), (2.0, 2.0), (58.0, 3.0)])
def test_the_name_of_a_plant_stands_beside_its_seed(seed):
    grey = np.full((60, 60), 90, np.uint8)
    bare = drawn_over(grey, Drawing([], [], np.zeros((0, 2))))
    rgb = drawn_over(grey, Drawing([], [], np.zeros((0, 2)), [("7", seed)]))
    rows, columns = np.nonzero((rgb != bare).any(axis=2))
    assert len(rows) > 40
    assert np.hypot(columns.mean() - seed[0], rows.mean() - seed[1]) < 20
