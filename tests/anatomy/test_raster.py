import csv
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import fill_contour, landmarks_to_masks
from cxrfactory.errors import CxrError


def slow_distance_and_parity(points, height, width):
    """Return per pixel centre the distance to the nearest edge (px) and the even-odd parity."""
    rows, columns = np.mgrid[:height, :width].astype(float)
    distance = np.full((height, width), np.inf)
    inside = np.zeros((height, width), bool)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        dx, dy = x1 - x0, y1 - y0
        length = dx * dx + dy * dy
        along = 0.0 if length == 0 else np.clip(((columns - x0) * dx + (rows - y0) * dy) / length, 0, 1)
        distance = np.minimum(distance, np.hypot(columns - x0 - along * dx, rows - y0 - along * dy))
        spans = (y0 <= rows) != (y1 <= rows)
        if dy != 0:
            inside ^= spans & (columns < x0 + (rows - y0) / dy * dx)
    return distance, inside


coordinates = st.integers(-20 * 8, 60 * 8).map(lambda eighth: eighth / 8)


@given(st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=12))
@settings(max_examples=250, deadline=None)
def test_follows_the_exact_polygon(points):
    """Crossing, touching and outside points included.

    Tolerances: a vertex is taken at its nearest row (0.5 px off), so an edge and with it the parity is wrong
    only within 0.5 px of the exact edge, plus 0.5 px for rounding a crossing to a column: 1 px. The contour's
    own pixels are drawn between rounded vertices (0.5 px off along both axes), rounded again across the
    line (0.5 px along one): at most hypot(0.5, 0.5) + 0.5 = 1.21 px.
    """
    points = np.array(points)
    mask = fill_contour(points, 31, 43).astype(bool)
    distance, inside = slow_distance_and_parity(points, 31, 43)
    assert mask[inside & (distance > 1.0)].all()
    assert not mask[~inside & (distance > 1.21)].any()


def test_integer_square_by_hand():
    mask = fill_contour(np.array([[2, 1], [6, 1], [6, 4], [2, 4]]), 8, 9)
    expected = np.zeros((8, 9), np.uint8)
    expected[1:5, 2:7] = 1  # border pixels belong to the mask; rows from y, columns from x
    assert mask.dtype == np.uint8
    assert np.array_equal(mask, expected)


def test_subpixel_x_moves_the_border():
    left = fill_contour(np.array([[2.4, 1], [6.4, 1], [6.4, 4], [2.4, 4]]), 8, 9)
    right = fill_contour(np.array([[2.6, 1], [6.6, 1], [6.6, 4], [2.6, 4]]), 8, 9)
    assert np.array_equal(np.roll(left, 1, axis=1), right)


@given(st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), min_size=3, max_size=9))
@settings(max_examples=60, deadline=None)
def test_integer_points_equal_skimage_polygon_and_perimeter(points):
    from skimage.draw import polygon

    points = np.array(points)
    mask = fill_contour(points, 40, 40).astype(bool)
    rows, columns = polygon(points[:, 1], points[:, 0], (40, 40))
    scan = np.zeros((40, 40), bool)
    scan[rows, columns] = True
    distance, _ = slow_distance_and_parity(points, 40, 40)
    assert not (mask ^ scan)[distance > 0.75].any()  # they differ in the contour's own pixels only


def test_absurd_points_neither_crash_nor_wrap():
    mask = fill_contour(np.array([[-1e12, -1e12], [1e12, -1e12], [1e12, 1e12], [-1e12, 1e12]]), 20, 30)
    assert mask.all()
    assert not fill_contour(np.array([[1e9, 1e9], [1e9 + 5, 1e9], [1e9, 1e9 + 5]]), 20, 30).any()


@pytest.mark.parametrize("points", [np.zeros((3, 3)), np.zeros((0, 2)), np.array([[0, 0], [1, np.nan], [2, 2]])])
def test_no_contour_is_refused(points):
    with pytest.raises(CxrError):
        fill_contour(points, 5, 5)


def test_overlapping_organs_stay_whole():
    graph = landmark_graph("lungs-heart")
    angles = {
        organ: np.linspace(0, 2 * np.pi, where.stop - where.start, endpoint=False)
        for organ, where in graph.slices.items()
    }
    circles = {
        organ: np.stack([30 + 5 * place + 12 * np.cos(turn), 40 + 12 * np.sin(turn)], axis=1)
        for place, (organ, turn) in enumerate(angles.items())
    }
    masks = landmarks_to_masks(np.concatenate(list(circles.values())), graph, 80, 60)
    assert list(masks) == ["right_lung", "left_lung", "heart"]
    assert (masks["right_lung"] & masks["heart"]).any()
    for organ, points in circles.items():
        assert np.array_equal(masks[organ], fill_contour(points, 80, 60))


def test_nodes_of_another_graph_are_refused():
    with pytest.raises(CxrError, match=r"\(94, 2\).*\(120, 2\)"):
        landmarks_to_masks(np.zeros((94, 2)), landmark_graph("lungs-heart"), 5, 5)


def decode(rle, height, width):
    mask = np.zeros(height * width, np.uint8)
    numbers = [int(number) for number in rle.split()]
    for start, length in zip(numbers[::2], numbers[1::2], strict=True):
        mask[start - 1 : start - 1 + length] = 1
    return mask.reshape(height, width)


@pytest.mark.parametrize("release", ["CANDID-PTX", "CheXpert", "MIMIC-CXR-JPG"])
def test_published_masks_are_reproduced_pixel_for_pixel(release):
    if "CXRFACTORY_REAL_DATA" not in os.environ:
        pytest.skip("CXRFACTORY_REAL_DATA is not set: the published CheXmask rows are not here")
    path = Path(os.environ["CXRFACTORY_REAL_DATA"]) / "chexmask_gold" / f"{release}.csv"
    csv.field_size_limit(10**9)
    with path.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    graph = landmark_graph("lungs-heart")
    columns = {"right_lung": "Right Lung", "left_lung": "Left Lung", "heart": "Heart"}
    assert len(rows) >= 49
    for row in rows:
        landmarks = np.array(row["Landmarks"].split(","), dtype=float).reshape(-1, 2)
        height, width = int(row["Height"]), int(row["Width"])
        for organ, mask in landmarks_to_masks(landmarks, graph, height, width).items():
            assert np.array_equal(mask, decode(row[columns[organ]], height, width)), (row, organ)
