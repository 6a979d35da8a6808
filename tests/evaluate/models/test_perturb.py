import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrfactory.evaluate.models.perturb import (
    IDENTITY,
    NONE,
    invert_transform,
    markers,
    rotation,
    suite,
    transform_points,
)
from cxrfactory.imaging.radiograph.image import Radiograph
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare

SPOTS = np.array([[60.0, 80.0], [140.0, 90.0], [100.0, 150.0]])
SUITE = suite()
NAMES = [f"{each.kind} {each.level}" for each in SUITE]


def spotted(side=200):
    rows, columns = np.mgrid[:side, :side]
    image = np.full((side, side), 60.0)
    for x, y in SPOTS:
        image += 100 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 3.0**2))
    return np.rint(image).astype(np.uint8)


def radiograph(side=200):
    rng = np.random.default_rng(0)
    smooth = cv2.GaussianBlur(rng.normal(size=(side, side)), (0, 0), 6)
    return np.rint(255 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.uint8)


def centre_near(image, point, radius=14):
    """Centre of mass of a spot, above its surroundings."""
    x, y = np.rint(point).astype(int)
    window = image[y - radius : y + radius + 1, x - radius : x + radius + 1].astype(np.float64)
    window = np.clip(window - np.median(window) - 5, 0, None)
    rows, columns = np.mgrid[y - radius : y + radius + 1, x - radius : x + radius + 1]
    return np.array([(window * columns).sum(), (window * rows).sum()]) / window.sum()


@pytest.mark.parametrize(
    "each", [each for each in SUITE if each.kind != "polarity"], ids=lambda each: f"{each.kind} {each.level}"
)
def test_points_go_where_the_picture_goes(each):
    changed = each.apply(spotted(), np.random.default_rng(0))
    for point in transform_points(SPOTS, changed.transform):
        limit = 1.0 if each.kind in ("noise", "JPEG quality") else 0.25
        np.testing.assert_allclose(centre_near(changed.pixels, point), point, atol=limit)


@pytest.mark.parametrize("each", SUITE, ids=NAMES)
def test_the_map_has_an_inverse_and_the_image_is_not_changed(each):
    image = radiograph()
    before = image.copy()
    changed = each.apply(image, np.random.default_rng(0))
    np.testing.assert_array_equal(image, before)
    back = transform_points(transform_points(SPOTS, changed.transform), invert_transform(changed.transform))
    np.testing.assert_allclose(back, SPOTS, atol=1e-9)
    same = each.apply(image, np.random.default_rng(0))
    np.testing.assert_array_equal(changed.pixels, same.pixels)


def test_the_suite_covers_what_is_promised():
    assert len(set(NAMES)) == len(NAMES)
    assert (SUITE[0].kind, SUITE[0].level) == (NONE, NONE)
    promised = ["gamma 0.4", "gamma 2.5", "contrast 0.25", "polarity negative", "markers 0.08", "black border 0.15"]
    promised += [
        "white border 0.15",
        "zoom 0.75",
        "zoom 1.2",
        "aspect 0.8",
        "aspect 1.25",
        "rotation -10",
        "rotation +10",
    ]
    promised += ["JPEG quality 40", "16 bits x 257"]
    assert set(promised) <= set(NAMES)


@pytest.mark.parametrize("each", [each for each in SUITE if each.kind == "16 bits"], ids=lambda each: each.level)
def test_a_copy_in_16_bits_is_prepared_to_the_same_image(each):
    image = radiograph()
    copy = each.apply(image, np.random.default_rng(0))
    assert copy.pixels.dtype == np.uint16
    expected, _ = prepare(Radiograph(image), Preparation(64))
    np.testing.assert_array_equal(prepare(Radiograph(copy.pixels), Preparation(64))[0], expected)


def test_exact_grey_values():
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    found = {(each.kind, each.level): each.apply(ramp, np.random.default_rng(0)).pixels.ravel() for each in SUITE[:20]}
    assert found["polarity", "negative"].tolist() == list(range(255, -1, -1))
    assert found["gamma", "2"][128] == round(255 * (128 / 255) ** 2)
    assert (found["contrast", "0.25"][0], found["contrast", "0.25"][255]) == (96, 159)
    assert found["brightness", "+60"].tolist() == [min(255, level + 60) for level in range(256)]


@given(st.integers(0, 50))
def test_markers_are_white_on_darkened_tissue_and_in_the_corners(seed):
    image = np.full((200, 200), 250, np.uint8)
    found = markers(image, np.random.default_rng(seed), 0.08, tissue=0.4).pixels
    white = np.argwhere(found == 255)
    assert set(np.unique(found)) == {100, 255}
    assert 0.08 * 200 <= np.ptp(white[white[:, 1] < 100, 0]) + 1 <= 0.12 * 200  # strokes stand out
    assert white[:, 0].max() < 0.3 * 200
    columns = white[:, 1]
    assert ((columns < 0.25 * 200) | (columns > 0.75 * 200)).all()
    assert (columns < 100).any()
    assert (columns > 100).any()


def test_letters_do_not_keep_a_border_from_being_cut_off():
    for each in SUITE:
        if each.kind.startswith("black border"):
            framed = each.apply(radiograph(), np.random.default_rng(0)).pixels
            _, geometry = prepare(Radiograph(framed), Preparation(64))
            whole = geometry.crop_height > 200 + 1.5 * 200 * float(each.level)
            assert not whole


def test_turns_are_counter_clockwise_as_seen():
    transform = rotation(np.zeros((101, 101), np.uint8), np.random.default_rng(0), 90).transform
    np.testing.assert_allclose(transform_points(np.array([[100.0, 50.0]]), transform), [[50, 0]], atol=1e-9)
    np.testing.assert_array_equal(transform_points(SPOTS, IDENTITY), SPOTS)
