"""Canonical grids and resampling onto them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrfactory.imaging.volume import grid as grid_module
from cxrfactory.imaging.volume.grid import (
    AIR_HU,
    Grid,
    aligned_grid,
    enclosing_grid,
    overlap,
    resample_linear,
    resample_nearest,
    same_grid,
    voxels_beyond,
)
from tests.imaging.volume.test_orientation import turn

GRID = Grid((4, 5, 6), (2.0, 1.0, 0.5), (10.0, 20.0, 30.0))


def oblique(shape=(20, 24, 28), spacing=(1.0, 1.5, 2.0), degrees=10.0):
    """An affine turned about two axes, for a volume [z, y, x]."""
    affine = np.eye(4)
    affine[:3, :3] = turn(degrees, 2) @ turn(degrees / 2, 0) @ np.diag(spacing)
    affine[:3, 3] = (-5.0, 7.0, 11.0)
    return affine, shape


def world(grid_or_affine, shape):
    """World (x, y, z) of every voxel, [z, y, x, 3]."""
    affine = grid_or_affine.affine() if isinstance(grid_or_affine, Grid) else grid_or_affine
    z, y, x = np.meshgrid(*map(np.arange, shape), indexing="ij")
    return np.stack([x, y, z], axis=-1) @ affine[:3, :3].T + affine[:3, 3]


def test_affine_and_grid_are_inverse():
    assert aligned_grid(GRID.affine(), GRID.shape) == GRID
    np.testing.assert_array_equal(GRID.corners_mm(), [[10, 20, 30], [12.5, 24, 36]])


def test_a_hundredth_of_a_millimetre_is_one_grid():
    assert same_grid(GRID, Grid(GRID.shape, GRID.spacing_mm, (10.009, 20, 30)))
    assert not same_grid(GRID, Grid(GRID.shape, GRID.spacing_mm, (10.011, 20, 30)))
    assert not same_grid(GRID, Grid((4, 5, 7), GRID.spacing_mm, GRID.origin_mm))
    assert not same_grid(GRID, Grid(GRID.shape, (2.0, 1.0, 0.51), GRID.origin_mm))


def test_boxes_overlap_out_to_their_faces():
    # x runs from 9.75 to 12.75
    assert overlap(GRID, Grid((4, 5, 6), (2.0, 1.0, 0.5), (12.9, 20.0, 30.0)))
    assert not overlap(GRID, Grid((4, 5, 6), (2.0, 1.0, 0.5), (13.1, 20.0, 30.0)))


def test_voxels_beyond_counts_in_the_coarser_voxel():
    fine = np.array([0.1, 0.1, 0.1])
    assert voxels_beyond(np.array([[10.0, 20, 30], [12.75, 24, 36]]), GRID, fine) == 0
    assert voxels_beyond(np.array([[10.0, 20, 30], [13.75, 24, 36]]), GRID, fine) == pytest.approx(2)
    assert voxels_beyond(np.array([[10.0, 20, 24.0], [12, 24, 36]]), GRID, np.array([1, 1, 5.0])) == pytest.approx(1)


def test_the_enclosing_grid_loses_nothing_and_adds_little():
    affine, shape = oblique()
    grid = enclosing_grid(affine, shape)
    points = world(affine, shape).reshape(-1, 3)
    low, high = grid.corners_mm()
    assert (low <= points.min(axis=0) + 1e-6).all()
    assert (high >= points.max(axis=0) - 1e-6).all()
    assert (high - points.max(axis=0) < np.array(grid.spacing_mm[::-1])).all()
    np.testing.assert_allclose(grid.spacing_mm, (2.0, 1.5, 1.0))


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_linear_resampling_is_exact_for_a_linear_field(dtype):
    affine, shape = oblique()

    def field(points):
        return points @ np.array([7.0, -5.0, 3.0]) - 100

    values = field(world(affine, shape))
    values = values.astype(dtype) if dtype == np.float32 else np.rint(values).astype(dtype)
    grid = enclosing_grid(affine, shape)
    resampled = resample_linear(values, affine, grid)
    assert resampled.dtype == dtype
    points = world(grid, grid.shape)
    index = (points - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    inside = ((index > 0.01) & (index < np.array(shape[::-1]) - 1.01)).all(axis=-1)
    outside = ((index < -0.6) | (index > np.array(shape[::-1]) - 0.4)).any(axis=-1)
    assert inside.sum() > 5000
    # Stored and interpolated values are rounded once each; without rounding to nearest the mean would drift.
    error = resampled[inside] - field(points)[inside]
    assert np.abs(error).max() <= (1.0 if dtype == np.int16 else 1e-3)
    assert abs(error.mean()) < 0.02
    assert outside.any()
    assert (resampled[outside] == AIR_HU).all()


def test_nearest_resampling_of_an_oblique_ball():
    affine, shape = oblique(spacing=(1.0, 1.0, 1.0))
    centre = world(affine, shape)[10, 12, 14]
    labels = (np.linalg.norm(world(affine, shape) - centre, axis=-1) < 7).astype(np.uint8) * 200
    grid = enclosing_grid(affine, shape)
    resampled = resample_nearest(labels, affine, grid)
    assert resampled.dtype == np.uint8
    distance = np.linalg.norm(world(grid, grid.shape) - centre, axis=-1)
    reach = np.sqrt(3) / 2  # the nearest voxel's centre is never farther
    assert (resampled[distance < 7 - reach] == 200).all()
    assert (resampled[distance > 7 + reach] == 0).all()


@pytest.mark.parametrize("degrees", [4.0, 40.0])
def test_slabs_leave_no_trace(monkeypatch, degrees):
    affine, shape = oblique(degrees=degrees)
    affine[:3, :3] = turn(degrees / 3, 1) @ affine[:3, :3]
    rng = np.random.default_rng(0)
    hu, marks = rng.integers(-1000, 2000, shape).astype(np.int16), rng.integers(0, 90, shape).astype(np.uint8)
    larger = enclosing_grid(affine, shape)
    x, y, z = larger.origin_mm
    larger = Grid((larger.shape[0] + 20, *larger.shape[1:]), larger.spacing_mm, (x, y, z - 10))  # slabs of nothing, too
    found = []
    for slab in (1, 7, 1000):
        monkeypatch.setattr(grid_module, "_SLAB", slab)
        found.append((resample_linear(hu, affine, larger), resample_nearest(marks, affine, larger)))
    for linear, nearest in found[:2]:
        np.testing.assert_array_equal(linear, found[2][0])
        np.testing.assert_array_equal(nearest, found[2][1])


@given(data=st.data())
def test_nearest_on_aligned_grids_equals_a_search_of_all_voxels(data):
    number = st.floats(-6, 6).map(lambda value: round(value, 1) + 0.03)
    step = st.floats(0.4, 3).map(lambda value: round(value, 1))
    shapes = st.tuples(*[st.integers(1, 5)] * 3)
    one = Grid(data.draw(shapes), data.draw(st.tuples(step, step, step)), data.draw(st.tuples(number, number, number)))
    other = Grid(data.draw(shapes), data.draw(st.tuples(step, step, step)), (0.0, 0.0, 0.0))
    values = np.arange(1, np.prod(one.shape) + 1, dtype=np.uint16).reshape(one.shape)
    resampled = resample_nearest(values, one.affine(), other)
    for index, point in zip(np.ndindex(other.shape), world(other, other.shape).reshape(-1, 3), strict=True):
        place = ((point - one.origin_mm) / one.spacing_mm[::-1])[::-1]
        ties = np.abs(place - np.floor(place) - 0.5) < 1e-9
        if ties.any():
            continue
        nearest = np.rint(place).astype(int)
        inside = ((nearest >= 0) & (nearest < one.shape)).all()
        assert resampled[index] == (values[tuple(nearest)] if inside else 0)
