from itertools import permutations

import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.geometry.mesh.labelled import LabelledMesh
from cxrfactory.models.hybridvnet.template_graph import template_graph

CELLS = 6


@pytest.fixture(scope="module")
def block():
    """A block of 6 x 6 x 6 cells of six tetrahedra each: three ventricular parts side by side, an atrium on them."""
    nodes = np.stack(np.meshgrid(*[np.arange(CELLS + 1)] * 3, indexing="ij"), -1).reshape(-1, 3)
    number = {tuple(node): place for place, node in enumerate(nodes)}
    tetrahedra, parts = [], []
    for corner in np.ndindex(CELLS, CELLS, CELLS):
        for order in permutations(range(3)):
            path = [np.array(corner)]
            for axis in order:
                path.append(path[-1] + np.eye(3, dtype=int)[axis])
            cell = [number[tuple(node)] for node in path]
            a, b, c, d = nodes[cell]
            tetrahedra.append(
                cell if np.dot(b - a, np.cross(c - a, d - a)) > 0 else [cell[0], cell[1], cell[3], cell[2]]
            )
            parts.append(min(corner[0] // 2, 2) if corner[2] < 5 else 3)
    names = ("lv", "lv_myocardium", "rv", "la")
    return LabelledMesh(nodes * 5.0, np.array(tetrahedra), np.array(parts, np.uint8), names)


def test_surface_has_the_nodes_of_all_interfaces(block):
    graph = template_graph(block, "surface")
    inner = (block.vertices_mm % 30 != 0).all(1)
    between = np.isin(block.vertices_mm[:, 0], (10, 20)) & (block.vertices_mm[:, 2] <= 25) | (
        block.vertices_mm[:, 2] == 25
    )
    np.testing.assert_array_equal(graph.places, np.flatnonzero(~inner | between))
    np.testing.assert_allclose(graph.reference_mm, block.vertices_mm[graph.places])
    faces, _ = block.interfaces
    np.testing.assert_array_equal(graph.places[graph.faces], faces)
    assert not len(graph.tetrahedra)
    assert graph.template_nodes == len(block.vertices_mm)


@pytest.mark.parametrize("kind", ["surface", "volume"])
def test_levels_halve_and_keep_nodes_of_the_finer_one(block, kind):
    graph = template_graph(block, kind)
    sizes = [each.shape[0] for each in graph.adjacencies]
    assert sizes == [graph.nodes, *(-(-size // 2) for size in sizes[:-1])]
    for down, up in zip(graph.down, graph.up, strict=True):
        assert (down.sum(axis=1) == 1).all()
        np.testing.assert_allclose(up.sum(axis=1), 1, rtol=1e-5)
        np.testing.assert_allclose((down @ up).toarray(), np.eye(down.shape[0]), atol=1e-6)
    assert all((each.sum(axis=1) > 0).all() for each in graph.adjacencies)


def test_volume_has_all_nodes_and_the_centre_is_that_of_the_ventricles(block):
    graph = template_graph(block, "volume")
    assert graph.nodes == len(block.vertices_mm)
    np.testing.assert_array_equal(graph.tetrahedra, block.tetrahedra)
    np.testing.assert_array_equal(graph.central, block.vertices_mm[:, 2] <= 25)


def test_unknown_kind_is_refused(block):
    with pytest.raises(CxrError, match="mesh is 'hull'; expected one of surface, volume"):
        template_graph(block, "hull")
