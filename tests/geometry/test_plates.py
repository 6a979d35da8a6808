import numpy as np
import pytest

from cxrfactory.geometry.plates import challenge_angles, corner_tilts, mask_tilt
from cxrfactory.geometry.runs import Runs
from tests.geometry.phantoms import arc_corners, box_runs, turned

BOX = np.array([[-45.0, -23], [45, -23], [-45, 23], [45, 23]])


def test_corners_give_the_tilt_of_the_middle_line():
    corners = np.stack([turned(BOX, degrees, 0) for degrees in (-30, 0, 12.5)])
    np.testing.assert_allclose(corner_tilts(corners), [-30, 0, 12.5], atol=1e-9)


@pytest.mark.parametrize("degrees", [-50, -20, -3, 0, 7, 33, 50])
@pytest.mark.parametrize("lean_error", [-10, 10])
def test_the_borders_of_a_mask_give_its_tilt(degrees, lean_error):
    runs = box_runs(turned(BOX, degrees, 0) + 80.3, (160, 160))
    assert mask_tilt(runs, -degrees + lean_error) == pytest.approx(degrees, abs=0.3)


def test_a_wedge_has_the_mean_tilt_of_its_borders():
    wedge = np.array([[-45.0, -20], [45, -30], [-45, 20], [45, 25]]) + 80.3
    expected = np.degrees(np.arctan([-10 / 90, 5 / 90])).mean()
    assert mask_tilt(box_runs(wedge, (160, 160)), 0) == pytest.approx(expected, abs=0.3)


def test_a_border_that_is_not_straight_has_no_tilt():
    mask = np.zeros((160, 160), bool)
    mask[50:90, 40:120] = mask[90:120, 70:90] = True
    assert np.isnan(mask_tilt(Runs.from_mask(mask), 0))
    assert np.isnan(mask_tilt(Runs.from_mask(mask[:, 40:44]), 0))


def test_a_simple_curve_has_the_angles_of_its_ends():
    largest, above, below = challenge_angles(arc_corners(50), 1400)
    assert largest == pytest.approx(50)
    assert (above, below) == pytest.approx((0, 0), abs=1e-9)


@pytest.mark.parametrize("height", [2800, 100])
def test_a_double_curve_has_the_largest_angles_above_and_below(height):
    tilts = np.array([5.0, 20, -15, -15, 10, 0])
    x = np.array([0.0, 10, 0, -10, -5, 0])
    corners = np.stack([turned(BOX, tilt, 0) + np.array([x[row], 80 * row + 40]) for row, tilt in enumerate(tilts)])
    largest, above, other = challenge_angles(corners, height)
    assert (largest, above) == pytest.approx((35, 15))
    # In the upper half, the other curve lies below; in the lower half, above the second one.
    assert other == pytest.approx(25 if height == 2800 else 0)
