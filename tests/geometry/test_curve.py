import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrfactory.geometry.curve import deviation, most_tilted, tangents
from tests.geometry.phantoms import arc_corners, turned


def centroids(degrees, count):
    return arc_corners(degrees, count).mean(axis=1)


def cobb(points):
    leans = tangents(points)
    upper, lower = most_tilted(leans)
    return abs(leans[upper] - leans[lower])


@pytest.mark.parametrize("degrees", [-80, -25, 4, 30, 90])
@pytest.mark.parametrize("count", [7, 13, 17])
def test_a_circular_arc_gives_its_angles(degrees, count):
    points = centroids(degrees, count)
    assert cobb(points) == pytest.approx(abs(degrees), abs=0.1)
    assert deviation(points).angle == pytest.approx(abs(degrees) / 2, abs=0.1)
    assert deviation(points).apex == count // 2


def test_an_arc_with_a_missing_vertebra_keeps_its_angle():
    points = np.delete(centroids(60, 17), 5, axis=0)
    assert cobb(points) == pytest.approx(60, abs=0.1)


def test_a_straight_line_has_no_angle():
    points = np.column_stack([np.linspace(3, 9, 10), np.linspace(0, 90, 10)])
    assert deviation(points).angle == pytest.approx(0, abs=1e-9)
    assert cobb(points) == pytest.approx(0, abs=1e-9)


@given(
    offsets=st.lists(st.floats(-30, 30), min_size=6, max_size=17),
    degrees=st.floats(-10, 10),
    scale=st.floats(0.1, 10),
)
def test_rotation_and_scale_change_nothing(offsets, degrees, scale):
    points = np.column_stack([offsets, 70.0 * np.arange(len(offsets))])
    other = scale * turned(points, degrees) + 5
    assert cobb(other) == pytest.approx(cobb(points), abs=1e-6)
    assert deviation(other).angle == pytest.approx(deviation(points).angle, abs=1e-6)


def test_the_apex_is_farthest_from_the_chord():
    points = np.array([[0.0, 0], [1, 1], [5, 2], [4, 3], [0, 4]])
    bend = deviation(points)
    assert bend.apex == 2
    assert bend.offset == 5
    assert bend.angle == pytest.approx(2 * np.degrees(np.arctan2(5, 2)))


def test_smoothing_removes_more_of_noise_than_of_a_curve():
    rng = np.random.default_rng(0)
    points = centroids(40, 17)
    errors = {weight: [] for weight in (0.0, 1.0)}
    for _ in range(50):
        noisy = points + rng.normal(0, 3, points.shape)
        for weight, found in errors.items():
            found.append(np.abs(tangents(noisy, weight) - tangents(points, weight)).mean())
    assert np.mean(errors[1.0]) < 0.7 * np.mean(errors[0.0])
