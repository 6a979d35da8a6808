"""Shift and turn between pictures against known ones, and against OpenCV's phase correlation."""

import re

import cv2
import numpy as np
import pytest

from cxrfactory.roots.reading.camera import Camera, same_place
from cxrfactory.roots.reading.shift import shift_between, spectrum_of, turn_between, view_of
from tests.roots.reading.plates import SIDE, plate


@pytest.mark.parametrize("shift", [(0, 0), (0.4, -0.3), (3.25, -7.6), (-18.5, 11.0)])
def test_shifts_are_found_to_a_fraction_of_a_pixel(shift):
    found = shift_between(spectrum_of(plate(0)), spectrum_of(plate(20, shift)))
    assert np.hypot(found.x + shift[0], found.y + shift[1]) < 0.1
    assert found.response > 0.5


def test_whole_shifts_are_those_of_opencv():
    one, other = plate(0), np.roll(plate(0), (5, -9), (0, 1))
    window = cv2.createHanningWindow((SIDE, SIDE), cv2.CV_32F)
    reference, _ = cv2.phaseCorrelate(other.astype(np.float32), one.astype(np.float32), window)
    found = shift_between(spectrum_of(one), spectrum_of(other))
    assert (found.x, found.y) == pytest.approx(reference, abs=0.15)
    assert (found.x, found.y) == pytest.approx((9, -5), abs=0.05)


def test_a_picture_lies_over_itself():
    found = shift_between(spectrum_of(plate(0)), spectrum_of(plate(0)))
    assert (found.x, found.y) == pytest.approx((0, 0), abs=1e-4)
    assert found.response == pytest.approx(1, abs=0.05)


def test_sizes_must_be_the_same():
    with pytest.raises(ValueError, match="one size"):
        shift_between(spectrum_of(plate(0)), spectrum_of(plate(0)[:100]))


@pytest.mark.parametrize("degrees", [0, 0.5, -0.8])
def test_turns_are_found_by_the_quarters(degrees):
    found = turn_between(view_of(plate(0)), view_of(plate(8, (2, 1), degrees)))
    assert found == pytest.approx(degrees, abs=0.1)


def test_pictures_of_one_place_may_be_shifted_and_not_turned():
    assert same_place(plate(0), plate(30, (8, 3)))
    assert not same_place(plate(0), plate(0, degrees=1))
    assert not same_place(plate(0), plate(0, degrees=7))


def test_the_camera_lays_pictures_over_the_first():
    camera = Camera(plate(0), 2.0, most_shift_px=30)
    placed = camera.place(plate(1, (4, -3)))
    assert (placed.x, placed.y) == pytest.approx((-8, 6), abs=0.2)
    assert placed.fault is None
    assert re.match(r"camera moved: 3[12]\.\d px away", camera.place(plate(2, (16, 0))).fault)
    assert "turned by more than 0.3 degrees" in camera.place(plate(3, degrees=0.8)).fault
    assert "lies over neither" in camera.place(plate(3, degrees=25)).fault
    assert camera.place(plate(4)).fault is None


def test_a_shift_below_the_error_of_measurement_is_none():
    placed = Camera(plate(0), 1.0, 40).place(plate(1, (0.02, 0.03)))
    assert (placed.x, placed.y) == (0, 0)


def test_a_picture_that_has_changed_since_the_first_is_laid_over_the_last():
    start, end = (
        cv2.GaussianBlur(np.random.default_rng(seed).normal(128, 400, (SIDE, SIDE)), (0, 0), 3) for seed in (0, 1)
    )
    half = (start + end) / 2
    later = np.roll(end, 3, axis=1)
    camera = Camera(start, 1.0, 40)
    assert camera.place(later).fault is not None  # the two do not fit without the one between them
    assert camera.place(half).fault is None
    placed = camera.place(later)
    assert placed.fault is None
    assert (placed.x, placed.y) == pytest.approx((-3, 0), abs=0.1)
