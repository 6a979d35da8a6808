"""Attenuation and display."""

import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.projection.conventions import MU_WATER_PER_MM, attenuation, display, seen_axes


def test_attenuation_of_air_water_bone():
    mu = attenuation(np.array([-2048.0, -1000.0, 0.0, 1000.0]))
    np.testing.assert_allclose(mu, [0, 0, MU_WATER_PER_MM, 2 * MU_WATER_PER_MM], rtol=1e-6)


def test_display_undoes_itself_and_leaves_the_stack_alone():
    stack = np.arange(24).reshape(2, 3, 4)
    np.testing.assert_array_equal(display(display(stack, "LL"), "LL"), stack)
    np.testing.assert_array_equal(display(stack, "PA")[1], display(stack[1], "PA"))
    assert display(stack, "PA")[0, 0, 0] == stack[0, 2, 3]


def test_seen_axes():
    volume = np.zeros((2, 3, 4))
    for view, hidden in (("PA", 1), ("LL", 2)):
        assert tuple(volume.shape[axis] for axis in seen_axes(view)) == volume.sum(axis=hidden).shape


@pytest.mark.parametrize("ask", [lambda: display(np.zeros((2, 2)), "AP"), lambda: seen_axes("AP")])
def test_unknown_view_is_refused(ask):
    with pytest.raises(CxrError, match="unknown view 'AP'"):
        ask()
