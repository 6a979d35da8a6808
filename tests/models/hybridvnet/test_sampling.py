from dataclasses import replace

import numpy as np
import pytest

from cxrfactory.models.hybridvnet.frame import Frame, frame_of
from cxrfactory.models.hybridvnet.pictures import HeartPictures, Plane
from cxrfactory.models.hybridvnet.sampling import sample_plane, sample_stack
from tests.models.hybridvnet.eggs import linear, rotation

AXES = rotation([0.4, -0.7, 1.1])  # columns: along rows, against columns, to the base


@pytest.fixture
def stack():
    across, down = AXES[:, 0], -AXES[:, 1]
    origins = -63.5 * 1.6 * (across + down) + np.outer(np.array([35.0, 25, 15, 5, -5, -15, -25, -35]), AXES[:, 2])
    steps = np.arange(128) * 1.6
    grid = origins[:, None, None] + steps[None, None, :, None] * across + steps[None, :, None, None] * down
    values = np.rint(np.clip(linear(grid), 0, 255)).astype(np.uint8)
    return HeartPictures(values, origins, across, down, (1.6, 1.6))


def grid_of(frame, shape):
    depth, height, width = shape
    w, v, u = np.meshgrid(*((np.arange(n) + 0.5) / n for n in shape), indexing="ij")
    return frame.to_mm(np.stack([u, v, w], -1).reshape(-1, 3)).reshape(depth, height, width, 3)


@pytest.mark.parametrize("scale", [(1.0, 1.0, 1.0), (1.15, 0.9, 1.1)])
def test_stack_holds_the_grey_value_of_each_position(stack, scale):
    frame = replace(frame_of(stack, np.array([3.0, -2.0, 4.0]), 48.0, 0.8), scale=scale)
    sampled = sample_stack(stack, frame, (6, 16, 20))
    assert sampled[1].all()
    np.testing.assert_allclose(sampled[0] * 255, linear(grid_of(frame, (6, 16, 20))), atol=1.0)


def test_coarse_grid_averages(stack):
    frame = frame_of(stack, np.zeros(3), 64.0)
    sampled = sample_stack(stack, frame, (4, 8, 8))
    np.testing.assert_allclose(sampled[0] * 255, linear(grid_of(frame, (4, 8, 8))), atol=1.0)


def test_beyond_the_stack_nothing_is_imaged(stack):
    sampled = sample_stack(stack, frame_of(stack, np.zeros(3), 144.0), (18, 8, 8))  # 8 mm apart; the stack has 80 mm
    imaged = sampled[1].reshape(18, -1).all(1)
    assert imaged.tolist() == [False] * 4 + [True] * 10 + [False] * 4
    assert not sampled[0][~imaged].any()
    shifted = sample_stack(stack, frame_of(stack, stack.centre_mm + 120 * stack.across, 144.0), (18, 8, 8))
    assert 0 < shifted[1].mean() < sampled[1].mean()


def test_order_of_slices_and_shifts_within_them_do_not_matter(stack):
    frame = frame_of(stack, np.zeros(3), 48.0)
    moved = stack.origins_mm + np.outer(np.arange(8) % 3, 4 * 1.6 * stack.across)
    pictures = np.stack([np.roll(each, -4 * (i % 3), axis=1) for i, each in enumerate(stack.stack)])
    shifted = replace(stack, stack=pictures, origins_mm=moved)
    np.testing.assert_allclose(
        sample_stack(shifted, frame, (6, 16, 16)), sample_stack(stack, frame, (6, 16, 16)), atol=1e-6
    )


@pytest.mark.parametrize("flip", [False, True])
def test_plane_holds_the_grey_value_of_each_position_with_the_base_on_top(stack, flip):
    turned = AXES @ rotation([0.1, 0.05, 0.3])
    across, down = turned[:, 0] * (-1 if flip else 1), turned[:, 2] * (1 if flip else -1)
    origin = np.array([2.0, 3.0, -1.0]) - 63.5 * 1.6 * (across + down)
    steps = np.arange(128) * 1.6
    points = origin + steps[None, :, None] * across + steps[:, None, None] * down
    plane = Plane(np.rint(np.clip(linear(points), 0, 255)).astype(np.uint8), origin, across, down, (1.6, 1.6))
    frame = frame_of(stack, np.array([1.0, 2.0, 3.0]), 60.0)
    sampled, facts = sample_plane(plane, frame, 20, "4ch", 60.0)
    right, up, apart = facts[:3], facts[3:6], facts[6]
    assert up[2] > 0.9
    assert right[0] > 0.9
    # Rebuild the positions from the facts alone: the middle is the point of the plane next to the frame's centre.
    middle = apart * 60 * np.cross(right, up)
    steps = (np.arange(20) + 0.5) * 3.0 - 30
    inside = middle + steps[None, :, None] * right - steps[:, None, None] * up
    expected = linear(frame.centre_mm + inside @ frame.axes)
    np.testing.assert_allclose(sampled[0] * 255, expected, atol=1.0)
    assert sampled[1].all()


def test_plane_follows_the_scale_of_the_frame(stack):
    """In a frame that enlarges, a landmark of the plane moves away from the centre by the same factor."""
    across, down = AXES[:, 0], -AXES[:, 2]
    origin = -63.5 * 2 * (across + down)
    pixels = np.zeros((128, 128), np.uint8)
    pixels[50:54, 80:84] = 255  # 18 columns to the right, 12 rows up: about 36 and 24 mm
    plane = Plane(pixels, origin, across, down, (2.0, 2.0))
    places = []
    for scale in ((1.0, 1.0, 1.0), (1.25, 1.25, 0.8)):
        frame = replace(frame_of(stack, np.zeros(3), 100.0), scale=scale)
        sampled, _ = sample_plane(plane, frame, 50, "4ch", 100.0)
        rows, columns = np.nonzero(sampled[0] > 0.3)
        places.append((columns.mean() - 24.5, 24.5 - rows.mean()))
    assert places[0] == pytest.approx((18, 12), abs=0.6)
    assert places[1] == pytest.approx((18 * 1.25, 12 * 0.8), abs=0.6)
    assert isinstance(frame, Frame)
