from dataclasses import replace

import numpy as np
import pytest
import torch

from cxrfactory.models.hybridvnet.frame import frame_of
from cxrfactory.models.hybridvnet.pictures import HeartPictures, Plane
from cxrfactory.models.hybridvnet.sampling import sample_plane
from cxrfactory.models.hybridvnet.windows import NEAR_MM, PLANE_STEPS_MM, PlaneWindows
from tests.models.hybridvnet.eggs import linear, rotation

AXES = rotation([0.4, -0.7, 1.1])
SIDE_MM, PLANE_MM = 144.0, 176.0


@pytest.fixture
def plane():
    turned = AXES @ rotation([0.1, 0.05, 0.3])
    across, down = turned[:, 0], -turned[:, 2]
    origin = np.array([2.0, 3.0, -1.0]) - 119.5 * 1.0 * (across + down)
    steps = np.arange(240) * 1.0
    points = origin + steps[None, :, None] * across + steps[:, None, None] * down
    return Plane(np.rint(np.clip(linear(points), 0, 255)).astype(np.uint8), origin, across, down, (1.0, 1.0))


@pytest.fixture
def frame():
    empty = np.zeros((2, 4, 4), np.uint8)
    origins = np.outer([10.0, 0.0], AXES[:, 2])
    return frame_of(
        HeartPictures(empty, origins, AXES[:, 0], -AXES[:, 1], (1.0, 1.0)), np.array([1.0, 2.0, 3.0]), SIDE_MM
    )


def read(plane, frame, nodes_mm, present=True):
    """Return what one plane shows at nodes in the patient: how near it is, then the grey values."""
    sampled, facts = sample_plane(plane, frame, 88, "4ch", PLANE_MM)
    windows = PlaneWindows(SIDE_MM, PLANE_MM, 1)
    relative = torch.from_numpy(frame.to_relative(nodes_mm).astype(np.float32))[None]
    planes, facts = torch.from_numpy(sampled)[None, None], torch.from_numpy(facts)[None, None]
    found = windows(planes, facts, torch.tensor([[present]]), relative)[:, 0].numpy()
    assert found.shape == (len(nodes_mm), windows.channels)
    return found, facts[0, 0].numpy()


@pytest.mark.parametrize("scale", [(1.0, 1.0, 1.0), (1.1, 0.9, 1.05)])
def test_nodes_on_a_plane_read_its_grey_values_and_those_beside_them(plane, frame, scale):
    frame = replace(frame, scale=scale)
    nodes = plane.origin_mm + np.array([[100, 90], [130, 120], [115, 140]]) @ np.stack([plane.across, plane.down])
    found, facts = read(plane, frame, nodes)
    np.testing.assert_allclose(found[:, 0], 1, atol=1e-4)
    ways = [np.zeros(3)]
    for way, steps in zip((facts[:3], facts[3:6]), PLANE_STEPS_MM, strict=True):
        ways += [sign * step * way for step in steps for sign in (1, -1)]
    expected = [linear(node + (np.stack(ways) / np.asarray(scale)) @ frame.axes) for node in nodes]
    np.testing.assert_allclose(255 * found[:, 1:], expected, atol=1.0)


def test_nodes_beside_a_plane_read_less_of_it(plane, frame):
    on = plane.origin_mm + 110 * (plane.across + plane.down)
    normal = np.cross(plane.across, plane.down)
    found, _ = read(plane, frame, on + np.outer([0.0, NEAR_MM, -NEAR_MM, 60.0], normal))
    np.testing.assert_allclose(found[:, 0], [1, np.exp(-0.5), np.exp(-0.5), 0], atol=1e-4)
    np.testing.assert_allclose(found[1:3, 1:], np.exp(-0.5) * found[:1, 1:].repeat(2, 0), atol=1e-4)
    assert not found[3].round(6).any()


def test_a_missing_view_reads_nothing(plane, frame):
    found, _ = read(plane, frame, plane.origin_mm + 110 * (plane.across + plane.down)[None], present=False)
    assert not found.any()
