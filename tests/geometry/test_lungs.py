import numpy as np

from cxrfactory.geometry.frontal import measure_frontal
from cxrfactory.geometry.runs import Runs
from tests.geometry.phantoms import by_name, rectangle

SHAPE = (200, 300)


def test_areas_heights_and_ratios():
    masks = {
        "right lung": Runs.from_mask(rectangle(SHAPE, 20, 30, 99, 149)),
        "left lung": Runs.from_mask(rectangle(SHAPE, 150, 40, 219, 159)),
    }
    found = by_name(measure_frontal(masks))
    assert found["right_lung_area"].value == 80 * 120
    assert found["left_lung_area"].value == 70 * 120
    assert found["right_lung_height"].value == found["left_lung_height"].value == 120
    assert found["lung_area_ratio"].value == 70 / 80
    assert found["lung_height_ratio"].value == 1
    assert found["right_lung_height"].points == ((59.5, 29.5), (59.5, 149.5))


def test_one_lung_is_measured_without_the_other():
    found = by_name(measure_frontal({"left lung": Runs.from_mask(rectangle(SHAPE, 150, 40, 219, 159))}))
    assert found["left_lung_area"].value == 70 * 120
    assert np.isnan(found["right_lung_area"].value)
    assert found["lung_area_ratio"].excluded == "There is no mask of the right lung."


def test_overlap_of_a_scapula_is_a_share_of_its_lung():
    masks = {
        "right lung": Runs.from_mask(rectangle(SHAPE, 20, 30, 99, 149)),
        "left lung": Runs.from_mask(rectangle(SHAPE, 150, 40, 219, 159)),
        "right scapula": Runs.from_mask(rectangle(SHAPE, 5, 30, 39, 59)),
        "left scapula": Runs.from_mask(rectangle(SHAPE, 230, 30, 260, 59)),
    }
    found = by_name(measure_frontal(masks))
    assert found["right_scapula_overlap"].value == 20 * 30 / (80 * 120)
    assert found["right_scapula_overlap"].points == ((29.5, 44.5),)
    assert found["left_scapula_overlap"].value == 0
    assert found["left_scapula_overlap"].points == ()
