"""Path integrals against sums of a float volume, and against the formula of an ellipsoid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxrfactory.errors import CxrError
from cxrfactory.projection.conventions import MU_WATER_PER_MM, attenuation
from cxrfactory.projection.integrals import AttenuationCurve, path_integrals
from cxrfactory.projection.occupancy import occupancy

SPACING = (2.5, 0.7, 0.8)
SMALL = st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 9))
BONE = AttenuationCurve((-1000, 0, 1000), (0, 0.0192, 0.0573))


def slow(mu_per_mm, spacing_mm=SPACING):
    return (
        mu_per_mm.sum(axis=1)[::-1, ::-1] * spacing_mm[1],
        mu_per_mm.sum(axis=2)[::-1, ::-1] * spacing_mm[2],
    )


def assert_close(found, wanted, rtol=1e-6):
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == np.float32
        assert one.flags.c_contiguous
        np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-9)


@given(
    st.sampled_from([np.int16, np.int32, np.float32, np.float64, np.float16, np.dtype(">f4"), np.dtype(">i2")]).flatmap(
        lambda kind: arrays(kind, SMALL, elements=st.integers(-3000, 3000))
    ),
    st.sampled_from([None, BONE]),
    st.integers(0, 2**16),
    st.integers(1, 3),
)
@settings(max_examples=40, deadline=None)
def test_equals_the_sum_of_attenuations(hu, curve, seed, threads):
    values = hu.astype(float)
    body = np.random.default_rng(seed).random(hu.shape) < 0.7
    mu = MU_WATER_PER_MM * np.maximum(1 + values / 1000, 0)
    if curve is not None:
        mu = np.interp(values, curve.hu, curve.mu_per_mm)
    assert_close(path_integrals(hu, SPACING, curve, threads=threads), slow(mu))
    assert_close(path_integrals(hu, SPACING, curve, body, threads), slow(np.where(body, mu, 0)))


def test_the_definition_is_that_of_attenuation():
    hu = np.random.default_rng(0).integers(-1100, 2000, (3, 4, 5)).astype(np.int16)
    assert_close(path_integrals(hu, SPACING), slow(attenuation(hu).astype(float)), rtol=1e-5)


def test_ten_centimetres_of_water():
    pa, ll = path_integrals(np.zeros((2, 50, 3), np.int16), (5.0, 2.0, 9.0))
    np.testing.assert_array_equal(pa, np.full((2, 3), 1.92, np.float32))
    np.testing.assert_allclose(ll, np.full((2, 50), 27 * MU_WATER_PER_MM), rtol=1e-7)


@pytest.mark.parametrize("kind", [np.int16, np.float32])
@pytest.mark.parametrize("curve", [None, BONE])
def test_all_axis_orders_and_flips_give_the_same_bytes(kind, curve):
    rng = np.random.default_rng(3)
    hu = rng.normal(0, 700, (4, 5, 6)).astype(kind)
    body = rng.random(hu.shape) < 0.8
    pa, ll = path_integrals(hu, SPACING, curve, body)
    for order in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
        for flips in np.ndindex(2, 2, 2):
            steps = tuple(slice(None, None, -1 if flip else 1) for flip in flips)
            stored = np.ascontiguousarray(hu[steps].transpose(order))
            view = stored.transpose(np.argsort(order))[steps]
            np.testing.assert_array_equal(view, hu)
            again = path_integrals(view, SPACING, curve, body, threads=2)
            assert again[0].tobytes() == pa.tobytes()
            assert again[1].tobytes() == ll.tobytes()


def test_read_only_volumes_are_read():
    hu = np.zeros((2, 3, 4), np.int16)
    body = np.ones(hu.shape, bool)
    hu.flags.writeable = body.flags.writeable = False
    assert path_integrals(hu, SPACING, body=body)[0].min() > 0
    assert occupancy(hu, [1])[1].sum() == 0


def test_the_largest_values_do_not_overflow():
    hu = np.full((1, 3000, 2), 32767, np.int16)
    pa, _ = path_integrals(hu, (1, 1, 1))
    np.testing.assert_allclose(pa, 3000 * 33.767 * MU_WATER_PER_MM, rtol=1e-6)
    steep = AttenuationCurve((0, 1), (0, 100))
    np.testing.assert_allclose(path_integrals(hu, (1, 1, 1), steep)[0], 3000 * 100, rtol=1e-6)


def ellipsoid(shape, spacing, half_mm, centre=(0.0, 0.0, 0.0)):
    """Distances (1 on the surface) of the voxel centres."""
    axes = [
        ((np.arange(n) - (n - 1) / 2) * step - c) / half
        for n, step, half, c in zip(shape, spacing, half_mm, centre, strict=True)
    ]
    return axes[0][:, None, None] ** 2 + axes[1][None, :, None] ** 2 + axes[2][None, None] ** 2


def chord(across_mm, half_mm, along_mm):
    """Length mm of the ray through an ellipsoid at squared normalised distances `across_mm` from its axis."""
    return 2 * along_mm * np.sqrt(np.maximum(1 - across_mm, 0))


def test_ellipsoids_of_known_hu():
    """A trunk of fat with a bone inside. A ray's voxels end at most half a voxel from the surface, so the formula holds
    to 0.5 % on average; the largest single error is two voxels of the step in HU."""
    shape, spacing = (40, 200, 220), (4.0, 1.0, 1.0)
    trunk, bone = (70.0, 85.0, 95.0), (30.0, 25.0, 20.0)
    hu = np.full(shape, -1000, np.int16)
    hu[ellipsoid(shape, spacing, trunk) <= 1] = -100
    hu[ellipsoid(shape, spacing, bone) <= 1] = 700
    z, y, x = ((np.arange(n) - (n - 1) / 2) * step for n, step in zip(shape, spacing, strict=True))
    for found, across, axis, k in zip(path_integrals(hu, spacing), (x, y), (2, 1), (1, 2), strict=True):

        def through(half, across=across, axis=axis, k=k):
            place = (z[:, None] / half[0]) ** 2 + (across[None] / half[axis]) ** 2
            return chord(place, half, half[k])

        wanted = MU_WATER_PER_MM * (0.9 * through(trunk) + 0.8 * through(bone))[::-1, ::-1]
        inside = wanted > 0
        error = found - wanted
        assert np.sqrt((error[inside] ** 2).mean()) < 0.005 * wanted.max()
        assert abs(error.sum()) < 0.005 * wanted.sum()
        assert np.abs(error).max() < MU_WATER_PER_MM * (2 * 0.9 + 2 * 0.8) * spacing[1]
        middle = tuple(slice(n // 2 - 1, n // 2 + 1) for n in wanted.shape)
        np.testing.assert_allclose(found[middle], wanted[middle], rtol=0.005)


def test_mask_of_an_ellipsoid_is_its_shadow_but_for_one_ring():
    shape, spacing, half = (41, 60, 70), (2.0, 1.0, 1.0), (33.0, 21.0, 27.0)
    labels = (ellipsoid(shape, spacing, half) <= 1).astype(np.uint8)
    _, pa, ll = occupancy(labels)
    z, y, x = ((np.arange(n) - (n - 1) / 2) * step for n, step in zip(shape, spacing, strict=True))
    for mask, across, axis, step in ((pa[0], x, 2, spacing[2]), (ll[0], y, 1, spacing[1])):

        def shadow(margin, across=across, axis=axis, step=step):
            reach = half[0] + margin * spacing[0], half[axis] + margin * step
            return ((z[:, None] / reach[0]) ** 2 + (across[None] / reach[1]) ** 2 <= 1)[::-1, ::-1]

        assert not (mask & ~shadow(0)).any()
        assert not (shadow(-1) & ~mask.astype(bool)).any()


def test_faults_are_named():
    hu = np.zeros((2, 3, 4), np.int16)
    with pytest.raises(CxrError, match="no finite numbers"):
        path_integrals(np.full((2, 2, 2), np.nan, np.float32), SPACING)
    with pytest.raises(CxrError, match="no finite numbers"):
        path_integrals(np.full((2, 2, 2), np.nan, np.float32), SPACING, BONE)
    with pytest.raises(CxrError, match="expected -32768 to 32767"):
        path_integrals(hu.astype(np.int32) + 40000, SPACING)
    with pytest.raises(CxrError, match="body mask bool of shape"):
        path_integrals(hu, SPACING, body=np.ones((2, 3, 5), bool))
    with pytest.raises(CxrError, match="expected three positive numbers"):
        path_integrals(hu, (1, 0, 1))
    with pytest.raises(CxrError, match="expected three axes"):
        path_integrals(hu[0], SPACING)
    with pytest.raises(CxrError, match="expected integers or floats"):
        path_integrals(hu.astype(complex), SPACING)


@pytest.mark.parametrize(
    ("hu", "mu", "message"),
    [
        ((0,), (1,), "at least 2"),
        ((0, 1), (1,), "as many of both"),
        ((1, 0), (0, 1), "ascending"),
        ((0, float("nan")), (0, 1), "finite"),
        ((0, 1), (-0.1, 1), "expected 0 to 100"),
    ],
)
def test_a_curve_that_is_none_is_refused(hu, mu, message):
    with pytest.raises(CxrError, match=message):
        AttenuationCurve(hu, mu)
