from dataclasses import replace

import numpy as np
import pytest

from cxrfactory.models.hybridvnet.frame import (
    BESIDE_AXIS_MM,
    TO_RIGHT_VENTRICLE,
    Frame,
    frame_of,
    planned_frame,
    planned_turn,
    turn_of,
    usual_turn,
)
from tests.models.hybridvnet.eggs import DIRECTIONS, Egg, egg_graph, radius, rotation


@pytest.fixture
def egg():
    return Egg(np.random.default_rng(1))


def test_relative_positions_lead_back_to_mm():
    rng = np.random.default_rng(0)
    frame = Frame(rng.normal(size=3), rotation([0.3, 1.0, -2.0]), 144.0, (1.1, 0.9, 1.05))
    points = rng.normal(scale=50, size=(20, 3))
    np.testing.assert_allclose(frame.to_mm(frame.to_relative(points)), points, atol=1e-9)
    np.testing.assert_allclose(frame.to_relative(frame.centre_mm[None]), [[0.5, 0.5, 0.5]])
    corner = frame.centre_mm + frame.axes[0] * 144 / 2 / 1.1
    np.testing.assert_allclose(frame.to_relative(corner[None])[0], [1.0, 0.5, 0.5], atol=1e-12)


def test_frame_of_a_stack_is_right_handed_and_points_to_the_base(egg):
    for turn in (0.0, 1.0, -3.0):
        axes = frame_of(egg.pictures, egg.centre, 144.0, turn).axes
        np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(axes) == pytest.approx(1)
        assert axes[2] @ (egg.pictures.origins_mm[0] - egg.pictures.origins_mm[-1]) > 0
    backwards = replace(egg.pictures, stack=egg.pictures.stack[::-1], origins_mm=egg.pictures.origins_mm[::-1])
    np.testing.assert_allclose(backwards.to_base, -egg.pictures.to_base)


def test_usual_turn_points_to_the_right_ventricle_whatever_the_rows_are(egg):
    wanted = TO_RIGHT_VENTRICLE - (TO_RIGHT_VENTRICLE @ egg.pictures.to_base) * egg.pictures.to_base
    for pictures in (egg.pictures, replace(egg.pictures, across=egg.pictures.down, down=-egg.pictures.across)):
        axes = frame_of(pictures, egg.centre, 1.0, usual_turn(pictures)).axes
        assert axes[0] @ wanted == pytest.approx(np.linalg.norm(wanted))


def test_planes_meet_on_the_axis():
    """With planes through the egg's own axis, the planned centre lies beside the axis at the middle of the stack."""
    egg = Egg(np.random.default_rng(3))
    planes = {}
    for view, plane in egg.pictures.long_axis.items():
        middle = 63.5 * 2 * (plane.across + plane.down)
        planes[view] = replace(plane, origin_mm=egg.centre - middle)
    pictures = replace(egg.pictures, long_axis=planes)
    frame = planned_frame(pictures, 144.0)
    on_axis = frame.centre_mm - BESIDE_AXIS_MM @ frame.axes
    base = pictures.to_base
    height = (pictures.centre_mm - egg.centre) @ base
    np.testing.assert_allclose(on_axis, egg.centre + height * egg.pose[:, 2] / (egg.pose[:, 2] @ base), atol=0.5)
    assert frame.axes[0] @ frame_of(pictures, on_axis, 1.0, planned_turn(pictures)).axes[0] == pytest.approx(1)
    assert planned_frame(replace(pictures, long_axis={"4ch": planes["4ch"]}), 144.0) is None


def with_planes(pictures, turns):
    """Planes along the third axis that cut the slices as usual from a turn of 40 degrees, but for errors in degrees."""
    planes, ends = {}, {"2ch": 110.0, "3ch": 44.5, "4ch": -4.0}
    for view, error in turns.items():
        across = frame_of(pictures, np.zeros(3), 1.0, np.radians(40 + ends[view] + error)).axes[0]
        planes[view] = replace(pictures.long_axis[view], across=across, down=-pictures.to_base)
    return replace(pictures, long_axis=planes)


def test_planes_decide_the_turn_and_a_mistaken_one_does_not(egg, monkeypatch):
    towards = frame_of(egg.pictures, np.zeros(3), 1.0, np.radians(40 + 30)).axes[0]
    monkeypatch.setattr("cxrfactory.models.hybridvnet.frame.TO_RIGHT_VENTRICLE", towards)
    assert np.degrees(planned_turn(replace(egg.pictures, long_axis={}))) == pytest.approx(70, abs=0.5)
    right = with_planes(egg.pictures, {"2ch": 0, "3ch": 0, "4ch": 0})
    assert np.degrees(planned_turn(right)) == pytest.approx(40, abs=3)
    for end in (1, -1):  # which end of a plane is stored first says nothing
        turned = {view: replace(each, across=end * each.across) for view, each in right.long_axis.items()}
        assert planned_turn(replace(right, long_axis=turned)) == planned_turn(right)
    mistaken = with_planes(egg.pictures, {"2ch": 0, "3ch": 70, "4ch": 0})
    assert np.degrees(planned_turn(mistaken)) == pytest.approx(40, abs=5)


def test_turn_is_found_again():
    reference = egg_graph().reference_mm
    used = np.ones(len(reference))
    for turn in (0.0, 2.5, -1.2):
        turned = reference @ rotation([0, 0, turn]).T + [3.0, -2.0, 7.0]
        assert turn_of(turned, reference, used) == pytest.approx(turn, abs=1e-6)


def test_frame_about_the_truth_shows_the_egg_as_the_template(egg):
    """Turned to the template, the bulge lies along the first axis whatever the stack's rows are."""
    straight = frame_of(egg.pictures, egg.centre, 1.0)
    inside = (egg.vertices - egg.centre) @ straight.axes.T
    turn = turn_of(inside, DIRECTIONS * radius(DIRECTIONS)[:, None], np.ones(len(inside)))
    axes = frame_of(egg.pictures, egg.centre, 1.0, turn).axes
    assert axes[0] @ egg.pose[:, 0] > 0.97
