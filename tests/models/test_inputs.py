import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cxrfactory.models.inputs import to_fractions, to_input, to_pixels


@given(st.integers(32, 2048), st.lists(st.floats(-100, 3000), min_size=2, max_size=2))
def test_pixels_and_fractions_are_inverse(size, point):
    points = np.array([point])
    np.testing.assert_allclose(to_pixels(to_fractions(points, size), size), points, atol=1e-9)


def test_a_bright_pixel_keeps_its_place_as_a_fraction():
    image = np.zeros((64, 64), np.uint8)
    image[8:12, 40:44] = 255  # its centre lies at x = 41.5, y = 9.5
    small = to_input(image, 32)
    rows, columns = np.nonzero(small > 0.5)
    centre = np.array([[columns.mean(), rows.mean()]])
    np.testing.assert_allclose(to_fractions(centre, 32), to_fractions(np.array([[41.5, 9.5]]), 64))


def test_range_is_zero_to_one():
    image = np.array([[0, 255], [128, 64]], np.uint8)
    np.testing.assert_array_equal(to_input(image, 2), image.astype(np.float32) / 255)
