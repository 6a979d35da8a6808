"""The rays meet the wall where the ellipsoids of the simple heart are, and part of the nodes is like all."""

import numpy as np

from cxrfactory.hearts.cohort.anatomy import part_of_nodes, smooth_step
from tests.hearts.cohort.conftest import INNER, OUTER


def test_rays_meet_the_ellipsoids(anatomy):
    rays = anatomy.rays
    below = (anatomy.mesh.vertices_mm[:, 2] < -8) & (rays.along > 1)
    for axes, found in ((INNER, rays.inner), (OUTER, rays.outer)):
        met = np.linalg.norm((rays.ground + found[:, None] * rays.direction)[below] / axes, axis=1)
        assert abs(np.median(met) - 1) < 0.06  # the lattice of 8 mm has stairs
        assert np.percentile(np.abs(met - 1), 90) < 0.2


def test_nodes_lie_on_their_rays(anatomy):
    rays = anatomy.rays
    np.testing.assert_allclose(rays.ground + rays.along[:, None] * rays.direction, anatomy.mesh.vertices_mm, atol=1e-4)


def test_fields_know_surfaces_of_cavities(anatomy):
    deep = anatomy.fields[:, 3]
    assert deep[np.unique(anatomy.blood)].min() == 0
    centre = np.argmin(np.linalg.norm(anatomy.mesh.vertices_mm - [0, 0, -30], axis=1))
    assert 15 < deep[centre] < 26
    assert anatomy.fields[anatomy.nodes_of["lv_myocardium"], 3].min() == 0


def test_part_of_the_nodes_keeps_their_values_and_faces(anatomy):
    nodes = np.unique(np.r_[anatomy.wall, anatomy.blood, anatomy.right])
    part = part_of_nodes(anatomy, nodes)
    np.testing.assert_array_equal(part.mesh.vertices_mm[part.wall], anatomy.mesh.vertices_mm[anatomy.wall])
    np.testing.assert_array_equal(part.rays.inner, anatomy.rays.inner[nodes])


def test_the_step_is_smooth_and_monotone():
    steps = smooth_step(np.linspace(-1, 2, 301))
    assert steps[0] == 0
    assert steps[-1] == 1
    assert (np.diff(steps) >= 0).all()
    assert np.diff(steps).max() < 0.016  # slope of 1.5
