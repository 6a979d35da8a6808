import numpy as np
import pytest

from cxrfactory.geometry.roots.system import paths_of, tables_of
from cxrfactory.roots.graphs.scenes import Growth, Moment, graph_of, reached_at, scene_at, scene_over_time
from cxrfactory.tables.rsml import mm_per_pixel, read_rsml, rsml_text, walk, write_rsml
from tests.roots.graphs.plates import roots_at
from tests.tables.rsml.schema import faults


def moment(frame: int, scale: float | None = 0.1) -> Moment:
    return Moment("plate", frame, frame * 6.5, "a.png", scale)


def growths_until(frame: int) -> dict[str, Growth]:
    growths: dict[str, Growth] = {}
    for each in range(frame + 1):
        for root in roots_at("1", each):
            growths.setdefault(root.name, Growth(each)).add(each * 6.5, root)
    return growths


def roots_in(scene):
    return {root.id: root for _, root, *_ in walk(scene)}


def test_a_scene_at_one_time_holds_the_roots_as_they_are():
    roots = roots_at("1", 4)
    scene = scene_at("1", moment(4), roots)
    found = roots_in(scene)
    assert list(found) == ["1", "1.1", "1.1.1"]
    for root in roots:
        np.testing.assert_array_equal(found[root.name].points, root.points)
        assert found[root.name].parent == root.parent
    assert [root.label for root in found.values()] == ["primary", "lateral", "lateral"]
    assert [dict(root.properties)["order"] for root in found.values()] == ["1", "2", "3"]
    assert mm_per_pixel(scene.metadata) == pytest.approx(0.1)
    assert scene.metadata.time_sequence.index == 4
    assert scene.metadata.time_sequence.unified
    assert scene.plants[0].properties == (("hours", "26.0"),)


def test_files_are_dated_by_the_picture_and_never_by_the_clock():
    row = {
        "plate": "plate",
        "frame": 3,
        "path": "/somewhere/plate/p_2020-01-31_08-15-00.jpg",
        "hours": 2.0,
        "time_source": "name",
        "mm_per_pixel": float("nan"),
    }
    assert Moment.of(row) == Moment("plate", 3, 2.0, "p_2020-01-31_08-15-00.jpg", None, "2020-01-31T08:15:00")
    metadata = scene_at("1", Moment.of(row), roots_at("1", 1)).metadata
    assert metadata.last_modified == metadata.image.captured == "2020-01-31T08:15:00"
    metadata = scene_at("1", Moment.of(row | {"time_source": "interval"}), roots_at("1", 1)).metadata
    assert (metadata.last_modified, metadata.image.captured) == ("1970-01-01T00:00:00", "")


def test_a_scale_that_is_not_known_gives_pixels():
    scene = scene_at("1", moment(1, None), roots_at("1", 1))
    assert (scene.metadata.unit, scene.metadata.resolution) == ("pixel", 1.0)


def test_parent_node_is_the_point_of_the_parent_where_the_root_begins():
    roots = paths_of(tables_of(roots_at("1", 4))[1])
    scene = scene_at("1", moment(4), roots)
    for _, root, _, parent in walk(scene):
        node = int(dict(root.properties)["parent-node"])
        if parent is None:
            assert node == -1
        else:
            np.testing.assert_allclose(parent.points[node], root.points[0], atol=1e-9)


def test_a_scene_over_time_tells_emergence_and_length():
    scene = scene_over_time("1", moment(4), growths_until(4))
    found = roots_in(scene)
    assert [dict(root.properties)["emergence"] for root in found.values()] == ["6.5", "13.0", "19.5"]
    length, reached = found["1.1"].functions
    assert (length.name, length.domain, reached.name, reached.domain) == (
        "length",
        "time",
        "emergence_time",
        "polyline",
    )
    np.testing.assert_array_equal(length.positions, [13.0, 19.5, 26.0])
    np.testing.assert_allclose(length.values, [np.hypot(6 * frame, 4) for frame in (2, 3, 4)])
    assert len(reached.values) == len(found["1.1"].points)
    np.testing.assert_array_equal(found["1.1"].points, roots_at("1", 4)[1].points)


def test_a_root_that_is_lost_keeps_its_last_shape():
    growths = growths_until(4)
    growths["1"].add(40.0, roots_at("1", 4)[0])
    found = roots_in(scene_over_time("1", moment(5), growths))
    assert list(found) == ["1", "1.1", "1.1.1"]


def test_points_are_reached_at_the_first_time_of_that_length():
    points = np.array([[0.0, 0], [10, 0], [15, 0], [20, 0], [35, 0], [40, 0]])
    hours, lengths = np.array([2.0, 4, 6, 8]), np.array([10.0, 20, 19, 40])
    np.testing.assert_allclose(reached_at(points, hours, lengths), [2, 2, 3, 4, 7.5, 8])


def test_scenes_follow_the_schema_and_are_read_back(tmp_path):
    scenes = [scene_at("1", moment(frame), roots_at("1", frame)) for frame in range(1, 5)]
    for scene in [*scenes, scene_over_time("1", moment(4), growths_until(4))]:
        assert faults(rsml_text(scene)) == []
        write_rsml(scene, tmp_path / "a.rsml")
        assert read_rsml(tmp_path / "a.rsml") == scene


def test_the_reader_of_cplantbox_finds_the_same_roots(tmp_path):
    """CPlantBox is a program of other authors, on PyPI as cplantbox; it turns (x, y) into (0, x, y)."""
    reader = pytest.importorskip("plantbox.rsml.rsml_reader", reason="cplantbox is not installed")
    roots = paths_of(tables_of(roots_at("1", 4))[1])
    growths = {root.name: Growth(2) for root in roots}
    for root in roots:
        growths[root.name].add(13.0, root)
    for scene in (scene_at("1", moment(4), roots), scene_over_time("1", moment(4), growths)):
        write_rsml(scene, tmp_path / "a.rsml")
        polylines, properties, functions, metadata = reader.read_rsml(str(tmp_path / "a.rsml"))
        for line, root in zip(polylines, roots, strict=True):
            np.testing.assert_array_equal(np.array(line)[:, 1:], root.points)
        assert properties["parent-poly"] == [-1, 0, 1]
        assert metadata.software == "cxrfactory"
        places, segments = reader.get_segments(polylines, properties)
        ends = places[segments]
        assert np.hypot(*(ends[:, 1] - ends[:, 0])[:, 1:].T).sum() == pytest.approx(sum(root.length for root in roots))
        for series in functions.get("emergence_time", []):
            assert set(series) == {13.0}


def test_nodes_know_the_first_picture_that_shows_them():
    nodes, edges = tables_of(roots_at("1", 4))
    made, lines, facts = graph_of(moment(4), "1", nodes, edges, {"1": 1, "1.1": 2, "1.1.1": 3})
    found = {(given["kind"], given["root"]): given["first_frame"] for given in made.values()}
    assert found == {
        ("seed", "1"): 1,
        ("bifurcation", "1"): 2,
        ("main_tip", "1"): 1,
        ("bifurcation", "1.1"): 3,
        ("lateral_tip", "1.1"): 2,
        ("lateral_tip", "1.1.1"): 3,
    }
    assert facts == {"plate": "plate", "plant": "1", "frame": 4, "hours": 26.0, "mm_per_pixel": 0.1}
    for (start, end, given), row in zip(lines, edges, strict=True):
        assert (start, end, given["root"]) == (row["start"], row["end"], row["root"])
        points = np.array([place.split(",") for place in given["points"].split()], float)
        np.testing.assert_array_equal(points, np.reshape(row["points"], (-1, 2)))
        np.testing.assert_array_equal(points[0], [made[start]["x"], made[start]["y"]])
        np.testing.assert_array_equal(points[-1], [made[end]["x"], made[end]["y"]])
