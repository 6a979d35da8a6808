import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.imaging.radiograph.image import Radiograph
from cxrfactory.imaging.radiograph.intensity import Enhancement
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.imaging.turns import ORIENTATIONS, displayed, stored, stored_points


def framed():
    """70 x 90 values of 1000 to 3000 in a border of 0: 10 above, 20 below, 5 left, 15 right."""
    pixels = np.zeros((100, 110), np.uint16)
    pixels[10:80, 5:95] = np.random.default_rng(0).integers(1000, 3001, (70, 90))
    pixels[10, 5], pixels[10, 6] = 1000, 3000
    return Radiograph(pixels)


def test_border_is_cut_before_the_range_is_taken():
    image, geometry = prepare(framed(), Preparation(size=90))
    assert geometry == Geometry(100, 110, 10, 5, 70, 90, 90)
    inside = image[10:80]
    assert (int(inside.min()), int(inside.max())) == pytest.approx(
        (20, 235), abs=3
    )  # uniform values with a margin of a tenth
    assert not image[:10].any()
    assert not image[80:].any()


def test_borders_kept_on_request():
    image, geometry = prepare(framed(), Preparation(size=110, remove_borders=False))
    assert geometry == Geometry.whole(100, 110, 110)
    assert not image[:5].any()  # five rows above make the square


def test_crop_is_widened_to_points_over_the_border():
    keep = np.array([[2.4, 40.0], [60.0, 91.2]])  # x, y
    _, geometry = prepare(framed(), Preparation(size=64), keep)
    assert (geometry.crop_left, geometry.crop_top) == (2, 10)
    assert (geometry.crop_left + geometry.crop_width, geometry.crop_top + geometry.crop_height) == (95, 93)
    moved = geometry.forward_points(keep)
    assert moved.min() >= -0.5
    assert moved.max() <= 63.5


def test_points_outside_widen_to_the_image_at_most():
    _, geometry = prepare(framed(), Preparation(size=64), np.array([[-5.0, -5.0], [500.0, 500.0]]))
    assert geometry == Geometry.whole(100, 110, 64)


def test_padding_does_not_enter_the_histogram():
    plain, _ = prepare(framed(), Preparation(size=90))
    equalised, _ = prepare(framed(), Preparation(size=90, enhancement=Enhancement(equalise=True)))
    assert not equalised[:10].any()
    assert np.abs(np.median(equalised[10:80]) - 128) < 6
    assert not np.array_equal(plain, equalised)


@pytest.mark.parametrize("options", [{"size": 0}, {"max_megapixels": 0}, {"max_megapixels": float("nan")}])
def test_impossible_recipes_are_refused(options):
    with pytest.raises(CxrError):
        Preparation(**options)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_points_to_keep_are_those_of_the_file(orientation):
    """A film with a border of 10 columns on its left, and one point in it."""
    pixels = np.zeros((100, 110), np.uint8)
    pixels[:, 10:] = np.random.default_rng(1).integers(50, 200, (100, 100))
    film = Radiograph(pixels, orientation=orientation)
    point = stored_points(np.array([[4.0, 50.0]]), orientation, *film.stored_shape)
    _, geometry = prepare(film, Preparation(size=64), keep=point)
    assert (geometry.original_height, geometry.original_width) == film.stored_shape
    assert stored(pixels, orientation).shape == film.stored_shape
    kept = np.zeros(film.stored_shape, bool)
    kept[
        geometry.crop_top : geometry.crop_top + geometry.crop_height,
        geometry.crop_left : geometry.crop_left + geometry.crop_width,
    ] = True
    expected = np.zeros((100, 110), bool)
    expected[:, 4:] = True
    assert np.array_equal(displayed(kept, orientation), expected)
