import pytest

from cxrfactory.errors import CxrError
from cxrfactory.tables.rsml.graphml import graphml_text, write_graphml

NODES = {0: {"kind": "seed", "x": 1 / 3, "first_frame": 0}, 1: {"kind": "main_tip", "x": 2.0, "first_frame": 3}}
EDGES = [(0, 1, {"root": '1 <&> "a"', "length_px": 1e-7}), (0, 1, {"root": "根\n", "length_px": 2.5})]


def test_networkx_reads_the_same_graph(tmp_path):
    networkx = pytest.importorskip("networkx")
    facts = {"plate": "p & q", "frame": 7, "whole": True}
    write_graphml(NODES, EDGES, facts, tmp_path / "a.graphml")
    graph = networkx.read_graphml(tmp_path / "a.graphml", node_type=int)
    assert graph.is_directed()
    assert dict(graph.nodes(data=True)) == NODES
    assert sorted((given["root"], given["length_px"]) for *_, given in graph.edges(data=True)) == sorted(
        (given["root"], given["length_px"]) for *_, given in EDGES
    )
    assert {name: graph.graph[name] for name in facts} == facts


def test_the_same_graph_gives_the_same_text():
    assert graphml_text(NODES, EDGES, {"a": 1}) == graphml_text(dict(NODES), list(EDGES), {"a": 1})


def test_types_that_differ_and_unknown_nodes_are_refused(tmp_path):
    with pytest.raises(CxrError, match="attribute 'x' of nodes has values of the types"):
        graphml_text({0: {"x": 1}, 1: {"x": 1.5}}, [], {})
    with pytest.raises(CxrError, match=r"a\.graphml: edge 0 goes from node 0 to 5"):
        write_graphml({0: {}}, [(0, 5, {})], {}, tmp_path / "a.graphml")
