"""Inner nodes follow the surfaces: exactly for moved, turned and scaled templates, and in between for others."""

import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.geometry.mesh.filling import Filling
from tests.hearts.toy import toy_mesh


@pytest.fixture(scope="module")
def filling():
    return Filling(toy_mesh())


def _places(filling):
    return np.asarray(filling.template.vertices_mm, float)


def test_there_are_inner_nodes(filling):
    assert 0 < len(filling.surface_nodes) < len(_places(filling))


def test_an_affine_map_of_the_surfaces_maps_the_inner_nodes_alike(filling):
    matrix = np.array([[1.3, 0.2, 0.0], [-0.1, 0.8, 0.3], [0.05, 0.0, 1.1]])
    mapped = _places(filling) @ matrix + np.array([10.0, -200, 3])
    np.testing.assert_allclose(filling(mapped[filling.surface_nodes]), mapped, atol=1e-8)


def test_a_bent_surface_bends_the_inside(filling):
    places = _places(filling)
    bent = places + np.stack([0.002 * places[:, 2] ** 2, 0 * places[:, 0], 0 * places[:, 0]], 1)
    found = filling(bent[filling.surface_nodes])
    np.testing.assert_array_equal(found[filling.surface_nodes], bent[filling.surface_nodes])
    inner = np.setdiff1d(np.arange(len(places)), filling.surface_nodes)
    left = np.linalg.norm(found - bent, axis=1)[inner]
    moved = np.linalg.norm(bent - places, axis=1)[inner]
    assert left.max() < 0.2 * moved.max()


def test_all_nodes_are_returned_as_they_are(filling):
    places = np.random.default_rng(0).normal(size=_places(filling).shape)
    np.testing.assert_array_equal(filling(places), places)


def test_another_number_of_nodes_is_refused(filling):
    with pytest.raises(CxrError, match=r"\(4, 3\) positions; expected those of the template's \d+ nodes or of its"):
        filling(np.zeros((4, 3)))
