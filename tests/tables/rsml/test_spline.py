import numpy as np
import pytest

from cxrfactory.tables.rsml import spline_points


def rootnav(before, start, end, after, tension, at):
    """The polynomial as RootNav states it, for one coordinate."""
    pull = (1 - tension) / 2
    a = pull * (-(at**3) + 2 * at**2 - at)
    b = pull * (at**2 - at**3)
    c = b + (2 * at**3 - 3 * at**2 + 1)
    d = pull * (at**3 - 2 * at**2 + at) + (-2 * at**3 + 3 * at**2)
    return a * before + c * start + d * end - b * after


@pytest.mark.parametrize("tension", [0.5, 0.0, -0.7])
def test_points_are_those_of_the_polynomial_of_rootnav(tension):
    control = np.array([[0.0, 0.0], [10.0, 3.0], [12.0, 20.0], [30.0, 22.0]])
    around = np.vstack([2 * control[0] - control[1], control, 2 * control[-1] - control[-2]])
    expected = [control[0]]
    for place in range(3):
        steps = int(np.ceil(np.hypot(*(control[place + 1] - control[place])) / 2))
        for at in range(1, steps + 1):
            expected.append(rootnav(*around[place : place + 4], tension, at / steps))
    np.testing.assert_allclose(spline_points(control, tension), expected, atol=1e-12)


def test_tension_of_one_gives_straight_lines_and_few_points_stay():
    control = np.array([[0.0, 0.0], [30.0, 40.0], [0.0, 80.0]])
    points = spline_points(control, 1.0)
    assert np.hypot(*np.diff(points, axis=0).T).sum() == pytest.approx(100)
    np.testing.assert_array_equal(spline_points(control[:1]), control[:1])
    np.testing.assert_array_equal(spline_points(control[[0, 0]]), control[[0, 0]])


def test_far_points_do_not_give_endless_points():
    assert len(spline_points(np.array([[0.0, 0.0], [1e9, 0.0]]))) == 1001
