"""Projection through a deformation against sampling the whole volume with SciPy."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from cxrfactory.projection.deform import ChestAnatomy, PullBack, identity_shape, pull_back
from cxrfactory.projection.warp import SampledVolume, ViewGrid, project_deformed

CHEST = ChestAnatomy(14, 12, 14, (-3, 3, -2), -3)


def make_volume() -> SampledVolume:
    values = np.random.default_rng(0).random((2, 19, 17, 21)).astype(np.float32)
    return SampledVolume(torch.from_numpy(values), (-20.0, -16.0, -18.0), (2.0, 2.0, 2.0))


def reference(volume: SampledVolume, field: PullBack, grid: ViewGrid, axis: int, reduce: str) -> np.ndarray:
    at = [np.linspace(low, high, n) for low, high, n in zip(grid.low_mm, grid.high_mm, grid.counts, strict=True)]
    z, y, x = np.meshgrid(at[2], at[1], at[0], indexing="ij")
    nodes = [(place - field.origin_mm[k]) / field.spacing_mm[k] for k, place in ((2, z), (1, y), (0, x))]
    source = [map_coordinates(field.source_mm[..., k], nodes, order=1, mode="nearest") for k in range(3)]
    voxels = [(source[k] - volume.first_mm[k]) / volume.spacing_mm[k] for k in (2, 1, 0)]
    sampled = [map_coordinates(channel, voxels, order=1, mode="nearest") for channel in volume.values.numpy()]
    if reduce == "sum":
        projected = [channel.sum(axis) * grid.spacing_mm[1 if axis == 1 else 0] for channel in sampled]
    else:
        projected = [channel.max(axis) for channel in sampled]
    return np.stack([channel[::-1, ::-1] for channel in projected])


@pytest.mark.parametrize(("view", "axis"), [("PA", 1), ("LL", 2)])
@pytest.mark.parametrize("reduce", ["sum", "max"])
def test_equals_the_obvious_way(view, axis, reduce):
    volume = make_volume()
    shape = replace(identity_shape(), width_scale=1.1, turn_deg=4.0, right_dome_mm=1.5, field_mm=0.2, field_seed=5)
    low, high = (-22.0, -18.0, -20.0), (22.0, 18.0, 20.0)
    field = pull_back(shape, CHEST, low, high)
    grid = ViewGrid(low, high, (23, 19, 37))
    found = project_deformed(volume, field, grid, view, reduce)
    np.testing.assert_allclose(found, reference(volume, field, grid, axis, reduce), rtol=2e-3, atol=2e-3)


def test_identity_returns_the_projection_of_the_volume():
    volume = make_volume()
    low = volume.first_mm
    high = tuple(first + 2.0 * (n - 1) for first, n in zip(low, (21, 17, 19), strict=True))
    field = pull_back(identity_shape(), CHEST, low, high)
    found = project_deformed(volume, field, ViewGrid(low, high, (21, 17, 19)), "PA", "sum")
    np.testing.assert_allclose(found, 2 * volume.values.numpy().sum(2)[:, ::-1, ::-1], rtol=1e-3)
