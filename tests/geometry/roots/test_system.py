"""Nodes and edges of root systems, and the way back."""

import networkx as nx
import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.geometry.roots.polyline import arc_lengths, direction, nearest_place, piece, point_at
from cxrfactory.geometry.roots.system import RootPath, attached, cut_at, name_key, paths_of, tables_of
from cxrfactory.tables.roots import NODE_KINDS, ROOT_EDGES, ROOT_NODES


def _path(name: str, *points: tuple[float, float]) -> RootPath:
    return RootPath(name, np.array(points, float), name.rpartition(".")[0] or None)


MAIN = _path("1", (50, 0), (50, 40), (50, 100))
LEFT = _path("1.1", (50, 30), (20, 50))
RIGHT = _path("1.2", (50, 60), (80, 80), (85, 95))
SECOND = _path("1.2.1", (80, 80), (90, 80))
OTHER = _path("2", (50, 0), (10, 30))


def test_nodes_and_edges_of_a_main_root_with_two_laterals_and_one_of_second_order():
    nodes, edges = tables_of([SECOND, RIGHT, MAIN, OTHER, LEFT])
    assert [(each["node"], each["kind"], each["root"], each["x"], each["y"]) for each in nodes] == [
        (0, "seed", "1", 50, 0),
        (1, "bifurcation", "1", 50, 30),
        (2, "bifurcation", "1", 50, 60),
        (3, "main_tip", "1", 50, 100),
        (4, "lateral_tip", "1.1", 20, 50),
        (5, "bifurcation", "1.2", 80, 80),
        (6, "lateral_tip", "1.2", 85, 95),
        (7, "lateral_tip", "1.2.1", 90, 80),
        (8, "main_tip", "2", 10, 30),
    ]
    assert [(each["start"], each["end"], each["root"]) for each in edges] == [
        (0, 1, "1"),
        (1, 2, "1"),
        (2, 3, "1"),
        (1, 4, "1.1"),
        (2, 5, "1.2"),
        (5, 6, "1.2"),
        (5, 7, "1.2.1"),
        (0, 8, "2"),
    ]
    assert sum(each["length_px"] for each in edges) == pytest.approx(
        sum(each.length for each in (MAIN, LEFT, RIGHT, SECOND, OTHER))
    )
    assert {each["kind"] for each in nodes} <= set(NODE_KINDS)
    assert set(nodes[0]) | {"plate", "plant", "frame"} == set(ROOT_NODES.names)
    assert set(edges[0]) | {"plate", "plant", "frame"} == set(ROOT_EDGES.names)


def test_paths_of_is_the_inverse_of_tables_of_for_random_systems():
    random = np.random.default_rng(0)
    for _ in range(20):
        main = RootPath("1", np.cumsum(random.uniform(0.5, 3, (20, 2)), 0), None)
        roots = [main]
        for number in range(1, 12):
            base = point_at(main.points, random.uniform(0, main.length))
            steps = random.normal(0, 2, (5, 2))
            roots.append(RootPath(f"1.{number}", np.vstack([base, base + np.cumsum(steps, 0)]), "1"))
        nodes, edges = tables_of(roots)
        graph = nx.DiGraph([(each["start"], each["end"]) for each in edges])
        assert nx.is_arborescence(graph)
        assert set(graph) == set(range(len(nodes)))
        back = paths_of(reversed(edges))
        assert [each.name for each in back] == [f"1.{n}"[: None if n else 1] for n in range(12)]
        for before, after in zip(attached(roots), back, strict=True):
            assert after.length == pytest.approx(before.length, abs=1e-9)
            assert all(nearest_place(after.points, point)[1] < 1e-9 for point in before.points)
            assert np.allclose(after.points[[0, -1]], before.points[[0, -1]], atol=1e-9)
        again = tables_of(back)
        assert [each["root"] for each in again[1]] == [each["root"] for each in edges]
        assert np.allclose(
            np.concatenate([each["points"] for each in again[1]]), np.hstack([e["points"] for e in edges])
        )


def test_laterals_at_the_seed_at_one_place_and_at_the_tip_share_nodes():
    nodes, edges = tables_of(
        [
            _path("1", (0, 0), (0, 10)),
            _path("1.1", (0, 0), (5, 5)),
            _path("1.2", (0, 4), (5, 9)),
            _path("1.3", (0, 4), (-5, 9)),
            _path("1.4", (0, 10), (5, 15)),
        ]
    )
    assert [each["kind"] for each in nodes] == ["seed", "bifurcation", "main_tip"] + ["lateral_tip"] * 4
    assert [(each["start"], each["end"]) for each in edges] == [(0, 1), (1, 2), (0, 3), (1, 4), (1, 5), (2, 6)]


def test_a_lateral_that_begins_beside_its_parent_is_attached_to_the_nearest_place():
    found = attached([_path("1", (0, 0), (0, 10)), _path("1.1", (3, 5), (9, 5))])
    assert found[1].points.tolist() == [[0, 5], [3, 5], [9, 5]]
    assert found[1].length == 9


def test_no_roots_give_no_rows():
    assert tables_of([]) == ([], [])
    assert paths_of([]) == []


@pytest.mark.parametrize(
    ("roots", "words"),
    [
        ([MAIN, MAIN], "root 1: the name occurs twice"),
        ([MAIN, SECOND], "root 1.2.1: its parent 1.2 is not among the roots"),
        ([RootPath("1", np.zeros((1, 2)), None)], "at least 2 points"),
    ],
)
def test_roots_that_make_no_system_are_refused(roots, words):
    with pytest.raises(CxrError, match=words):
        tables_of(roots)


def test_names_are_sorted_by_their_numbers():
    assert sorted(["2", "1.10", "1.2", "1.2.1", "1"], key=name_key) == ["1", "1.2", "1.2.1", "1.10", "2"]


def test_pieces_of_a_polyline_are_cut_exactly():
    points = np.array([[0.0, 0], [3, 4], [3, 14]])
    assert arc_lengths(points).tolist() == [0, 5, 15]
    assert piece(points, 2.5, 10).tolist() == [[1.5, 2], [3, 4], [3, 9]]
    assert nearest_place(points, np.array([10.0, 9])) == (10, 7)
    assert direction(points, 5, 15).tolist() == [0, 1]
    assert cut_at(RootPath("1", points, None), 10).points.tolist() == [[0, 0], [3, 4], [3, 9]]
    assert cut_at(RootPath("1", points, None), 20).points is points
