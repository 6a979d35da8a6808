import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.models.hybridvnet.template_graph import template_graph
from tests.models.hybridvnet.blocks import block_of_parts


@pytest.fixture(scope="module")
def block():
    return block_of_parts()


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
