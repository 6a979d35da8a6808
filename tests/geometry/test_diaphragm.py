import numpy as np
import pytest

from cxrfactory.geometry.frontal import measure_frontal
from cxrfactory.geometry.runs import Runs
from tests.geometry.phantoms import by_name, rectangle

SHAPE = (800, 1000)
LEVEL = {"right": 650, "left": 670}  # rows of the costophrenic points


def lungs(floors):
    """Lungs with vertical walls and the lower borders that two functions of the distance from the wall give."""
    y, x = np.ogrid[: SHAPE[0], : SHAPE[1]]
    masks = {"heart": rectangle(SHAPE, 400, 400, 599, 640)}
    for side, wall in (("right", x - 100), ("left", 899 - x)):
        inside = (wall >= 0) & (wall < 300) & (y >= 100)
        masks[f"{side} lung"] = inside & (y <= LEVEL[side] - floors[side](np.clip(wall, 0, 299)))
    return {name: Runs.from_mask(mask) for name, mask in masks.items()}


def parabola(height):
    return lambda x: height * (1 - ((x - 149.5) / 149.5) ** 2)


def slope(degrees):
    """A straight border that makes an angle with the wall, up to a plateau."""
    rise = 1 / np.tan(np.radians(degrees))
    return lambda x: np.minimum(x, 100) * rise


def test_parabolic_domes_give_height_and_curvature():
    found = by_name(measure_frontal(lungs({"right": parabola(60), "left": parabola(35)})))
    for side, height in (("right", 60), ("left", 35)):
        assert found[f"{side}_diaphragm_dome"].value == pytest.approx(height, abs=1)
        assert found[f"{side}_diaphragm_curvature"].value == pytest.approx(height / 299, abs=0.004)
        foot, top = found[f"{side}_diaphragm_dome"].points
        assert np.hypot(top[0] - foot[0], top[1] - foot[1]) == pytest.approx(found[f"{side}_diaphragm_dome"].value)
    assert found["diaphragm_difference"].value == (670 - 35) - (650 - 60)
    assert found["diaphragm_difference_ratio"].value == 45 / 800


@pytest.mark.parametrize("degrees", [25, 40, 65])
def test_straight_borders_give_the_costophrenic_angle(degrees):
    found = by_name(measure_frontal(lungs({"right": slope(degrees), "left": slope(degrees + 5)})))
    assert found["right_costophrenic_angle"].value == pytest.approx(degrees, abs=1)
    assert found["left_costophrenic_angle"].value == pytest.approx(degrees + 5, abs=1)
    a, b, c, d = np.array(found["right_costophrenic_angle"].points)
    cosine = (b - a) @ (d - c) / np.hypot(*(b - a)) / np.hypot(*(d - c))
    assert np.degrees(np.arccos(cosine)) == pytest.approx(found["right_costophrenic_angle"].value)


def test_the_border_ends_where_the_heart_lies_below_it():
    masks = lungs({"right": parabola(60), "left": parabola(60)})
    masks["heart"] = Runs.from_mask(rectangle(SHAPE, 380, 400, 760, 690))
    found = by_name(measure_frontal(masks))
    assert found["left_diaphragm_curvature"].points[-1][0] == 761
    masks["heart"] = Runs.from_mask(rectangle(SHAPE, 380, 400, 850, 690))
    assert "too short beside the heart" in by_name(measure_frontal(masks))["left_diaphragm_dome"].excluded


def test_a_flat_border_has_no_dome():
    found = by_name(measure_frontal(lungs({"right": parabola(0), "left": parabola(40)})))
    assert found["right_diaphragm_dome"].excluded == "The lower border of the right lung has no dome."
    assert found["left_diaphragm_dome"].value == pytest.approx(40, abs=1)
    assert np.isnan(found["diaphragm_difference"].value)


@pytest.mark.parametrize("columns", [1, 2, 3, 6])
def test_a_lung_of_a_few_columns_has_no_dome_and_says_so(columns):
    masks = lungs({"right": parabola(60), "left": parabola(60)})
    masks["right lung"] = Runs.from_mask(rectangle(SHAPE, 200, 100, 199 + columns, 650))
    found = by_name(measure_frontal(masks))
    narrow, flat = (f"The lower border of the right lung {end}." for end in ("is too narrow for a dome", "has no dome"))
    for name in ("right_diaphragm_dome", "right_diaphragm_curvature", "diaphragm_difference"):
        assert found[name].excluded == (narrow if columns < 3 else flat)
    assert found["left_diaphragm_dome"].value == pytest.approx(60, abs=1)


def test_a_footprint_that_goes_on_behind_the_liver_has_no_diaphragm():
    masks = lungs({"right": parabola(60), "left": parabola(60)})
    masks["liver"] = Runs.from_mask(rectangle(SHAPE, 120, 560, 420, 790))
    found = by_name(measure_frontal(masks))
    for name in ("right_diaphragm_dome", "right_costophrenic_angle", "diaphragm_difference"):
        assert "includes the part behind the diaphragm: it overlaps the liver" in found[name].excluded
    assert found["left_diaphragm_dome"].value == pytest.approx(60, abs=1)


def test_a_lung_that_the_frame_cuts_has_no_diaphragm():
    masks = {
        name: Runs.from_mask(runs.mask()[:600]) for name, runs in lungs(dict.fromkeys(LEVEL, parabola(60))).items()
    }
    found = by_name(measure_frontal(masks))
    assert found["right_costophrenic_angle"].excluded == "The right lung is cut off at the lower border of the image."
    assert found["left_diaphragm_dome"].excluded == "The left lung is cut off at the lower border of the image."


def test_without_a_heart_the_angle_remains_and_the_dome_does_not():
    masks = lungs({"right": slope(40), "left": slope(40)})
    del masks["heart"]
    found = by_name(measure_frontal(masks))
    assert found["right_costophrenic_angle"].value == pytest.approx(40, abs=1)
    assert found["right_diaphragm_dome"].excluded == "There is no mask of the heart."
