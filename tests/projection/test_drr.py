"""Line integrals and projected labels against slow, obvious loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.errors import CxrError
from cxrfactory.projection.drr import MU_WATER_PER_MM, attenuation, display, line_integrals, project_labels


def test_attenuation_of_air_water_bone():
    mu = attenuation(np.array([-2048.0, -1000.0, 0.0, 1000.0]))
    np.testing.assert_allclose(mu, [0, 0, MU_WATER_PER_MM, 2 * MU_WATER_PER_MM], rtol=1e-6)


def test_ten_centimetres_of_water():
    water = np.full((2, 50, 3), MU_WATER_PER_MM, np.float32)
    np.testing.assert_allclose(line_integrals(water, (5.0, 2.0, 9.0), "PA"), np.full((2, 3), 1.92), rtol=1e-5)


def test_orientation_of_both_views():
    volume = np.zeros((4, 5, 6), np.float32)
    volume[3, 4, 5] = 1  # head, front, patient's right
    pa, ll = (line_integrals(volume, (1, 1, 1), view) for view in ("PA", "LL"))
    assert pa[0, 0] == 1  # head up, patient's right on the image's left
    assert ll[0, 0] == 1  # head up, facing the image's left
    assert pa.sum() == ll.sum() == 1


@given(st.integers(0, 2**31))
@settings(max_examples=10, deadline=None)
def test_labels_equal_any_along_the_axis(seed):
    labels = np.random.default_rng(seed).integers(0, 12, (4, 5, 6)).astype(np.uint8)
    wanted = [3, 11, 5]
    pa, ll = project_labels(labels, wanted)
    for place, value in enumerate(wanted):
        np.testing.assert_array_equal(pa[place], (labels == value).any(axis=1)[::-1, ::-1])
        np.testing.assert_array_equal(ll[place], (labels == value).any(axis=2)[::-1, ::-1])


def test_structures_may_overlap():
    labels = np.zeros((1, 2, 1), np.uint8)
    labels[0, 0], labels[0, 1] = 1, 2
    pa, _ = project_labels(labels, [1, 2])
    assert pa.tolist() == [[[1]], [[1]]]


def test_unknown_view_is_refused():
    with pytest.raises(CxrError, match="unknown view 'AP'"):
        display(np.zeros((2, 2)), "AP")
