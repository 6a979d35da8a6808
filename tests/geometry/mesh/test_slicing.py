import numpy as np
import pytest

from cxrfactory.geometry.mesh.labelled import OUTSIDE
from cxrfactory.geometry.mesh.raster import voxelise
from cxrfactory.geometry.mesh.slicing import slice_mask
from cxrfactory.geometry.mesh.surface import volume_mm3
from tests.geometry.mesh.bodies import ball, block, torus

TILTED = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]


def test_a_block_is_cut_at_pixel_centres():
    mesh = block()
    x, y = np.array([1.0, 0, 0]), np.array([0, 1.0, 0])
    found = slice_mask(mesh.vertices_mm, mesh.surface("low"), np.array([-1.5, -0.5, 2.0]), x, y, (1.0, 2.0), (6, 12))
    expected = np.zeros((6, 12), bool)
    expected[1:5, 2:10] = True  # centres at x = 0.5 to 7.5, y = 1.5 to 7.5
    assert np.array_equal(found, expected)
    above = slice_mask(mesh.vertices_mm, mesh.surface("low"), np.array([0.5, 0.5, 4.5]), x, y, (1.0, 1.0), (8, 8))
    assert not above.any()


@pytest.mark.parametrize("body", [ball, torus])
def test_tilted_cuts_hold_the_points_that_a_library_finds_inside(body):
    pyvista = pytest.importorskip("pyvista")
    vertices, faces = body()
    across, down = TILTED[:, 0], TILTED[:, 1]
    origin = np.array([0.3, -0.2, 1.1]) - 13 * across - 13 * down
    found = slice_mask(vertices, faces, origin, across, down, (0.9, 1.3), (22, 30))
    columns, rows = np.meshgrid(np.arange(30), np.arange(22))
    points = origin + columns[..., None] * 0.9 * across + rows[..., None] * 1.3 * down
    surface = pyvista.PolyData.from_regular_faces(vertices, faces)
    theirs = pyvista.PolyData(points.reshape(-1, 3)).compute_implicit_distance(surface)["implicit_distance"] < 0
    assert np.array_equal(found.ravel(), theirs)
    assert 40 < found.sum() < found.size


def test_a_cut_through_nodes_is_closed():
    vertices, faces = ball(around=8, along=4)  # the plane holds the equator's nodes
    x, y = np.array([1.0, 0, 0]), np.array([0, 1.0, 0])
    found = slice_mask(vertices, faces, np.array([-12.0, -12, 0]), x, y, (1.0, 1.0), (25, 25))
    assert found[12, 3:22].all()
    assert not found[:, [0, 24]].any()
    assert not found[[0, 24]].any()


def test_voxels_of_a_block_are_exact():
    grid = voxelise(block(), np.array([-0.5, -0.5, -0.5]), 1.0, (10, 10, 10))
    assert (grid[1:9, 1:9, 1:5] == 0).all()
    assert (grid[1:9, 1:9, 5:9] == 1).all()
    assert (grid != OUTSIDE).sum() == 512


def test_voxels_of_a_moved_block_have_its_volume():
    mesh = block()
    turned = (mesh.vertices_mm - 4) @ TILTED.T
    mesh = type(mesh)(turned, mesh.tetrahedra[:, [1, 0, 2, 3]], mesh.tetrahedron_parts, mesh.parts)
    grid = voxelise(mesh, np.full(3, -8.0), 0.2, (81, 81, 81))
    assert (grid == 0).sum() * 0.008 == pytest.approx(abs(volume_mm3(turned, mesh.surface("low"))), rel=0.01)
