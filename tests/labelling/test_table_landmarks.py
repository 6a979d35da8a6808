"""A labelled table of masks becomes one of landmarks."""

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cxrfactory.anatomy.graph import graph_of_labels
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png, encode_png
from cxrfactory.labelling.table_landmarks import drawn_regions, landmarks_of_table
from cxrfactory.metrics.overlap import dice
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import LABELLED_IMAGES, LABELLED_VIEWS
from tests.anatomy.test_mask_landmarks import chest

SIDE = 512


def masks():
    """A chest as of projected CT: drawn lungs and heart, the projected heart, and whole clavicles."""
    found = {f"drawn_{organ}": mask * np.uint8(255) for organ, mask in chest(side=SIDE, scale=0.5).items()}
    found["heart"] = np.full((SIDE, SIDE), 255, np.uint8)
    for organ, (start, end) in {
        "right_clavicle": ((10, 110), (225, 125)), "left_clavicle": ((505, 105), (270, 125)),
    }.items():  # fmt: skip
        found[organ] = cv2.line(np.zeros((SIDE, SIDE), np.uint8), start, end, 255, 18)
    return found


def row(image_id, regions, view="PA"):
    return {
        "image_id": image_id, "png": encode_png(np.zeros((SIDE, SIDE), np.uint8)), "original_height": SIDE,
        "original_width": SIDE, "crop_top": 0, "crop_left": 0, "crop_height": SIDE, "crop_width": SIDE, "size": SIDE,
        "orientation": 1, "patient_id": image_id, "source": "virtual", "labels": "M", "split": "train",
        "landmarks": [], "view": view,
        "regions": [{"name": name, "png": encode_png(mask)} for name, mask in sorted(regions.items())],
    }  # fmt: skip


def made(tmp_path, rows, schema=LABELLED_VIEWS):
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), tmp_path / "masks.parquet")
    landmarks_of_table(tmp_path / "masks.parquet", tmp_path / "out.parquet")
    return read_table(tmp_path / "out.parquet", schema).set_index("image_id")


def test_projected_masks_become_landmarks_of_lungs_heart_and_drawn_clavicles(tmp_path):
    given = masks()
    table = made(tmp_path, [row("a", given), row("side", given, "LL")])
    assert list(table.index) == ["a"]
    assert table.loc["a", "labels"] == "LHC"
    graph = graph_of_labels("LHC", "here")
    points = np.asarray(table.loc["a", "landmarks"], float).reshape(-1, 2)
    drawn = {each["name"]: decode_png(each["png"]) > 0 for each in table.loc["a", "regions"]}
    assert set(drawn) == set(graph.organs)
    filled = landmarks_to_masks(points, graph, SIDE, SIDE)
    assert min(dice(filled[organ], drawn[organ]) for organ in graph.organs) > 0.95
    np.testing.assert_array_equal(drawn["heart"], given["drawn_heart"] > 0)
    for clavicle in ("right_clavicle", "left_clavicle"):
        assert not (drawn[clavicle] & (given[clavicle] == 0)).any()
        assert 0.3 < drawn[clavicle].sum() / (given[clavicle] > 0).sum() < 0.9


def test_what_a_mask_does_not_allow_is_left_out(tmp_path):
    given = masks()
    broken = given | {"left_clavicle": given["left_clavicle"] * 0}
    alone = {"heart": given["drawn_heart"]}
    table = made(tmp_path, [row("broken", broken), row("alone", alone, None), row("none", {"rib": given["heart"]})])
    assert table["labels"].to_dict() == {"broken": "LH", "alone": "H", "none": "M"}
    assert [len(each) for each in table["landmarks"]] == [240, 52, 0]


def test_a_table_without_views_keeps_its_schema(tmp_path):
    images = {name: value for name, value in row("a", masks()).items() if name != "view"}
    assert made(tmp_path, [images], LABELLED_IMAGES).loc["a", "labels"] == "LHC"


def test_clavicles_beside_drawn_lungs_of_people_stay_as_they_are():
    given = {name.removeprefix("drawn_"): mask for name, mask in masks().items() if name != "heart"}
    for name, mask in drawn_regions(given).items():
        np.testing.assert_array_equal(mask, given[name])


def test_errors_are_one_line(tmp_path):
    with pytest.raises(CxrError, match="no frontal image"):
        made(tmp_path, [row("side", masks(), "LL")])
    small = row("a", {"drawn_heart": np.zeros((8, 8), np.uint8)})
    with pytest.raises(CxrError, match=r"image 'a': region 'drawn_heart' of shape \(8, 8\)"):
        made(tmp_path, [small])
    images = {name: value for name, value in row("a", {}).items() if name not in ("view", "regions")}
    pq.write_table(pa.Table.from_pylist([images]), tmp_path / "plain.parquet")
    with pytest.raises(CxrError, match="no column 'regions'"):
        landmarks_of_table(tmp_path / "plain.parquet", tmp_path / "out.parquet")
