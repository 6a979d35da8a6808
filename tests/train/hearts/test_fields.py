import numpy as np
import pytest

from cxrfactory.models.hybridvnet.frame import Frame
from cxrfactory.train.hearts.fields import TrueField
from tests.models.hybridvnet.eggs import rotation

CENTRE, SIDE_MM = np.array([10.0, -20.0, 30.0]), 144.0
GRID = (6, 12, 12)


@pytest.fixture
def ball():
    """Nodes of a sphere of 30 mm about the middle of the frame, relative to it."""
    directions = np.random.default_rng(0).standard_normal((2_000, 3))
    return 0.5 + 30 / SIDE_MM * directions / np.linalg.norm(directions, axis=1, keepdims=True)


@pytest.fixture
def frame():
    return Frame(CENTRE, rotation([0.3, -0.2, 0.5]), SIDE_MM)


def cells(grid):
    z, y, x = np.meshgrid(*[(np.arange(size) + 0.5) / size for size in grid], indexing="ij")
    return np.stack([x, y, z])


def test_a_heart_that_is_moved_as_a_whole_has_one_way_everywhere(ball, frame):
    moved = TrueField.of(frame, ball + np.array([0.02, -0.03, 0.04]), ball).within(frame, GRID)
    assert moved.shape == (4, *GRID)
    near = moved[3] > 0.1
    assert near.any()
    np.testing.assert_allclose(moved[:3, near].T, np.tile([-0.02, 0.03, -0.04], (near.sum(), 1)), atol=1e-4)


def test_a_heart_that_is_larger_is_led_to_the_mean_one(ball, frame):
    found = TrueField.of(frame, 0.5 + 1.2 * (ball - 0.5), ball).within(frame, GRID)
    here = cells(GRID)
    near = found[3] > 0.8
    assert near.sum() > 20
    expected = (here - 0.5) / 1.2 + 0.5
    assert np.abs((here + found[:3] - expected)[:, near]).max() < 0.02


def test_cells_count_by_their_distance_from_the_heart(ball, frame):
    weight = TrueField.of(frame, ball, ball).within(frame, GRID)[3]
    distance_mm = np.abs(np.linalg.norm((cells(GRID) - 0.5) * SIDE_MM, axis=0) - 30)
    assert weight[distance_mm < 3].min() > 0.7
    assert weight[distance_mm > 30].max() < 0.05


def test_in_another_frame_a_cell_keeps_its_place(ball, frame):
    """A frame that is turned, shifted and scaled leads its cells to the same places of the mean heart."""
    field = TrueField.of(frame, ball * 0.9 + 0.05, ball)
    turn = rotation([0, 0, 0.2])
    other = Frame(CENTRE + np.array([3.0, -2.0, 4.0]), turn @ frame.axes, SIDE_MM, (1.05, 0.97, 1.0))
    here = cells(GRID)
    straight, turned = field.within(frame, (32, 64, 64)), field.within(other, GRID)
    there = frame.to_relative(other.to_mm(here.reshape(3, -1).T))
    place = np.clip((there[:, ::-1] * (32, 64, 64)).astype(int), 0, (31, 63, 63))
    expected = cells((32, 64, 64)).reshape(3, 32, 64, 64)[:, *place.T] + straight[:3][:, *place.T]
    found = (here + turned[:3]).reshape(3, -1)
    near = turned[3].ravel() > 0.5
    assert near.sum() > 20
    assert np.abs(found - expected)[:, near].max() < 0.03
