"""The cut agrees with another library's search for the tetrahedron of a point, and interpolates linearly."""

import numpy as np
import pytest

from cxrfactory.geometry.mesh.labelled import OUTSIDE
from cxrfactory.hearts.cohort.cut import cut

OFFSETS = np.array([[0.0, 0.0, 0.0], [0.21, -0.13, 3.7]])
HEIGHT, WIDTH = 40, 50


def cut_of(anatomy, values):
    mesh = anatomy.mesh
    # Columns of 3 mm along x, rows of 2.5 mm along y, planes along z.
    shown = (np.asarray(mesh.vertices_mm, float) - [-60.3, -50.2, -31.1]) / [3.0, 2.5, 1.0]
    return cut(shown, mesh.tetrahedra, mesh.tetrahedron_parts, values, OFFSETS, HEIGHT, WIDTH)


def positions():
    planes = []
    for dx, dy, dz in OFFSETS:
        columns, rows = np.meshgrid(np.arange(WIDTH) + dx, np.arange(HEIGHT) + dy)
        planes.append(np.stack([columns * 3 - 60.3, rows * 2.5 - 50.2, np.full(rows.shape, dz - 31.1)], -1))
    return np.stack(planes)


def test_linear_values_are_exact(anatomy):
    labels, values = cut_of(anatomy, anatomy.mesh.vertices_mm)
    inside = labels != OUTSIDE
    assert inside.sum() > 500
    np.testing.assert_allclose(values[inside], positions()[inside], atol=1e-3)
    assert not values[~inside].any()


def test_parts_are_those_that_another_library_finds(anatomy):
    pyvista = pytest.importorskip("pyvista")
    mesh = anatomy.mesh
    grid = pyvista.UnstructuredGrid({pyvista.CellType.TETRA: mesh.tetrahedra}, np.asarray(mesh.vertices_mm, float))
    cells = grid.find_containing_cell(positions().reshape(-1, 3))
    expected = np.where(cells < 0, OUTSIDE, mesh.tetrahedron_parts[cells])
    labels, _ = cut_of(anatomy, anatomy.fields)
    # Points on a face belong to either side.
    assert (labels.reshape(-1) != expected).mean() < 0.002


def test_a_plane_beside_the_heart_shows_nothing(anatomy):
    shown = np.asarray(anatomy.mesh.vertices_mm, float) + np.array([0, 0, 500])
    labels, _ = cut(
        shown, anatomy.mesh.tetrahedra, anatomy.mesh.tetrahedron_parts, anatomy.fields, OFFSETS, HEIGHT, WIDTH
    )
    assert (labels == OUTSIDE).all()
