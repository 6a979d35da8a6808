import numpy as np
import pytest

from cxrfactory.models.roots.scale import enlarged, shrink_for, shrunk, shrunk_points, shrunk_shape


@pytest.mark.parametrize(("width", "shrink"), [(2.0, 1), (4.8, 1), (7.0, 2), (9.2, 2), (11.0, 3), (40.0, 4)])
def test_wide_roots_are_shrunk_to_about_four_pixels(width, shrink) -> None:
    assert shrink_for(width) == shrink


def test_a_shrunk_picture_holds_the_means_of_its_pixels() -> None:
    grey = np.array([[0, 2, 10, 10], [4, 6, 10, 10]], np.uint8)
    np.testing.assert_array_equal(shrunk(grey, 2), [[3, 10]])
    assert shrunk(grey, 1) is grey
    assert shrunk_shape((7, 5), 2) == (4, 2)


def test_points_follow_the_picture_there_and_back() -> None:
    rows, columns = np.mgrid[:60, :44]
    hill = np.exp(-((columns - 20.5) ** 2 + (rows - 31.5) ** 2) / 30)
    small = shrunk((hill * 255).astype(np.uint8), 4)
    ((x, y),) = shrunk_points(np.array([[20.5, 31.5]]), hill.shape, 4)
    weights = small / small.sum()
    centre = (weights * np.arange(small.shape[1])).sum(), (weights * np.arange(small.shape[0])[:, None]).sum()
    assert (x, y) == pytest.approx(centre, abs=0.05)
    large = enlarged(small.astype(np.float32), hill.shape)
    assert large.shape == hill.shape
    assert np.unravel_index(large.argmax(), large.shape) == pytest.approx((31.5, 20.5), abs=2)
