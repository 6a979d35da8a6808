"""Scale by QR codes of known side."""

import cv2
import numpy as np
import pytest

from cxrfactory.roots.reading.scale import qr_side, scale_of
from tests.roots.reading.plates import plate, with_code


@pytest.mark.parametrize(("side", "degrees"), [(67.3, 0), (67.3, 4), (90.0, 33), (140.0, 0)])
def test_the_side_of_a_code_is_measured_within_a_few_thousandths(side, degrees):
    picture, truth = with_code(side, (160, 60), degrees)
    assert qr_side(picture) == pytest.approx(truth, rel=0.003)


@pytest.mark.parametrize("factor", [6.0, 12.5])
def test_a_code_in_a_very_large_picture_is_measured(factor):
    picture, truth = with_code(67.3, (160, 60), 4)
    large = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    assert qr_side(large) == pytest.approx(truth * factor, rel=0.003)


def test_a_picture_without_a_code_has_none():
    assert qr_side(plate(0)) is None


def test_a_code_seen_at_an_angle_is_not_used():
    picture, _ = with_code(140)
    squeezed = cv2.resize(picture, (400, 340), interpolation=cv2.INTER_AREA)
    assert qr_side(picture) is not None
    assert cv2.QRCodeDetector().detectAndDecode(squeezed)[0]  # it can be read
    assert qr_side(squeezed) is None


def test_the_scale_is_the_median_of_the_pictures_that_agree():
    pictures = [with_code(80.0)[0], with_code(80.4)[0], plate(0), with_code(80.2)[0], with_code(100.0)[0]]
    found = scale_of(pictures, qr_mm=10.0)
    assert found.mm_per_pixel == pytest.approx(10 / 80.2, rel=0.003)
    assert (found.seen, found.looked_at) == (3, 5)
    assert found.spread < 0.005


def test_codes_that_do_not_agree_give_no_scale():
    assert scale_of([with_code(80.0)[0], with_code(100.0)[0]], 10.0) is None
    assert scale_of([plate(0)], 10.0) is None
    assert scale_of(iter([]), 10.0) is None


def test_noise_has_no_code():
    noise = np.random.default_rng(0).integers(0, 255, (300, 300), dtype=np.uint8)
    assert qr_side(noise) is None
