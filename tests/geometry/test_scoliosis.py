import numpy as np
import pytest

from cxrfactory.geometry.frontal import measure_frontal
from cxrfactory.geometry.runs import Runs
from cxrfactory.geometry.spine import LEVELS
from tests.geometry.phantoms import CENTRE, SIDE, arc_corners, by_name, rectangle, spine_masks, turned

ANGLES = ("scd", "cobb_curve", "cobb_plates")


@pytest.fixture(scope="module")
def forty():
    return spine_masks(arc_corners(40))


@pytest.mark.parametrize(("degrees", "side"), [(40, "right"), (-25, "left")])
def test_masks_on_an_arc_give_its_angles(degrees, side):
    found = by_name(measure_frontal(spine_masks(arc_corners(degrees))))
    assert found["scd"].value == pytest.approx(abs(degrees) / 2, abs=0.1)
    assert found["cobb_curve"].value == pytest.approx(abs(degrees), abs=0.1)
    assert found["cobb_plates"].value == pytest.approx(abs(degrees), abs=0.25)
    for name in ANGLES:
        assert found[name].facts == {"side": side, "apex": "T9", "upper": "T1", "lower": "L5"}
        assert found[name].structures == tuple(LEVELS.values())


def test_points_hold_the_angle(forty):
    found = by_name(measure_frontal(forty))
    for name in ANGLES:
        a, b, c, d = np.array(found[name].points)
        one, other = b - a, d - c
        angle = np.degrees(np.arccos(one @ other / np.hypot(*one) / np.hypot(*other)))
        assert angle == pytest.approx(found[name].value, abs=1e-6)


@pytest.mark.parametrize("degrees", [-10, -4, 3, 10])
def test_rotation_changes_little(forty, degrees):
    before = by_name(measure_frontal(forty))
    after = by_name(measure_frontal(spine_masks(turned(arc_corners(40), degrees))))
    assert abs(after["scd"].value - before["scd"].value) < 0.1
    assert abs(after["cobb_curve"].value - before["cobb_curve"].value) < 0.2
    assert abs(after["cobb_plates"].value - before["cobb_plates"].value) < 0.5


def test_scale_changes_little(forty):
    before = by_name(measure_frontal(forty))
    small = spine_masks((arc_corners(40) - CENTRE) / 2 + CENTRE / 2, (SIDE // 2, SIDE // 2))
    after = by_name(measure_frontal(small))
    for name in ANGLES:
        assert after[name].value == pytest.approx(before[name].value, abs=0.5)


def test_a_missing_vertebra_and_specks_are_tolerated(forty):
    masks = {**forty}
    del masks[LEVELS["T6"]]
    masks[LEVELS["T9"]] = masks[LEVELS["T9"]].union([Runs.from_mask(rectangle((SIDE, SIDE), 20, 20, 30, 30))])
    found = by_name(measure_frontal(masks))
    assert found["cobb_curve"].value == pytest.approx(40, abs=0.1)
    assert LEVELS["T6"] not in found["scd"].structures


def test_a_gap_of_two_ends_the_series(forty):
    masks = {name: runs for name, runs in forty.items() if name not in (LEVELS["T4"], LEVELS["T5"])}
    assert by_name(measure_frontal(masks))["scd"].facts["upper"] == "T6"


def test_too_few_vertebrae_are_excluded(forty):
    masks = {LEVELS[level]: forty[LEVELS[level]] for level in ("T1", "T2", "T3", "T4", "T5")}
    found = by_name(measure_frontal(masks))
    for name in ANGLES:
        assert np.isnan(found[name].value)
        assert found[name].excluded.startswith("5 contiguous vertebrae")


def test_a_vertebra_on_the_border_a_small_one_and_one_in_pieces_are_left_out(forty):
    masks = {**forty}
    row = masks[LEVELS["L5"]].row_extent[0] - 1
    cut = {name: Runs.from_mask(runs.mask()[: row + 20]) for name, runs in masks.items()}
    assert by_name(measure_frontal(cut))["scd"].facts["lower"] == "L4"
    x, y = (round(each) for each in masks[LEVELS["T1"]].centroid())
    masks[LEVELS["T1"]] = Runs.from_mask(rectangle((SIDE, SIDE), x - 10, y - 10, x + 10, y + 10))
    masks[LEVELS["L5"]] = masks[LEVELS["L5"]].union([Runs.from_mask(rectangle((SIDE, SIDE), 50, 50, 140, 90))])
    facts = by_name(measure_frontal(masks))["scd"].facts
    assert (facts["upper"], facts["lower"]) == ("T2", "L4")


def test_vertebrae_out_of_order_do_not_join(forty):
    masks = {**forty, LEVELS["T8"]: forty[LEVELS["T9"]], LEVELS["T9"]: forty[LEVELS["T8"]]}
    assert by_name(measure_frontal(masks))["scd"].facts["upper"] == "T9"


def test_masks_with_processes_have_no_end_plates(forty):
    masks = {}
    for name, runs in forty.items():
        x, y = (round(each) for each in runs.centroid())
        spinous = Runs.from_mask(rectangle((SIDE, SIDE), x - 10, y, x + 10, y + 60))
        masks[name] = runs.union([spinous])
    found = by_name(measure_frontal(masks))
    assert "no straight upper and lower border" in found["cobb_plates"].excluded
    assert found["cobb_curve"].value == pytest.approx(40, abs=2)
