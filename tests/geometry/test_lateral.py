import numpy as np
import pytest

from cxrfactory.geometry.lateral import measure_lateral
from cxrfactory.geometry.lungs import lung_volume_proxy
from cxrfactory.geometry.runs import Runs
from cxrfactory.geometry.spine import LEVELS
from tests.geometry.phantoms import SIDE, arc_corners, by_name, rectangle, spine_masks


def in_front(left):
    x = 100 if left else SIDE - 140
    return {"sternum": Runs.from_mask(rectangle((SIDE, SIDE), x, 300, x + 40, 900))}


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("degrees", [-32, 48])
def test_an_arc_gives_the_angle_between_t4_and_t12(degrees, left):
    masks = {**spine_masks(arc_corners(degrees)), **in_front(left)}
    found = by_name(measure_lateral(masks))["kyphosis"]
    behind = -1 if left else 1  # a positive arc is convex to the left of the image
    assert found.value == pytest.approx(behind * degrees * 8 / 16, abs=0.1)
    assert found.facts == {"upper": "T4", "lower": "T12"}
    a, b, c, d = np.array(found.points)
    angle = np.degrees(np.arccos((b - a) @ (d - c) / np.hypot(*(b - a)) / np.hypot(*(d - c))))
    assert angle == pytest.approx(abs(found.value), abs=1e-6)


def test_without_a_structure_in_front_the_angle_has_no_sign():
    assert by_name(measure_lateral(spine_masks(arc_corners(-32))))["kyphosis"].value == pytest.approx(16, abs=0.1)


def test_neighbours_stand_in_and_are_named():
    masks = {**spine_masks(arc_corners(48)), **in_front(False)}
    for level in ("T4", "T12"):
        del masks[LEVELS[level]]
    found = by_name(measure_lateral(masks))["kyphosis"]
    assert found.facts == {"upper": "T5", "lower": "T11"}
    assert found.value == pytest.approx(48 * 6 / 16, abs=0.1)


def test_too_short_a_spine_is_excluded():
    masks = {**spine_masks(arc_corners(20, 8)), **in_front(True)}
    assert by_name(measure_lateral(masks))["kyphosis"].excluded.startswith("None of the vertebrae T12, T11, L1")
    assert by_name(measure_lateral({}))["kyphosis"].excluded.startswith("0 contiguous vertebrae")


def test_lungs_of_both_views_give_the_volume_of_a_box():
    shape = (300, 300)
    frontal = {
        "right lung": Runs.from_mask(rectangle(shape, 20, 50, 119, 249)),
        "left lung": Runs.from_mask(rectangle(shape, 150, 50, 249, 249)),
    }
    lateral = {name: Runs.from_mask(rectangle(shape, 60, 50, 209, 249)) for name in frontal}
    found = by_name(measure_lateral(lateral))
    assert found["lateral_lung_area"].value == 150 * 200
    assert found["lateral_lung_height"].value == 200
    assert found["lateral_lung_depth"].value == 150
    assert found["lateral_lung_depth"].points == ((59.5, 50), (209.5, 50))
    assert lung_volume_proxy(frontal, lateral).value == 200 * 150 * 200
    assert lung_volume_proxy(frontal, {}).excluded == "There is no mask of the right lung."
