import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.errors import CxrError
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.imaging.turns import ORIENTATIONS, displayed, stored
from cxrfactory.tables.schemas import GEOMETRY_FIELDS


@st.composite
def geometries(draw, longest=90):
    height, width = draw(st.integers(1, longest)), draw(st.integers(1, longest))
    crop_height, crop_width = draw(st.integers(1, height)), draw(st.integers(1, width))
    top = draw(st.integers(0, height - crop_height))
    left = draw(st.integers(0, width - crop_width))
    size, orientation = draw(st.integers(1, 70)), draw(st.integers(1, 8))
    return Geometry(height, width, top, left, crop_height, crop_width, size, orientation)


@given(geometries(longest=5000), st.lists(st.tuples(*[st.floats(-6000, 6000)] * 2), min_size=1, max_size=9))
def test_points_come_back(geometry, points):
    points = np.array(points)
    assert np.abs(geometry.inverse_points(geometry.forward_points(points)) - points).max() < 1e-9


def test_points_of_a_wide_image_by_hand():
    # 10 rows x 40 columns, crop of 8 x 32 at row 1, column 4; square of 32, padded 12 above; halved.
    geometry = Geometry(10, 40, 1, 4, 8, 32, 16)
    assert (geometry.pad_top, geometry.pad_left, geometry.side) == (12, 0, 32)
    # The crop's first pixel centre (4, 1) is (0, 12) in the square.
    assert geometry.forward_points(np.array([[4.0, 1.0]])).tolist() == [[-0.25, 5.75]]


def test_odd_spare_pixel_goes_below_and_right():
    tall = Geometry.whole(5, 2, 5)
    assert (tall.pad_top, tall.pad_left) == (0, 1)
    assert np.argwhere(tall.forward_image(np.full((5, 2), 9, np.uint8)).any(axis=0)).ravel().tolist() == [
        1,
        2,
    ]
    wide = Geometry.whole(2, 5, 5)
    assert np.argwhere(wide.forward_image(np.full((2, 5), 9, np.uint8)).any(axis=1)).ravel().tolist() == [
        1,
        2,
    ]


@given(geometries())
@settings(max_examples=60, deadline=None)
def test_shapes_are_never_exchanged(geometry):
    image = np.full((geometry.original_height, geometry.original_width), 200, np.uint8)
    forward = geometry.forward_image(image)
    assert forward.shape == (geometry.size, geometry.size)
    assert geometry.inverse_mask(forward).shape == image.shape
    if geometry.original_height != geometry.original_width:
        with pytest.raises(CxrError):
            geometry.forward_image(image.T)


@given(geometries(), st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_mask_without_resizing_round_trips(geometry, seed):
    same = Geometry.from_row(geometry.as_row() | {"size": geometry.side})
    mask = np.random.default_rng(seed).integers(0, 256, (same.original_height, same.original_width), dtype=np.uint8)
    rows = slice(same.crop_top, same.crop_top + same.crop_height)
    columns = slice(same.crop_left, same.crop_left + same.crop_width)
    expected = np.zeros_like(mask)
    expected[rows, columns] = mask[rows, columns]
    assert np.array_equal(same.inverse_mask(same.forward_image(mask)), expected)


@given(geometries(longest=40), st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_inverse_mask_equals_slow_reference(geometry, seed):
    mask = np.random.default_rng(seed).integers(0, 256, (geometry.size, geometry.size), dtype=np.uint8)
    fast = geometry.inverse_mask(mask)
    for row in range(geometry.original_height):
        for column in range(geometry.original_width):
            inside = (
                0 <= row - geometry.crop_top < geometry.crop_height
                and 0 <= column - geometry.crop_left < geometry.crop_width
            )
            if not inside:
                assert fast[row, column] == 0
                continue
            x, y = geometry.forward_points(np.array([column, row], dtype=float))
            if min(abs(x % 1 - 0.5), abs(y % 1 - 0.5)) < 1e-6:
                continue  # on the border between two pixels: either is right
            assert fast[row, column] == mask[int(np.floor(y + 0.5)), int(np.floor(x + 0.5))]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("height", "width", "size"), [(301, 173, 128), (173, 301, 128), (61, 97, 256), (97, 61, 256)])
def test_image_and_points_move_alike(height, width, size, orientation):
    """The centroid of a blob, moved as image, is the moved centroid."""
    rows, columns = np.mgrid[:height, :width]
    centre = np.array([width * 0.41, height * 0.57])
    blob = np.exp(-((columns - centre[0]) ** 2 + (rows - centre[1]) ** 2) / (2 * 6.0**2)).astype(np.float32)
    geometry = Geometry(height, width, 3, 5, height - 7, width - 8, size, orientation)
    moved = geometry.forward_image(blob).astype(np.float64)
    rows, columns = np.mgrid[:size, :size]
    centroid = np.array([(moved * columns).sum(), (moved * rows).sum()]) / moved.sum()
    assert np.abs(centroid - geometry.forward_points(centre)).max() < 0.02


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_turned_film_is_prepared_as_the_usual_one(orientation):
    """The usual film's crop of 50 x 30 at row 5, column 8 lies elsewhere in the stored film."""
    film = np.random.default_rng(1).integers(0, 256, (70, 60), dtype=np.uint8)
    usual = Geometry(70, 60, 5, 8, 50, 30, 32).forward_image(film)
    here = np.argwhere(stored(np.pad(np.ones((50, 30), bool), ((5, 15), (8, 22))), orientation))
    (top, left), (bottom, right) = here.min(axis=0), here.max(axis=0) + 1
    given = np.ascontiguousarray(stored(film, orientation))
    geometry = Geometry(
        *given.shape, *map(int, (top, left, bottom - top, right - left)), 32, ORIENTATIONS.index(orientation) + 1
    )
    assert np.array_equal(geometry.forward_image(given), usual)
    assert np.array_equal(displayed(given, orientation), film)


def test_spread_exchanges_axes_with_the_image():
    spread = np.array([[1, 2]], np.float32)
    assert Geometry(10, 40, 1, 4, 8, 32, 16, 3).inverse_spread(spread).tolist() == [[2, 4]]
    assert Geometry(10, 40, 1, 4, 8, 32, 16, 6).inverse_spread(spread).tolist() == [[4, 2]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_row_round_trip_and_schema(orientation):
    geometry = Geometry(10, 40, 1, 4, 8, 32, 16, orientation)
    assert list(geometry.as_row()) == [field.name for field in GEOMETRY_FIELDS]
    frame = pd.DataFrame([geometry.as_row() | {"image_id": "a"}])
    assert Geometry.from_row(frame.iloc[0]) == geometry
    assert isinstance(Geometry.from_row(frame.iloc[0]).size, int)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"original_height": 0}, "original_height"),
        ({"crop_top": -1}, "crop_top"),
        ({"crop_top": 3}, "leaves the image"),
        ({"crop_width": 41}, "leaves the image"),
        ({"size": 16.5}, "size"),
        ({"orientation": 9}, "orientation"),
        ({"orientation": 1.5}, "orientation"),
    ],
)
def test_impossible_records_are_refused(change, message):
    with pytest.raises(CxrError, match=message):
        Geometry.from_row(Geometry(10, 40, 1, 4, 8, 32, 16).as_row() | change)


def test_missing_column_is_named():
    with pytest.raises(CxrError, match="crop_left"):
        Geometry.from_row({"size": 3})
