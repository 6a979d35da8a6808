import numpy as np
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.errors import CxrError
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from cxrfactory.train.data.images import load_labelled


def relabelled(labelled, path, codes):
    """The table with other label codes, landmarks cut to theirs."""
    table = read_table(labelled, LABELLED_IMAGES)
    for row, code in codes.items():
        table.at[row, "labels"] = code
        table.at[row, "landmarks"] = table.at[row, "landmarks"][: 94 * 2]
    write_table(table, path, LABELLED_IMAGES)
    return path


@pytest.mark.parametrize(
    ("graph", "count", "said"),
    [
        ("whole-lungs", 3, "left out 9 images with labels L, LH, no 'whole-lungs'"),
        ("lungs", 9, "left out 3 images with labels W, no 'jsrt'"),
        ("lungs-heart", 9, "left out 3 images with labels W, no 'jsrt'"),
    ],
)
def test_definitions_never_mix(labelled, tmp_path, caplog, graph, count, said):
    mixed = relabelled(labelled, tmp_path / "mixed.parquet", {row: "W" for row in (0, 2, 5)})
    with caplog.at_level("INFO"):
        data = load_labelled(mixed, "train", landmark_graph(graph), 64)
    assert len(data.ids) == len(data.targets) == len(data.images) == count
    assert set(data.ids) & {"p00", "p02", "p05"} == ({"p00", "p02", "p05"} if graph == "whole-lungs" else set())
    assert said in caplog.text


def test_a_split_of_the_other_definition_alone_is_one_line(labelled, tmp_path):
    with pytest.raises(CxrError, match=r"12 images, all with labels L, LH; the graph 'whole-lungs' means .*behind the"):
        load_labelled(labelled, "train", landmark_graph("whole-lungs"), 64)
    whole = relabelled(labelled, tmp_path / "whole.parquet", {row: "W" for row in range(16)})
    with pytest.raises(CxrError, match="4 images, all with labels W; the graph 'lungs-heart' means right lung, left"):
        load_labelled(whole, "val", landmark_graph("lungs-heart"), 64)
    data = load_labelled(whole, "val", landmark_graph("whole-lungs"), 64)
    points = np.asarray(read_table(whole)["landmarks"][12]).reshape(-1, 2)
    np.testing.assert_allclose(data.targets[0], (points + 0.5) / 128, atol=1e-6)


def test_an_unknown_code_is_named(labelled, tmp_path):
    odd = relabelled(labelled, tmp_path / "odd.parquet", {0: "Q"})
    with pytest.raises(CxrError, match="labels 'Q'; expected one of L, LH, LHC, W"):
        load_labelled(odd, "train", landmark_graph("lungs"), 64)


def test_a_source_is_left_out_of_both_splits(labelled, tmp_path):
    table = read_table(labelled, LABELLED_IMAGES)
    table.loc[table.index % 4 == 0, "source"] = "Other"
    path = tmp_path / "two.parquet"
    write_table(table, path, LABELLED_IMAGES)
    graph = landmark_graph("lungs")
    for split in ("train", "val"):
        every = load_labelled(path, split, graph, 64)
        own = load_labelled(path, split, graph, 64, ["Other"])
        other = load_labelled(path, split, graph, 64, ["Phantom"])
        assert sorted(own.ids + other.ids) == every.ids
        assert set(other.ids) <= set(table["image_id"][table["source"] == "Other"])
        assert own.ids
    with pytest.raises(CxrError, match="no image has source 'Third', which is to be left out; found Other, Phantom"):
        load_labelled(path, "train", graph, 64, ["Third"])
    with pytest.raises(CxrError, match="no image is left without Other, Phantom"):
        load_labelled(path, "train", graph, 64, ["Phantom", "Other"])
