import json

import cv2
import numpy as np
import pandas as pd
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.config import NnunetConfig
from cxrfactory.errors import CxrError
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from cxrfactory.train.data.images import load_labelled
from cxrfactory.train.data.nnunet import export_nnunet, labels_of

GRAPH = landmark_graph("lungs-heart")


@pytest.fixture
def apart(labelled):
    """The table with hearts so narrow that they lie between the lungs."""
    table = read_table(labelled)
    for index in table.index[table["labels"] == "LH"]:
        points = np.asarray(table.at[index, "landmarks"]).reshape(-1, 2).copy()
        gap = (points[:44, 0].max() + points[44:94, 0].min()) / 2
        points[94:, 0] = gap + 0.3 * (points[94:, 0] - points[94:, 0].mean())
        table.at[index, "landmarks"] = points.ravel()
    write_table(table, labelled, LABELLED_IMAGES)
    return labelled


def read(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def test_the_dataset_is_what_nnunet_expects(apart, tmp_path):
    folder = export_nnunet([apart], tmp_path / "raw", NnunetConfig(size=64), preprocessed=tmp_path / "pre")
    facts = json.loads((folder / "dataset.json").read_text())
    assert facts["labels"] == {"background": 0, "right_lung": 1, "left_lung": 2, "heart": 3}
    assert facts["channel_names"] == {"0": "radiograph"}
    assert (facts["file_ending"], facts["overwrite_image_reader_writer"]) == (".png", "NaturalImage2DIO")
    assert (facts["input_size"], facts["definition"]) == (64, "jsrt")
    whole = [f"p{number:02d}" for number in range(16) if number % 3 != 2]  # the others have no heart
    assert facts["numTraining"] == len(whole)
    assert sorted(path.name for path in (folder / "imagesTr").iterdir()) == [f"{case}_0000.png" for case in whole]
    assert sorted(path.name for path in (folder / "labelsTr").iterdir()) == [f"{case}.png" for case in whole]
    splits = json.loads((tmp_path / "pre/Dataset501_CXR/splits_final.json").read_text())
    assert splits == [{"train": whole[:8], "val": whole[8:]}]
    assert pd.read_csv(folder / "cases.csv")["case"].to_list() == whole


def test_pictures_are_those_that_our_networks_see(apart, tmp_path):
    folder = export_nnunet([apart], tmp_path / "raw", NnunetConfig(size=64))
    data = load_labelled(apart, "val", GRAPH, 64)
    assert (read(folder / "imagesTr/p12_0000.png") == data.images[0]).all()
    label_map = read(folder / "labelsTr/p12.png")
    assert (label_map.dtype, label_map.shape) == (np.uint8, (64, 64))
    assert set(np.unique(label_map)) == {0, 1, 2, 3}
    centre = np.round(data.targets[0][GRAPH.slices["heart"]].mean(axis=0) * 64).astype(int)
    assert label_map[centre[1], centre[0]] == 3
    assert (folder / "splits_final.json").is_file()


def test_a_pixel_of_two_organs_goes_to_the_later_one_without_regions():
    masks = np.zeros((3, 1, 4), np.uint8)
    masks[0, 0, :2] = masks[2, 0, 1:3] = 1
    plain = labels_of(GRAPH, set())
    assert not plain.with_regions
    assert plain.map_of(masks).tolist() == [[1, 3, 3, 0]]


def test_regions_keep_both():
    masks = np.zeros((3, 1, 4), np.uint8)
    masks[0, 0, :2] = masks[2, 0, 1:3] = 1
    regions = labels_of(GRAPH, {0, 1, 4, 5, 6})
    assert regions.map_of(masks).tolist() == [[1, 4, 3, 0]]
    assert regions.described() == {
        "labels": {"background": 0, "right_lung": [1, 4], "left_lung": [2, 5], "heart": [3, 4, 5]},
        "regions_class_order": [1, 2, 3],
    }


def test_exported_regions_hold_every_mask_whole(labelled, tmp_path):
    from cxrfactory.anatomy.raster import landmarks_to_masks
    from cxrfactory.models.inputs import to_pixels

    folder = export_nnunet([labelled], tmp_path / "raw", NnunetConfig(size=64, regions=True))
    labels = json.loads((folder / "dataset.json").read_text())["labels"]
    data = load_labelled(labelled, "val", GRAPH, 64)
    truth = landmarks_to_masks(to_pixels(data.targets[0].astype(np.float64), 64), GRAPH, 64, 64)
    label_map = read(folder / "labelsTr/p12.png")
    for organ, mask in truth.items():
        assert (np.isin(label_map, labels[organ]) == mask).all()


def test_errors_are_one_line_and_leave_nothing_closed(apart, tmp_path):
    with pytest.raises(CxrError, match="dataset name 'CXR'; expected DatasetNNN_Name"):
        export_nnunet([apart], tmp_path / "raw", NnunetConfig(name="CXR", size=64))
    export_nnunet([apart], tmp_path / "raw", NnunetConfig(size=64))
    with pytest.raises(CxrError, match="exists already"):
        export_nnunet([apart], tmp_path / "raw", NnunetConfig(size=64))
    table = read_table(apart)
    table.loc[[0, 1], "image_id"] = ["a/b", "a b"]
    write_table(table, tmp_path / "ids.parquet", LABELLED_IMAGES)
    with pytest.raises(CxrError, match="'a b' and 'a/b' would both be 'a_b'"):
        export_nnunet([tmp_path / "ids.parquet"], tmp_path / "other", NnunetConfig(size=64))


def test_organs_over_organs_ask_for_regions(labelled, tmp_path):
    table = read_table(labelled)
    rows = table["labels"] == "LH"
    points = [np.asarray(each).reshape(-1, 2).copy() for each in table.loc[rows, "landmarks"]]
    for each in points:
        each[94:] += each[:44].mean(axis=0) - each[94:].mean(axis=0)  # the heart before the right lung
    table.loc[rows, "landmarks"] = pd.Series([each.ravel() for each in points], index=table.index[rows])
    write_table(table, tmp_path / "over.parquet", LABELLED_IMAGES)
    with pytest.raises(CxrError, match=r"right_lung loses \d+\.\d% of its pixels to organs over it; use --regions"):
        export_nnunet([tmp_path / "over.parquet"], tmp_path / "raw", NnunetConfig(size=64))
    assert not (tmp_path / "raw").exists()
    export_nnunet([tmp_path / "over.parquet"], tmp_path / "with", NnunetConfig(size=64, regions=True))
