import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.anatomy.contour_features import (
    SAMPLES,
    context_distance,
    even_places,
    features,
    outer_contour,
    signed_area,
)
from cxrfactory.errors import ImageError


def disc(radius=60, centre=(100, 110), shape=(220, 220)):
    mask = np.zeros(shape, np.uint8)
    cv2.circle(mask, centre, radius, 1, -1)
    return mask


@pytest.mark.parametrize(("organ", "sign"), [("right_lung", -1), ("left_lung", 1), ("heart", 1)])
def test_running_sense(organ, sign):
    contour = outer_contour(organ, disc())
    assert np.sign(signed_area(contour.points)) == sign
    assert contour.size == pytest.approx(np.sqrt(np.pi) * 60, rel=0.02)


def test_samples_stand_at_even_arc_length():
    points = outer_contour("heart", disc()).points
    steps = np.hypot(*(np.roll(points, -1, axis=0) - points).T)
    assert steps.std() < 0.01 * steps.mean()
    assert len(points) == SAMPLES


def test_places_of_a_square_are_exact():
    square = np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]])
    np.testing.assert_allclose(even_places(square, 8), np.arange(8) / 2)


@given(st.lists(st.floats(-600, 600), min_size=1, max_size=20))
@settings(max_examples=25, deadline=None)
def test_located_points_lie_on_the_border(places):
    contour = outer_contour("heart", disc())
    points = contour.locate(np.array(places))
    away = np.hypot(*(points[:, None] - contour.chain).transpose(2, 0, 1)).min(axis=1)
    assert away.max() <= 0.75
    np.testing.assert_allclose(contour.locate(np.array(places) + SAMPLES), points, atol=1e-6)


def test_a_sample_is_located_where_it_stands():
    contour = outer_contour("left_lung", disc())
    away = np.hypot(*(contour.locate(np.arange(SAMPLES)) - contour.points).T)
    assert away.max() < 1.0


def test_holes_do_not_count():
    holed = disc() * (1 - disc(20))
    np.testing.assert_array_equal(outer_contour("heart", holed).chain, outer_contour("heart", disc()).chain)


def test_features_are_free_of_place_and_size():
    angle = np.linspace(0, 2 * np.pi, SAMPLES, endpoint=False)
    points = np.stack([30 * np.cos(angle), 50 * np.sin(angle)], axis=1)
    distance = 3 * np.sin(angle)
    np.testing.assert_allclose(features(points, distance), features(points * 7 + (300, -20), distance * 7), atol=1e-9)


def test_features_of_a_circle():
    angle = np.linspace(0, 2 * np.pi, SAMPLES, endpoint=False)
    circle = np.stack([10 * np.cos(angle), 10 * np.sin(angle)], axis=1)
    seen = features(circle, np.full(SAMPLES, np.nan))
    np.testing.assert_allclose(np.hypot(seen[:, 0], seen[:, 1]), 1 / np.sqrt(np.pi), rtol=1e-3)
    np.testing.assert_allclose(np.hypot(seen[:, 2], seen[:, 3]), 1)
    np.testing.assert_allclose(seen[:, 4], 2 * 3 / SAMPLES)  # chords of 3 samples turn by 3 samples' angle
    np.testing.assert_allclose(seen[:, 5], 2 * 10 / SAMPLES)
    assert not seen[:, 6:].any()


def test_features_of_a_batch_are_those_of_each():
    rng = np.random.default_rng(0)
    points, distance = rng.normal(size=(3, SAMPLES, 2)) + 5, rng.normal(size=(3, SAMPLES))
    together = features(points, distance)
    for row in range(3):
        np.testing.assert_allclose(together[row], features(points[row], distance[row]))


def test_distance_to_the_neighbour():
    mask = np.zeros((50, 50), np.uint8)
    mask[:, 30:] = 1
    points = np.array([[20.0, 25], [40, 25], [29, 10]])
    np.testing.assert_allclose(context_distance(points, mask), [10, -11, 1], atol=0.1)
    assert np.isnan(context_distance(points, None)).all()
    assert np.isnan(context_distance(points, mask * 0)).all()


def test_a_far_neighbour_is_far():
    mask = np.zeros((500, 500), np.uint8)
    mask[:, 480:] = 1
    points = np.array([[20.0, 25], [60, 25], [40, 65]])
    np.testing.assert_array_equal(context_distance(points, mask), 40)
    near = np.add(points, (400, 0))
    np.testing.assert_allclose(context_distance(near, mask), [60, 20, 40], atol=0.1)


def test_errors_are_one_line():
    with pytest.raises(ImageError, match="heart mask is empty"):
        outer_contour("heart", np.zeros((9, 9), np.uint8))
    with pytest.raises(ImageError, match="border pixels"):
        outer_contour("heart", np.eye(3, dtype=np.uint8))
