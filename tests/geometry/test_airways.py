import numpy as np
import pytest

from cxrfactory.geometry.frontal import measure_frontal
from cxrfactory.geometry.runs import Runs
from tests.geometry.phantoms import arc_corners, by_name, rectangle, spine_masks

SHAPE = (1400, 1400)
CARINA = 500


def airway(right=30.0, left=40.0, at=700.0, width=40.0, parts=True):
    """Trachea with a straight tube and two bronchi whose borders lean by the given angles."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    tube = (abs(x - at) <= width / 2) & (y >= 100) & (y < CARINA)
    down = (y - CARINA + 2) * (y >= CARINA) * (y < CARINA + 100)
    arms = np.zeros(SHAPE, bool)
    for sign, lean in ((-1, right), (1, left)):
        inner = np.tan(np.radians(lean)) * down
        arms |= (down > 0) & (sign * (x - at) >= inner) & (sign * (x - at) <= inner + 0.7 * width)
    return Runs.from_mask(tube | (arms if parts else False))


def chest():
    return {
        "right lung": Runs.from_mask(rectangle(SHAPE, 200, 150, 600, 999)),
        "left lung": Runs.from_mask(rectangle(SHAPE, 800, 150, 1199, 999)),
    }


@pytest.mark.parametrize(("right", "left"), [(30, 40), (25, 45), (15, 20)])
def test_straight_bronchi_give_the_angle_of_the_carina(right, left):
    found = by_name(measure_frontal({"trachea": airway(right, left)}))["carina_angle"]
    assert found.value == pytest.approx(right + left, abs=4)
    assert found.structures == ("trachea",)


def test_a_notch_beside_the_trachea_is_no_carina():
    mask = airway().mask()
    mask[CARINA - 1 : CARINA + 2, 640:666] = 1  # the end of a bronchus, three rows beside the trachea
    mask[CARINA + 2, 640:680] = 1  # where it joins the bronchus
    found = by_name(measure_frontal({"trachea": Runs.from_mask(mask)}))["carina_angle"]
    plain = by_name(measure_frontal({"trachea": airway()}))["carina_angle"]
    assert (found.value, found.points) == (plain.value, plain.points)
    assert found.value == pytest.approx(70, abs=4)


def test_bronchi_may_have_a_mask_of_their_own():
    whole = airway().mask()
    tube = {"trachea": Runs.from_mask(whole * (np.arange(SHAPE[0]) < CARINA)[:, None])}
    assert "does not part" in by_name(measure_frontal(tube))["carina_angle"].excluded
    both = {**tube, "bronchie": Runs.from_mask(whole * (np.arange(SHAPE[0]) >= CARINA)[:, None])}
    found = by_name(measure_frontal(both))["carina_angle"]
    assert found.value == pytest.approx(70, abs=4)
    assert found.structures == ("trachea", "bronchie")


@pytest.mark.parametrize("offset", [-30, 0, 24])
def test_the_trachea_deviates_from_a_straight_spine(offset):
    masks = {**chest(), **spine_masks(arc_corners(0)), "trachea": airway(at=700.0 + offset)}
    found = by_name(measure_frontal(masks))
    assert found["tracheal_deviation"].value == pytest.approx(offset, abs=0.6)
    assert found["tracheal_deviation_ratio"].value == pytest.approx(offset / 1000, abs=1e-3)


def test_the_deviation_needs_vertebrae_behind_the_trachea():
    masks = {**chest(), "trachea": airway()}
    assert by_name(measure_frontal(masks))["tracheal_deviation"].excluded.startswith("0 contiguous vertebrae")
    low = {
        name: Runs(runs.rows + 500, runs.first, runs.last, 1900, 1400)
        for name, runs in spine_masks(arc_corners(0)).items()
    }
    tall = {"trachea": Runs(airway().rows, airway().first, airway().last, 1900, 1400)}
    assert "behind the trachea" in by_name(measure_frontal({**low, **tall}))["tracheal_deviation"].excluded


def test_the_aortic_knob_is_measured_from_the_trachea():
    aorta = rectangle(SHAPE, 680, 400, 779, 900) | rectangle(SHAPE, 700, 420, 809, 470)
    masks = {**chest(), "trachea": airway(), "aorta": Runs.from_mask(aorta)}
    found = by_name(measure_frontal(masks))
    assert found["aortic_knob_width"].value == 809 - 720
    assert found["aortic_knob_width"].points == ((720.5, 420), (809.5, 420))
    assert found["aortic_knob_ratio"].value == 89 / 1000
    low = {**masks, "aorta": Runs.from_mask(rectangle(SHAPE, 680, 600, 779, 900))}
    assert by_name(measure_frontal(low))["aortic_knob_width"].excluded == (
        "The mask of the aorta does not reach above the carina."
    )
    aside = {**masks, "aorta": Runs.from_mask(rectangle(SHAPE, 600, 400, 700, 900))}
    assert "does not lie beside the trachea" in by_name(measure_frontal(aside))["aortic_knob_width"].excluded
