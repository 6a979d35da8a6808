import cv2
import numpy as np
import pandas as pd
import pytest

from cxrfactory.config.roots import RootsGraphConfig
from cxrfactory.errors import CxrError
from cxrfactory.roots.graphs.files import write_files
from cxrfactory.roots.graphs.overlay import LATERAL_COLOUR, MAIN_COLOUR
from cxrfactory.tables.keys import shard_of
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.roots import ROOT_EDGES, ROOT_FRAMES, ROOT_NODES
from cxrfactory.tables.rsml import mm_per_pixel, read_rsml, rsml_text, walk
from tests.roots.graphs.plates import HEIGHT, PLANTS, WIDTH, Tables, roots_at
from tests.tables.rsml.schema import faults

PLATES = ("first-0", "second 1", "third-2")


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plates")
    tables = Tables(folder, PLATES)
    write_files(*tables.paths, folder / "files", RootsGraphConfig())
    return tables, folder / "files"


def test_all_files_are_there_and_no_other(made):
    expected = set()
    for plate in PLATES:
        expected |= {f"overlays/{plate}.jpg", f"video/{plate}.mp4"}
        for plant in PLANTS:
            expected |= {f"rsml/{plate}/{plant}.rsml", f"graphml/{plate}/{plant}.graphml"}
            expected |= {f"rsml/{plate}/{plant}/{frame:05d}.rsml" for frame in range(1, 5)}
    assert set(tree(made[1])) == expected


def test_rsml_files_hold_the_roots_exactly_and_follow_the_schema(made):
    for plant in PLANTS:
        for frame in range(1, 5):
            path = made[1] / "rsml" / PLATES[0] / plant / f"{frame:05d}.rsml"
            scene = read_rsml(path)
            assert faults(path.read_text()) == []
            assert rsml_text(scene) == path.read_text()
            assert mm_per_pixel(scene.metadata) == pytest.approx(0.1)
            assert scene.metadata.image.name == f"{frame}.png"
            found = {root.id: root for _, root, *_ in walk(scene)}
            for root in roots_at(plant, frame):
                ends = [each.tolist() for each in found[root.name].points]
                assert all(point.tolist() in ends for point in root.points[1:])


def test_the_series_holds_the_whole_plant(made):
    for path in (made[1] / "rsml").glob("*/*.rsml"):
        assert faults(path.read_text()) == []
        found = {root.id: root for _, root, *_ in walk(read_rsml(path))}
        assert list(found) == ["1", "1.1", "1.1.1"]
        assert [len(root.functions[0].values) for root in found.values()] == [4, 3, 2]
        assert [dict(root.properties)["emergence"] for root in found.values()] == ["6.5", "13.0", "19.5"]


def test_networkx_reads_the_last_graphs(made):
    networkx = pytest.importorskip("networkx")
    nodes, edges = read_table(made[0].nodes, ROOT_NODES), read_table(made[0].edges, ROOT_EDGES)
    for plate in PLATES:
        for plant in PLANTS:
            graph = networkx.read_graphml(made[1] / "graphml" / plate / f"{plant}.graphml", node_type=int)
            here = nodes[(nodes["plate"] == plate) & (nodes["plant"] == plant) & (nodes["frame"] == 4)]
            assert sorted(graph.nodes) == here["node"].tolist()
            for row in here.to_dict("records"):
                given = graph.nodes[row["node"]]
                assert {name: given[name] for name in ("kind", "root", "x", "y")} == {
                    name: row[name] for name in ("kind", "root", "x", "y")
                }
            lines = edges[(edges["plate"] == plate) & (edges["plant"] == plant) & (edges["frame"] == 4)]
            assert {(start, end): given["length_px"] for start, end, given in graph.edges(data=True)} == {
                (row["start"], row["end"]): row["length_px"] for row in lines.to_dict("records")
            }
            assert graph.graph["plate"] == plate
            assert graph.graph["frame"] == 4
            assert networkx.is_arborescence(graph)


def test_the_video_shows_every_picture_with_its_roots(made):
    opened = cv2.VideoCapture(str(made[1] / "video" / f"{PLATES[0]}.mp4"))
    shown = []
    while (read := opened.read())[0]:
        shown.append(read[1][:, :, ::-1].astype(int))
    assert len(shown) == 5
    assert shown[0].shape[0] >= HEIGHT
    assert shown[0].shape[1] == WIDTH + 1
    main = [np.abs(picture[:HEIGHT] - MAIN_COLOUR).sum(2) < 150 for picture in shown]
    assert [int(each.sum()) > 0 for each in main] == [False, True, True, True, True]
    assert main[4].sum() > main[2].sum()


def test_the_sheet_shows_five_times(made):
    picture = cv2.imread(str(made[1] / "overlays" / f"{PLATES[0]}.jpg"))[:, :, ::-1].astype(int)
    assert picture.shape[1] == 3 * WIDTH
    tile = picture[picture.shape[0] // 2 :, WIDTH : 2 * WIDTH]  # the fifth of two rows of three
    assert (np.abs(tile - MAIN_COLOUR).sum(2) < 150).sum() > 20
    assert (np.abs(tile - LATERAL_COLOUR).sum(2) < 150).sum() > 12


def test_bytes_do_not_depend_on_shards_or_on_what_was_there(made, tmp_path):
    tables, folder = made
    whole = tree(folder)
    parts: dict[str, bytes] = {}
    for shard in range(2):
        (tmp_path / f"{shard}").mkdir()
        (tmp_path / f"{shard}" / "old").touch()
        write_files(*tables.paths, tmp_path / f"{shard}", RootsGraphConfig(), shard, 2)
        part = tree(tmp_path / f"{shard}")
        assert {name.split("/")[1].removesuffix(".jpg").removesuffix(".mp4") for name in part} == {
            plate for plate in PLATES if shard_of(plate, 2) == shard
        }
        parts |= part
    assert parts == whole


def test_settings_leave_files_out_and_an_unknown_scale_gives_pixels(tmp_path):
    tables = Tables(tmp_path, ["a/b"], frames=2, scale=None)
    settings = RootsGraphConfig(overlays=False)
    write_files(*tables.paths, tmp_path / "files", settings)
    assert set(tree(tmp_path / "files")) == {
        *(f"rsml/a__b/{plant}.rsml" for plant in PLANTS),
        *(f"rsml/a__b/{plant}/00001.rsml" for plant in PLANTS),
        *(f"graphml/a__b/{plant}.graphml" for plant in PLANTS),
    }
    assert read_rsml(tmp_path / "files/rsml/a__b/1.rsml").metadata.unit == "pixel"
    write_files(*tables.paths, tmp_path / "files", RootsGraphConfig(overlays=False, rsml=False))
    assert set(tree(tmp_path / "files")) == {f"graphml/a__b/{plant}.graphml" for plant in PLANTS}


def test_a_single_picture_has_a_sheet_and_no_video(tmp_path):
    tables = Tables(tmp_path, ["a"], frames=1)
    write_files(*tables.paths, tmp_path / "files", RootsGraphConfig())
    assert set(tree(tmp_path / "files")) == {"overlays/a.jpg"}


def test_tables_that_do_not_belong_together_are_refused_and_the_folder_stays(tmp_path):
    tables = Tables(tmp_path, ["a", "b"], frames=3)
    write_files(*tables.paths, tmp_path / "files", RootsGraphConfig(overlays=False))
    before = tree(tmp_path / "files")
    frames, edges = read_table(tables.frames, ROOT_FRAMES), read_table(tables.edges, ROOT_EDGES)
    nodes = read_table(tables.nodes, ROOT_NODES)

    def refused(says, frames=frames, nodes=nodes, edges=edges):
        paths = [tmp_path / f"{name}-changed.parquet" for name in ("frames", "nodes", "edges")]
        for frame, path, schema in zip(
            (frames, nodes, edges), paths, (ROOT_FRAMES, ROOT_NODES, ROOT_EDGES), strict=True
        ):
            write_table(frame, path, schema, sort=False)
        with pytest.raises(CxrError, match=says):
            write_files(*paths, tmp_path / "files", RootsGraphConfig())
        assert tree(tmp_path / "files") == before

    refused("plate b is not in", frames=frames[frames["plate"] == "a"])
    refused("edges of frame 2 that no picture takes", frames=frames[frames["frame"] < 2])
    refused("that no picture takes", edges=edges.sort_values(["plate", "frame"], ascending=[True, False]))
    refused("do not follow one another", edges=pd.concat([edges, edges[edges["plate"] == "a"]]))
    refused("the last nodes of frame 1", nodes=nodes[nodes["frame"] < 2])
    refused(r"gone\.png: cannot be read", frames=frames.assign(path=str(tmp_path / "gone.png")))
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    refused(r"bad\.png: ", frames=frames.assign(path=str(bad)))
    with pytest.raises(CxrError, match="shard 2 of 2"):
        write_files(*tables.paths, tmp_path / "files", RootsGraphConfig(), 2, 2)
