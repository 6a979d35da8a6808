"""Contours without loops: exact small cases, and properties on random closed curves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.anatomy.loops import SMALL_LOOP, crossings, without_loops

CIRCLE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 24, endpoint=False)),
                   np.sin(np.linspace(0, 2 * np.pi, 24, endpoint=False))], axis=1)  # fmt: skip


def test_a_sound_contour_is_returned_itself():
    assert crossings(CIRCLE) == 0
    assert without_loops(CIRCLE) is CIRCLE


def test_two_exchanged_nodes_meet_at_the_crossing_and_the_others_stay():
    square = np.array(
        [[x, 0.0] for x in range(8)] + [[7.0, y] for y in range(1, 8)] + [[x, 7.0] for x in range(6, -1, -1)]
    )
    twisted = square.copy()
    twisted[[3, 4]] = [[4.0, 1.0], [3.0, 1.0]]  # edges (2,0)-(4,1) and (3,1)-(5,0) cross at (3.5, 0.75)
    found = without_loops(twisted)
    np.testing.assert_allclose(found[[3, 4]], [[3.5, 0.75]] * 2)
    others = np.delete(np.arange(len(square)), [3, 4])
    np.testing.assert_array_equal(found[others], twisted[others])
    assert crossings(twisted) == 1
    assert crossings(found) == 0


@pytest.mark.parametrize("turn", range(24))
def test_a_loop_over_the_first_node_is_taken_out_too(turn):
    twisted = CIRCLE.copy()
    twisted[[5, 6]] = twisted[[6, 5]] * 1.2
    found = without_loops(np.roll(twisted, turn, axis=0))
    np.testing.assert_allclose(np.roll(found, -turn, axis=0), without_loops(twisted), atol=1e-12)
    assert crossings(found) == 0


def test_a_large_loop_stays():
    eight = CIRCLE * [1, 1]
    eight[12:] = eight[12:][::-1]
    assert crossings(eight) == 1
    assert without_loops(eight) is eight


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_only_nodes_of_small_loops_move_and_nothing_small_is_left(seed):
    rng = np.random.default_rng(seed)
    contour = CIRCLE * (1 + 0.25 * rng.standard_normal((24, 1))) + 0.1 * rng.standard_normal((24, 2))
    found = without_loops(contour)
    assert found.shape == contour.shape
    assert np.isfinite(found).all()
    assert crossings(found) <= crossings(contour)
    low, high = contour.min(axis=0), contour.max(axis=0)
    assert ((found >= low - 1e-9) & (found <= high + 1e-9)).all()
    assert SMALL_LOOP < 0.5
