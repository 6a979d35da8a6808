import numpy as np
import pytest

from cxrfactory.geometry.flags import quality_flags
from cxrfactory.geometry.measurement import excluded, measured
from cxrfactory.geometry.runs import Runs
from tests.geometry.phantoms import rectangle

SHAPE = (200, 300)


def flags(masks=(), *measurements, **limits):
    return {flag.name: flag for flag in quality_flags(dict(masks), measurements, **limits)}


def lungs(left=20, bottom=149):
    return {
        "right lung": Runs.from_mask(rectangle(SHAPE, left, 30, 99, bottom)),
        "left lung": Runs.from_mask(rectangle(SHAPE, 150, 40, 219, 159)),
    }


@pytest.mark.parametrize(("value", "raised"), [(-0.5, True), (0.33, False), (0.34, True)])
def test_a_film_is_rotated_where_the_clavicles_are_far_from_symmetric(value, raised):
    flag = flags({}, measured("clavicle_symmetry", value, (), ()))["rotated"]
    assert flag.raised is raised
    assert flag.reason == f"Clavicle symmetry {value:.2f}, limit 0.33."


@pytest.mark.parametrize(("ribs", "raised"), [(7, True), (8, False)])
def test_inspiration_is_poor_where_few_ribs_are_above_the_diaphragm(ribs, raised):
    assert flags({}, measured("posterior_ribs", ribs, (), ()))["poor_inspiration"].raised is raised
    assert flags({}, measured("posterior_ribs", ribs, (), ()), least_ribs=9)["poor_inspiration"].raised is True


def test_what_was_not_measured_is_not_decided():
    assert flags()["rotated"].raised is None
    reason = "There is no mask of the left clavicle."
    flag = flags({}, excluded("clavicle_symmetry", reason))["rotated"]
    assert (flag.raised, flag.reason) == (None, reason)


def test_a_lung_on_the_border_is_clipped():
    assert flags(lungs())["clipped"].raised is False
    flag = flags(lungs(left=0))["clipped"]
    assert flag.raised is True
    assert flag.reason == "120 pixels of the right lung lie on the border of the frame."
    assert flags(lungs(bottom=199))["clipped"].raised is True
    assert flags({"right lung": lungs()["right lung"]})["clipped"].raised is None
    assert flags({**lungs(), "left lung": Runs.from_mask(np.zeros(SHAPE))})["clipped"].raised is None


def test_a_few_pixels_on_the_border_do_not_clip():
    speck = lungs()["right lung"].union([Runs.from_mask(rectangle(SHAPE, 50, 0, 50, 0))])
    assert flags({**lungs(), "right lung": speck})["clipped"].raised is False
