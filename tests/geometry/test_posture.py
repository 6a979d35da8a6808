import numpy as np
import pytest

from cxrfactory.geometry.frontal import measure_frontal
from cxrfactory.geometry.runs import Runs
from tests.geometry.phantoms import SIDE, arc_corners, by_name, rectangle, spine_masks

SHAPE = (SIDE, SIDE)


def clavicles(right, left):
    """Clavicles whose medial ends lie the given distances from the middle of the image."""
    return {
        "right clavicle": Runs.from_mask(rectangle(SHAPE, 300, 250, 699 - right, 270)),
        "left clavicle": Runs.from_mask(rectangle(SHAPE, 701 + left, 250, 1100, 270)),
    }


@pytest.mark.parametrize(("right", "left"), [(50, 50), (40, 60), (60, 30)])
def test_clavicles_around_a_straight_spine_give_their_symmetry(right, left):
    masks = {**spine_masks(arc_corners(0)), **clavicles(right, left)}
    found = by_name(measure_frontal(masks))["clavicle_symmetry"]
    assert found.value == pytest.approx((left - right) / (left + right + 1), abs=1e-9)
    assert found.points[0] == (699.5 - right, 250)


def test_symmetry_needs_a_spine_and_both_clavicles():
    assert by_name(measure_frontal(clavicles(50, 50)))["clavicle_symmetry"].excluded.startswith("0 contiguous")
    masks = {**spine_masks(arc_corners(0)), **clavicles(50, 50)}
    del masks["left clavicle"]
    assert by_name(measure_frontal(masks))["clavicle_symmetry"].excluded == "There is no mask of the left clavicle."
    overlapping = {**spine_masks(arc_corners(0)), **clavicles(-60, -60)}
    assert "overlap" in by_name(measure_frontal(overlapping))["clavicle_symmetry"].excluded


def ribs(count, first=300, distance=60):
    """Ribs whose posterior part crosses the clavicle's middle, with an anterior part far below."""
    found = {}
    for number in range(1, count + 1):
        top = first + distance * number
        mask = rectangle(SHAPE, 350, top, 650, top + 15) | rectangle(SHAPE, 350, top, 365, top + 200)
        found[f"right rib {number}"] = Runs.from_mask(mask | rectangle(SHAPE, 350, top + 185, 650, top + 200))
    return found


@pytest.mark.parametrize(("top", "count"), [(850, 9), (781, 8), (780, 7), (1390, 11)])
def test_ribs_above_the_liver_are_counted_by_their_posterior_part(top, count):
    liver = Runs.from_mask(rectangle(SHAPE, 300, top, 900, SIDE - 2))
    found = by_name(measure_frontal({**ribs(11), **clavicles(50, 50), "liver": liver}))["posterior_ribs"]
    assert found.value == count
    assert found.points[1] == (474, top)
    assert found.structures == (f"right rib {count}", "right clavicle", "liver")


def test_the_lungs_border_stands_in_for_the_liver():
    y, x = np.ogrid[:SIDE, :SIDE]
    lung = (x >= 300) & (x <= 680) & (y >= 200) & (y <= 850 - 60 * (1 - ((x - 490) / 190.0) ** 2))
    masks = {
        **ribs(11),
        **clavicles(50, 50),
        "right lung": Runs.from_mask(lung),
        "heart": Runs.from_mask(rectangle(SHAPE, 690, 500, 900, 800)),
    }
    found = by_name(measure_frontal(masks))["posterior_ribs"]
    assert found.value == 8
    assert found.structures[-1] == "right lung"


def test_a_count_that_could_go_on_is_excluded():
    liver = Runs.from_mask(rectangle(SHAPE, 300, 850, 900, SIDE - 2))
    masks = {**ribs(8), **clavicles(50, 50), "liver": liver}
    assert by_name(measure_frontal(masks))["posterior_ribs"].excluded.startswith("Rib 9 has no mask")
    cut = {**ribs(11), "liver": liver, "right clavicle": Runs.from_mask(rectangle(SHAPE, 0, 250, 649, 270))}
    assert "cut off" in by_name(measure_frontal(cut))["posterior_ribs"].excluded
