import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cxrfactory.models.tanimoto import contour_weights, contour_window, tanimoto


def slow_tanimoto(p, y, w, smooth):
    """The paper's formula, pixel by pixel."""

    def coefficient(flip):
        common = either = 0.0
        for index in np.ndindex(p.shape):
            a, b = (1 - p[index], 1 - y[index]) if flip else (p[index], y[index])
            common += w[index] * a * b
            either += w[index] * (a * a + b * b - a * b)
        return (common + smooth) / (either + smooth)

    return (coefficient(False) + coefficient(True)) / 2


def slow_contour_weights(y, window):
    """A pixel is border where the part of its window inside the image holds both classes."""
    reach = window // 2
    weights = np.ones(y.shape)
    for row, column in np.ndindex(y.shape):
        seen = y[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1]
        if 0.005 < seen.mean() < 0.995:
            weights[row, column] = 3
    return (weights / weights.mean()) ** 2


MAPS = hnp.arrays(np.float64, (3, 4), elements=st.floats(0, 1))


@given(MAPS, hnp.arrays(np.bool_, (3, 4)), MAPS, st.sampled_from([1e-5, 1.0]))
@settings(max_examples=40, deadline=None)
def test_equals_the_slow_formula_and_stays_within_bounds(p, y, w, smooth):
    found = float(tanimoto(torch.from_numpy(p), torch.from_numpy(y).double(), torch.from_numpy(w), smooth))
    assert math.isclose(found, slow_tanimoto(p, y.astype(float), w, smooth), rel_tol=1e-9)
    assert 0 <= found <= 1 + 1e-12


@given(MAPS, hnp.arrays(np.bool_, (3, 4)))
@settings(max_examples=20, deadline=None)
def test_complement_makes_it_symmetric(p, y):
    p, y = torch.from_numpy(p), torch.from_numpy(y).double()
    torch.testing.assert_close(tanimoto(p, y), tanimoto(1 - p, 1 - y))


def test_exact_values():
    y = torch.tensor([[1.0, 1, 0, 0]])
    assert float(tanimoto(y, y)) == 1
    assert float(tanimoto(torch.zeros(1, 4), torch.zeros(1, 4))) == 1  # an empty map, found empty
    # All wrong: nothing in common, 4 pixels differ, smoothing 1.
    assert math.isclose(float(tanimoto(1 - y, y)), 1 / 5, rel_tol=1e-6)
    # One half everywhere: common 1, squares 4 / 4 + 2 - 1; the complement is the same.
    assert math.isclose(float(tanimoto(torch.full((1, 4), 0.5), y)), (1 + 1) / (1 + 2 - 1 + 1), rel_tol=1e-6)
    # A pixel without weight does not count.
    w = torch.tensor([[1.0, 1, 1, 0]])
    assert float(tanimoto(torch.tensor([[1.0, 1, 0, 1]]), y, w)) == 1


@pytest.mark.parametrize("window", [3, 5, 11])
def test_contour_weights_equal_the_slow_ones(window):
    rng = np.random.default_rng(0)
    y = np.zeros((2, 1, 14, 17))
    y[0, 0, 3:9, 0:8] = 1
    y[1, 0] = rng.random((14, 17)) > 0.98
    found = contour_weights(torch.from_numpy(y), window).numpy()
    for index in range(2):
        np.testing.assert_allclose(found[index, 0], slow_contour_weights(y[index, 0], window), rtol=1e-6)


def test_contour_weights_of_known_masks():
    assert torch.equal(contour_weights(torch.zeros(1, 1, 20, 20)), torch.ones(1, 1, 20, 20))
    assert torch.equal(contour_weights(torch.ones(1, 1, 20, 20)), torch.ones(1, 1, 20, 20))
    half = torch.zeros(1, 1, 30, 30)
    half[..., 15:] = 1
    weights = contour_weights(half, 5)
    border = weights[0, 0, 0] > 1
    assert border.nonzero().flatten().tolist() == [13, 14, 15, 16]
    assert math.isclose(float(weights[0, 0, 0, 14] / weights[0, 0, 0, 0]), 9, rel_tol=1e-5)
    torch.testing.assert_close(weights.sqrt().mean(), torch.tensor(1.0))


def test_window_grows_with_the_image():
    assert [contour_window(side) for side in (64, 150, 151, 300, 512, 1024)] == [11, 11, 21, 21, 31, 41]
