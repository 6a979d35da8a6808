import numpy as np
import pytest

from cxrfactory.geometry.frontal import measure_frontal
from cxrfactory.geometry.layout import layout_fault
from cxrfactory.geometry.runs import Runs

HEIGHT, WIDTH = 60, 80


def box(top, left, bottom, right):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top : bottom + 1, left : right + 1] = True
    return mask


RIGHT, LEFT, HEART = box(5, 5, 54, 30), box(5, 45, 54, 70), box(30, 28, 52, 55)
FRONTAL = {"right lung": RIGHT, "left lung": LEFT, "heart": HEART}


def fault(**changes):
    masks = FRONTAL | {name.replace("_", " "): mask for name, mask in changes.items()}
    return layout_fault({name: Runs.from_mask(mask) for name, mask in masks.items() if mask is not None})


def test_a_frontal_view_has_no_fault():
    assert fault() == ""
    assert fault(heart=None) == fault(left_lung=None) == fault(right_lung=np.zeros_like(RIGHT)) == ""
    assert fault(heart=np.zeros_like(HEART)) == ""


def test_exchanged_or_mirrored_lungs_are_a_fault():
    for changes in ({"right_lung": LEFT, "left_lung": RIGHT}, {name: mask[:, ::-1] for name, mask in FRONTAL.items()}):
        found = fault(**{name.replace(" ", "_"): mask for name, mask in changes.items()})
        assert found.startswith("the right lung lies to the right of the left one")


def test_lungs_of_a_lateral_view_are_a_fault():
    assert fault(left_lung=box(5, 8, 50, 33)).startswith("the lungs cover one another (88%)")
    assert fault(left_lung=RIGHT).startswith("the lungs cover one another (100%)")
    assert fault(left_lung=box(5, 20, 54, 45)) == ""  # 42 % are covered


def test_an_upside_down_film_is_a_fault():
    assert fault(right_lung=RIGHT[::-1], left_lung=LEFT[::-1], heart=HEART[::-1]).endswith("it is upside down")


def test_a_film_on_its_side_is_a_fault():
    turned = {"right_lung": box(5, 5, 25, 70), "left_lung": box(35, 5, 55, 70), "heart": box(22, 30, 42, 60)}
    assert fault(**turned) == (
        "one lung lies above the other; expected an upright film, or masks of a product or file that says how the film "
        "lies: turn the masks upright"
    )


@pytest.mark.parametrize("heart", [box(56, 30, 59, 40), box(20, 73, 40, 79), box(0, 30, 3, 40)])
def test_a_heart_outside_the_lungs_is_a_fault(heart):
    assert fault(heart=heart) == "the heart lies outside the box around the lungs"


def test_a_heart_as_wide_as_the_thorax_has_no_ratio():
    masks = {name: Runs.from_mask(mask) for name, mask in (FRONTAL | {"heart": box(30, 5, 52, 70)}).items()}
    found = {each.name: each for each in measure_frontal(masks)}
    for name in ("ctr_columns", "ctr_rows"):
        assert np.isnan(found[name].value)
        assert found[name].excluded == "The heart is as wide as the thorax or wider (ratio 1.00)."
    assert found["heart_width"].value == 66
