import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from cxrfactory.train.data.images import load_labelled, mean_shape


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


ALL = ("right_lung", "left_lung", "heart", "right_whole_lung", "airways")


@pytest.fixture
def drawn(labelled, tmp_path):
    """Row 0: LH with a drawn heart; 1: heart alone; 2: masks alone; 3: whole lungs; the others as they are."""
    table = read_table(labelled, LABELLED_IMAGES)
    codes = {1: ("H", slice(94, 120)), 2: ("M", slice(0)), 3: ("W", slice(94))}
    for row, (code, nodes) in codes.items():
        table.at[row, "labels"] = code
        table.at[row, "landmarks"] = np.asarray(table.at[row, "landmarks"]).reshape(-1, 2)[nodes].ravel()
    mask, airways = np.zeros((128, 128), np.uint8), np.zeros((128, 128), np.uint8)
    mask[40:80, 60:81] = 255
    mask[:10] = 127
    airways[:50, 60:64] = 255
    table.at[0, "regions"] = [{"name": "heart", "png": encode_png(mask)}]
    table.at[2, "regions"] = [
        {"name": "airways", "png": encode_png(airways)},
        {"name": "right_lung", "png": encode_png(np.zeros((128, 128), np.uint8))},
    ]
    path = tmp_path / "drawn.parquet"
    write_table(table, path, LABELLED_IMAGES)
    return path


def test_landmarks_of_any_organ_are_placed_and_the_rest_is_unknown(drawn, caplog):
    with caplog.at_level("INFO"):
        data = load_labelled(drawn, "train", landmark_graph("lungs-heart"), 64)
    assert data.ids == ["p00", "p01", *(f"p{number:02d}" for number in range(4, 12))]
    assert "left out 1 images with labels W, no 'jsrt'" in caplog.text
    assert "left out 1 images with labels M, which do not annotate right_lung or left_lung or heart" in caplog.text
    finite = np.isfinite(data.targets).all(axis=2)
    assert finite[0].all()
    assert finite[1].tolist() == [False] * 94 + [True] * 26
    assert data.whole().tolist() == [place for place in range(10) if finite[place].all()]
    assert np.isfinite(mean_shape(data.targets)).all()
    with pytest.raises(CxrError, match="94 of 120 landmarks are annotated in none of 1 training images"):
        mean_shape(data.targets[1:2])


def test_masks_are_drawn_or_filled_and_every_image_says_which(drawn):
    data = load_labelled(drawn, "train", landmark_graph("lungs-heart"), 64, ALL)
    assert len(data.ids) == 12
    known = {name: np.flatnonzero(region.known).tolist() for name, region in data.regions.items()}
    assert known == {"right_lung": [2], "left_lung": [], "heart": [0], "right_whole_lung": [3], "airways": [2]}
    mask, ignored = data.regions["heart"].mask_of(0)
    assert mask[30, 35] == 255
    assert mask[30, 40] == 128  # half of the pixel's columns 80 and 81
    assert mask[30, 41] == 0
    assert ignored[:5].all()
    assert not ignored[5:].any()
    batch = data.annotations(np.array([0, 1, 2, 3]))
    masks = batch.region_masks()
    assert masks.known.tolist() == [
        [True, True, True, False, False],
        [False, False, True, False, False],
        [True, False, False, False, True],
        [False, False, False, True, False],
    ]
    assert not masks.masks[2, 0].any()  # drawn empty: absent
    assert not masks.valid[0, 2, :5].any()
    assert masks.valid[1].all()
    assert float(masks.masks[2, 4].sum()) == 25 * 2
    part = data.subset(np.array([2, 0]))
    assert part.ids == ["p02", "p00"]
    assert (part.regions["heart"].mask_of(1)[0] == mask).all()
    assert part.regions["heart"].mask_of(0) is None


def test_images_without_the_wanted_regions_are_left_out_by_count(drawn, caplog):
    with caplog.at_level("INFO"):
        data = load_labelled(drawn, "train", landmark_graph("lungs-heart"), 64, ["airways", "right_whole_lung"])
    assert data.ids == ["p02", "p03"]
    assert "which do not annotate airways or right_whole_lung" in caplog.text
    with pytest.raises(
        CxrError, match="none of 4 images annotates airways; they annotate heart, left_lung, right_lung"
    ):
        load_labelled(drawn, "val", landmark_graph("lungs-heart"), 64, ["airways"])
    with caplog.at_level("WARNING"):
        load_labelled(drawn, "val", landmark_graph("lungs-heart"), 64, ["airways", "heart"])
    assert "split 'val': no image annotates the airways; it is not measured" in caplog.text
    with pytest.raises(CxrError, match="split 'train': no image annotates the spine"):
        load_labelled(drawn, "train", landmark_graph("lungs-heart"), 64, ["airways", "spine"])


def test_a_mask_of_another_size_is_named(drawn):
    table = read_table(drawn, LABELLED_IMAGES)
    table.at[0, "regions"] = [{"name": "heart", "png": cv2.imencode(".png", np.zeros((9, 8), np.uint8))[1].tobytes()}]
    write_table(table, drawn, LABELLED_IMAGES)
    with pytest.raises(CxrError, match="image 'p00': region 'heart': mask of 9 x 8; expected the image's 128 x 128"):
        load_labelled(drawn, "train", landmark_graph("lungs-heart"), 64, ["heart"])


def test_tables_of_earlier_versions_are_read_as_before(labelled, tmp_path):
    old = pq.read_table(labelled).drop_columns(["regions"])
    pq.write_table(old, tmp_path / "old.parquet")
    graph = landmark_graph("lungs-heart")
    found = [load_labelled(path, "train", graph, 64, ["heart"]) for path in (labelled, tmp_path / "old.parquet")]
    assert found[0].ids == found[1].ids
    np.testing.assert_array_equal(found[0].targets, found[1].targets)


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
