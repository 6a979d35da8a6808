"""Pictures of virtual plates and their masks."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from cxrfactory.config.roots import RootsCohortConfig
from cxrfactory.geometry.roots.polyline import piece
from cxrfactory.roots.cohort.distance import FAR_PX, RootField
from cxrfactory.roots.cohort.picture import Picture, pictures_of
from cxrfactory.roots.cohort.plate import Plate, draw_plate
from cxrfactory.roots.cohort.scenery import QR_MM

SMALL = RootsCohortConfig(plates=1, training_plates=2, plants=2, frames=3, interval_minutes=4000, plate_px=256)
LARGE = RootsCohortConfig(plates=1, training_plates=2, frames=3, interval_minutes=4000)


def _far(points: np.ndarray, side: int) -> np.ndarray:
    """Distance of each pixel's centre from a polyline: the plain way."""
    at = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).astype(float)
    best = np.full((side, side), np.inf)
    for start, end in pairwise(points):
        way = end - start
        share = np.clip(((at - start) @ way) / max(way @ way, 1e-300), 0, 1)
        best = np.minimum(best, np.linalg.norm(at - start - share[..., None] * way, axis=-1))
    return best


@pytest.fixture(scope="module")
def small() -> tuple[Plate, list[Picture]]:
    plate = draw_plate("first-0", SMALL)
    return plate, list(pictures_of(plate))


@pytest.fixture(scope="module", params=["first-0", "second-0", "train-0", "train-1"])
def large(request) -> tuple[Plate, list[Picture]]:
    plate = draw_plate(request.param, LARGE)
    return plate, list(pictures_of(plate))


def test_masks_are_the_pixels_within_the_half_width_of_the_lines(small):
    plate, pictures = small
    for picture in pictures:
        expected = np.zeros((256, 256), bool)
        for plant in plate.plants:
            for root in plant.roots:
                if (length := root.lengths_px[picture.frame]) > 0:
                    expected |= _far(piece(root.points, 0.0, length), 256) <= root.half_width_px
        np.testing.assert_array_equal(picture.mask, expected)
    assert not pictures[0].mask.any()
    assert pictures[2].mask.sum() > 300


def test_distances_are_exact_near_roots_whatever_the_order_of_pieces():
    rng = np.random.default_rng(0)
    points = np.cumsum(rng.normal(0, 3, (20, 2)), axis=0) + 32
    whole, parts = RootField(64, 64), RootField(64, 64)
    whole.add(points, 1.3, np.linspace(0, 1, 20))
    for first in (12, 5, 0):
        parts.add(points[first : first + 8], 1.3, np.linspace(0, 1, 20)[first : first + 8])
    expected = np.minimum(_far(points, 64) - 1.3, FAR_PX)
    np.testing.assert_allclose(whole.distance, expected, atol=1e-9)
    np.testing.assert_allclose(parts.distance, expected, atol=1e-9)


def test_masks_only_grow(large):
    _, pictures = large
    for one, two in pairwise(pictures):
        assert not (one.mask & ~two.mask).any()


def test_roots_differ_from_their_surroundings_in_the_picture_at_the_shifted_place(large):
    plate, pictures = large
    mask = pictures[-1].mask.astype(np.uint8)
    x, y = -plate.shifts[-1]
    shown = cv2.warpAffine(mask, np.array([[1, 0, x], [0, 1, y]]), mask.shape[::-1], flags=cv2.INTER_NEAREST) > 0
    ring = cv2.dilate(shown.astype(np.uint8), np.ones((13, 13))) > 0
    ring &= cv2.dilate(shown.astype(np.uint8), np.ones((9, 9))) == 0
    grey = pictures[-1].grey.astype(float)
    step = grey[shown].mean() - grey[ring].mean()
    assert (step < -10) if plate.look.inverted else (step > 10)


def test_qr_codes_of_most_pictures_are_read_and_give_the_scale(large):
    plate, pictures = large
    read = 0
    for picture in pictures:
        kept = cv2.imencode(".jpg", picture.grey, [cv2.IMWRITE_JPEG_QUALITY, plate.look.quality])[1]
        decoded = cv2.imdecode(kept, cv2.IMREAD_GRAYSCALE)
        fine = cv2.resize(decoded, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)  # a module has 3 pixels only
        text, corners, _ = cv2.QRCodeDetector().detectAndDecode(fine)
        if not text:
            continue
        assert text == plate.name
        assert QR_MM / _width_of_code(decoded, corners[0] / 3) == pytest.approx(plate.mm_per_pixel, rel=0.01)
        read += 1
    assert read >= 2


def _width_of_code(picture: np.ndarray, corners: np.ndarray) -> float:
    """Distance between the outer edges of the two upper finder patterns, each where the grey is half-way, pixels.

    OpenCV's corners lie up to half a pixel outside of the code, and are only used to find the rows and the edges.
    """
    (left, top), (right, _) = corners[:2]
    module = (right - left) / 21
    profile = picture[round(top + 1.5 * module) : round(top + 5.5 * module)].mean(0)

    def crossing(edge: float, inwards: int) -> float:
        at = round(edge) + inwards * np.arange(-4, 3)
        values = profile[at]
        half = (values[:2].mean() + values.min()) / 2
        first = int(np.argmax(values < half))
        return float(at[first] - inwards * (half - values[first]) / (values[first - 1] - values[first]))

    return crossing(right, -1) - crossing(left, 1)


def test_pictures_are_shifted_by_what_the_plate_says(large):
    plate, pictures = large
    x, y = -np.round(plate.shifts[-1]).astype(int)
    window = cv2.createHanningWindow((600, 100), cv2.CV_32F)
    # The plate's upper wall and label, where nothing grows.
    one = pictures[0].grey[10:110, 190:790].astype(np.float32)
    two = pictures[-1].grey[10 + y : 110 + y, 190 + x : 790 + x].astype(np.float32)
    (dx, dy), _ = cv2.phaseCorrelate(one, two, window)
    assert np.abs(np.array([dx + x, dy + y]) + plate.shifts[-1]).max() < 0.15


def test_every_third_training_plate_shows_dark_roots_and_no_other_does():
    inverted = [draw_plate(f"train-{number}", SMALL).look.inverted for number in range(6)]
    assert inverted == [False] * 5 + [True]
    assert not draw_plate("first-1", SMALL).look.inverted


def test_the_camera_moves_once_on_some_plates():
    settings = SMALL.model_copy(update={"frames": 40})
    plates = [draw_plate(f"first-{number}", settings) for number in range(24)]
    moved = [plate for plate in plates if plate.look.moved]
    assert 1 <= len(moved) <= 12
    for plate in plates:
        steps = np.linalg.norm(np.diff(plate.shifts, axis=0), axis=1)
        assert (steps > 4).sum() == int(plate.look.moved)
        assert (plate.shifts[0] == 0).all()
        assert not plate.look.moved or steps.max() == pytest.approx(8, abs=2.5)
