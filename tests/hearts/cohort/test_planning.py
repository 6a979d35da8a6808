"""Slices are where an operator puts them: a parallel stack from base to apex, and planes along the long axis."""

import numpy as np
import pytest

from cxrfactory.hearts.cohort.planning import draw_plan, draw_pose
from cxrfactory.models.hybridvnet.frame import frame_of, planned_turn
from cxrfactory.models.hybridvnet.pictures import HeartPictures, Plane

LANDMARKS = {"apex": (0, 0, -96), "mitral": (0, 0, 0), "tricuspid": (42, -8, 0), "aortic": (14, 14, 0)}


@pytest.fixture(scope="module")
def examinations():
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        pose = draw_pose(rng)
        landmarks = {name: pose.place(np.array(place, float)) for name, place in LANDMARKS.items()}
        found.append((pose, landmarks, draw_plan(rng, landmarks, pose.place(np.array([10.0, 0, -20])))))
    return found


def test_the_pose_is_a_turn_that_points_left_forward_and_down(examinations):
    for pose, _, _ in examinations:
        np.testing.assert_allclose(pose.rotation @ pose.rotation.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(pose.rotation) == pytest.approx(1)
    ways = np.array([landmarks["apex"] - landmarks["mitral"] for _, landmarks, _ in examinations])
    left, back, head = (ways / np.linalg.norm(ways, axis=1, keepdims=True)).mean(0)
    assert left > 0.35
    assert back < -0.35
    assert head < -0.35


def test_the_stack_is_parallel_and_leads_from_base_to_apex(examinations):
    for _, landmarks, plan in examinations:
        stack = plan.short_axis
        assert 5 <= len(stack) <= 16
        first = stack[0]
        normal = np.cross(first.across, first.down)
        axis = landmarks["mitral"] - landmarks["apex"]
        assert normal @ axis / np.linalg.norm(axis) > np.cos(np.radians(16))
        steps = np.diff([each.origin_mm for each in stack], axis=0)
        np.testing.assert_allclose(steps, np.tile(steps[0], (len(steps), 1)), atol=1e-9)
        apart = -steps[0] @ normal
        np.testing.assert_allclose(steps[0], -apart * normal, atol=1e-9)
        assert 6 - 1e-9 <= apart <= 18
        assert 6 <= first.thickness_mm <= apart + 1e-9
        assert 1.2 <= first.spacing_mm <= 2.0
        for each in stack:
            assert (each.height, each.width, each.spacing_mm) == (first.height, first.width, first.spacing_mm)


def test_all_directions_are_unit_and_at_right_angles(examinations):
    for _, _, plan in examinations:
        for each in (*plan.short_axis, *plan.long_axis.values()):
            np.testing.assert_allclose([each.across @ each.across, each.down @ each.down], 1, atol=1e-12)
            assert abs(each.across @ each.down) < 1e-12


def test_long_axis_planes_pass_near_their_landmarks(examinations):
    shares = {}
    for _, landmarks, plan in examinations:
        for name, each in plan.long_axis.items():
            normal = np.cross(each.across, each.down)
            beside = {"2ch": (), "3ch": ("aortic",), "4ch": ("tricuspid",)}[name]
            for landmark in ("apex", "mitral", *beside):
                shares.setdefault((name, landmark), []).append(abs((landmarks[landmark] - each.origin_mm) @ normal))
    assert {name for name, _ in shares} == {"2ch", "3ch", "4ch"}
    for far in shares.values():
        assert np.median(far) < 6
        assert max(far) < 25


def test_some_views_are_missing_and_most_are_there(examinations):
    counts = [len(plan.long_axis) for _, _, plan in examinations]
    assert min(counts) < 3
    assert np.mean(counts) > 2.3


def turn_apart(pose, pictures):
    """Return by how many degrees the likely turn of a frame misses the heart's first axis."""
    axes = frame_of(pictures, np.zeros(3), 1.0, planned_turn(pictures)).axes
    return np.degrees(np.arctan2(pose.rotation[:, 0] @ axes[1], pose.rotation[:, 0] @ axes[0]))


def test_the_network_starts_turned_as_the_hearts_are(examinations):
    """What the network takes for usual is what the cohort draws, with the planes and without them."""
    with_planes, without = [], []
    for pose, _, plan in examinations:
        empty = np.zeros((1, 1), np.uint8)
        first = plan.short_axis[0]
        planes = {
            view: Plane(empty, each.origin_mm, each.across, each.down, (1.0, 1.0))
            for view, each in plan.long_axis.items()
        }
        origins = np.stack([each.origin_mm for each in plan.short_axis])
        stack = np.zeros((len(origins), 1, 1), np.uint8)
        pictures = HeartPictures(stack, origins, first.across, first.down, (1.0, 1.0), planes)
        with_planes.append(turn_apart(pose, pictures))
        without.append(turn_apart(pose, HeartPictures(stack, origins, first.across, first.down, (1.0, 1.0))))
    assert abs(np.mean(with_planes)) < 6
    assert np.std(with_planes) < 8
    assert np.abs(with_planes).max() < 30
    assert abs(np.mean(without)) < 6
    assert np.std(without) < 20
