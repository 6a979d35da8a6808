import numpy as np
import pytest

from cxrfactory.anatomy.graph import DEFINITIONS, LABEL_GRAPHS, graph_of_labels, landmark_graph, slices_within
from cxrfactory.errors import CxrError

NAMES = {"lungs": 94, "lungs-heart": 120, "lungs-heart-clavicles": 166, "whole-lungs": 94}


def test_landmarks_hold_the_organs_that_are_there_whole():
    whole = landmark_graph("lungs-heart-clavicles").slices
    assert slices_within(166) == whole
    assert slices_within(120) == landmark_graph("lungs-heart").slices
    assert slices_within(119) == slices_within(94) == landmark_graph("lungs").slices
    assert slices_within(0) == {}


@pytest.mark.parametrize(("name", "nodes"), NAMES.items())
def test_counts_and_slices_are_the_papers(name, nodes):
    graph = landmark_graph(name)
    assert graph.nodes == nodes
    assert [each.stop - each.start for each in graph.slices.values()] == [44, 50, 26, 23, 23][: len(graph.organs)]


@pytest.mark.parametrize("name", NAMES)
def test_every_node_has_two_neighbours_of_its_own_organ(name):
    graph = landmark_graph(name)
    adjacency = graph.adjacency()
    assert (adjacency == adjacency.T).all()
    assert (adjacency.sum(axis=1) == 2).all()
    for where in graph.slices.values():
        assert adjacency[where, where].sum() == adjacency[where].sum()


@pytest.mark.parametrize("name", NAMES)
def test_pooling_and_unpooling_keep_a_constant(name):
    graph = landmark_graph(name)
    constant = np.full((graph.nodes, 2), 3.5)
    pooled = graph.pooling() @ constant
    np.testing.assert_allclose(pooled, 3.5)
    np.testing.assert_allclose(graph.unpooling() @ pooled, 3.5)


def test_pooling_averages_pairs_and_keeps_the_odd_last_node():
    graph = landmark_graph("lungs-heart-clavicles")
    positions = np.arange(graph.nodes, dtype=float)[:, None]
    pooled = graph.pooling() @ positions
    assert pooled[0, 0] == 0.5
    assert pooled[22 + 25 + 13 + 11, 0] == 142  # node 23 of the right clavicle stands alone


def test_unpooling_interpolates_along_the_cycle():
    graph = landmark_graph("lungs")
    coarse = np.zeros((47, 1))
    coarse[1] = 1
    fine = (graph.unpooling() @ coarse)[:, 0]
    np.testing.assert_allclose(fine[:6], [0, 0.25, 0.75, 0.75, 0.25, 0])
    assert fine.sum() == 2


def test_only_whole_lungs_are_of_another_definition():
    definitions = {code: graph_of_labels(code, "t").definition for code in LABEL_GRAPHS}
    assert definitions == dict.fromkeys(("L", "LH", "LHC", "H", "C", "M"), "jsrt") | {"W": "whole-lungs"}
    assert set(definitions.values()) == set(DEFINITIONS)


def test_the_definition_is_one_line_that_names_the_organs():
    text = landmark_graph("lungs-heart").definition_text
    assert text.startswith("right lung, left lung, heart; lungs without the part behind the heart")
    assert landmark_graph("whole-lungs").definition_text == "right lung, left lung; " + DEFINITIONS["whole-lungs"]
    assert all("\n" not in landmark_graph(name).definition_text for name in NAMES)


def test_unknown_labels_are_one_clear_line():
    with pytest.raises(CxrError, match=r"t\.parquet: labels 'X'; expected one of L, LH, LHC, W"):
        graph_of_labels("X", "t.parquet")


def test_unknown_graph_is_one_clear_line():
    with pytest.raises(CxrError, match="unknown graph 'liver'; expected one of lungs"):
        landmark_graph("liver")
