import numpy as np
import pytest

from cxrfactory.geometry.mesh.quality import flipped, scaled_jacobian, shape, signed_volumes
from tests.geometry.mesh.bodies import block

REGULAR = np.array([[1.0, 1, 1], [-1, 1, -1], [1, -1, -1], [-1, -1, 1]])
ONE = np.array([[0, 1, 2, 3]])


def test_the_regular_tetrahedron_is_best_and_its_mirror_image_flipped():
    assert scaled_jacobian(REGULAR, ONE)[0] == pytest.approx(1) == shape(*REGULAR)
    assert scaled_jacobian(REGULAR, ONE[:, [1, 0, 2, 3]])[0] == pytest.approx(-1) == shape(*REGULAR[[1, 0, 2, 3]])
    assert not flipped(REGULAR, ONE)[0]
    assert flipped(REGULAR, ONE[:, [1, 0, 2, 3]])[0]


def test_a_flat_tetrahedron_counts_as_flipped():
    flat = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]])
    assert flipped(flat, ONE)[0]
    assert scaled_jacobian(flat, ONE)[0] == 0 == shape(*flat)
    assert scaled_jacobian(np.zeros((4, 3)), ONE)[0] == 0


def test_volumes_fill_the_block():
    mesh = block()
    assert signed_volumes(mesh.vertices_mm, mesh.tetrahedra) == pytest.approx(8 / 6)


def test_scaled_jacobian_equals_that_of_verdict():
    pyvista = pytest.importorskip("pyvista")
    vertices = np.random.default_rng(0).normal(size=(200, 3))
    tetrahedra = np.random.default_rng(1).permuted(np.tile(np.arange(200), (3, 1)), axis=1).reshape(-1, 4)
    cells = {pyvista.CellType.TETRA: tetrahedra}
    theirs = pyvista.UnstructuredGrid(cells, vertices).cell_quality("scaled_jacobian")["scaled_jacobian"]
    assert scaled_jacobian(vertices, tetrahedra) == pytest.approx(np.asarray(theirs), abs=1e-9)
    assert (theirs < 0).any()
    assert (theirs > 0).any()
