import csv
import json

import cv2
import numpy as np
import pytest
import torch

from cxrfactory import read_chexmask, rle_decode
from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import fill_contour
from cxrfactory.config.infer import SegmentConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.infer.segment import _check_upright, list_images, segment
from cxrfactory.models.hybridgnet import HybridGNet
from cxrfactory.models.segmenter import SampledLandmarks
from cxrfactory.tables.weights import read_weights, write_weights

QUICK = SegmentConfig(samples=2, device="cpu")


def test_every_file_gives_a_row_or_a_named_rejection(weights, folder, tmp_path):
    out = tmp_path / "out.csv"
    assert segment([folder], weights, out, QUICK, Preparation()) == (3, 2)
    table = read_chexmask(out)
    assert sorted(table["image_id"]) == ["a.png", "b.jpg", "deep/c.png"]
    with (tmp_path / "out.rejected.csv").open() as stream:
        rejected = {row["image_id"]: row["reason"] for row in csv.DictReader(stream)}
    assert set(rejected) == {"empty.png", "text.jpg"}
    assert "empty" in rejected["empty.png"]


def test_the_card_beside_names_the_weights_and_what_lungs_are(weights, folder, tmp_path):
    for name in ("lungs-heart", "whole-lungs"):
        network = HybridGNet(landmark_graph(name), 64)
        torch.nn.init.zeros_(network.conv6.weight)
        shape = read_weights(weights)[0]["mean_shape"][: network.graph.nodes]
        network.mean_shape.copy_(torch.from_numpy(shape))
        card = {"segmenter": "hybridgnet", "settings": network.settings(), "normalisation": "", "data": {}}
        tensors = {key: value.numpy() for key, value in network.state_dict().items()}
        write_weights(tmp_path / "w.safetensors", tensors, card | {"metrics": {}})
        out = tmp_path / f"{name}.csv"
        assert segment([folder], tmp_path / "w.safetensors", out, QUICK, Preparation()) == (3, 2)
        found = json.loads((tmp_path / f"{name}.card.json").read_text())
        assert found["graph"] == name
        assert found["definition"] == landmark_graph(name).definition_text
        assert found["weights_sha256"] == read_weights(tmp_path / "w.safetensors")[1]["sha256"]
    table = read_chexmask(tmp_path / "whole-lungs.csv")
    assert {len(points) for points in table["Landmarks"]} == {94}
    assert table["Heart"].tolist() == [""] * 3


def test_masks_are_the_filled_landmarks_at_the_original_size(weights, folder, tmp_path):
    out = tmp_path / "out.csv"
    segment([folder], weights, out, QUICK, Preparation(), masks=tmp_path / "m", overlays=tmp_path / "o")
    table = read_chexmask(out).set_index("image_id")
    row = table.loc["b.jpg"]
    assert (row["Height"], row["Width"]) == (130, 257)
    points = np.asarray(row["Landmarks"])
    for organ, column, where in (("right_lung", "Right Lung", slice(0, 44)), ("heart", "Heart", slice(94, 120))):
        mask = rle_decode(row[column], 130, 257)
        np.testing.assert_array_equal(mask, fill_contour(points[where], 130, 257))
        saved = cv2.imread(str(tmp_path / "m" / f"b.jpg.{organ}.png"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(saved, mask * 255)
    # The circle's centre (0.3, 0.5) of the padded square lies at this pixel of the 130 x 257 image.
    centre = points[:44].mean(axis=0)
    np.testing.assert_allclose(centre, [0.3 * 257 - 0.5, 0.5 * 257 - 0.5 - (257 - 130) // 2], atol=1)
    assert (tmp_path / "o" / "deep__c.png.png").is_file()


def test_rows_do_not_depend_on_batch_or_workers(weights, folder, tmp_path):
    for name, batch_size, workers in (("a", 1, 1), ("b", 16, 2)):
        settings = SegmentConfig(samples=3, device="cpu", batch_size=batch_size)
        segment([folder], weights, tmp_path / f"{name}.csv", settings, Preparation(), workers=workers)
    for suffix in ("csv", "std.csv", "rejected.csv"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_same_names_in_two_folders_are_refused(folder):
    with pytest.raises(CxrError, match=r"id 'a\.png' is taken by"):
        list_images([folder, folder / "a.png"])


def test_missing_path_and_empty_folder_are_one_line(tmp_path):
    with pytest.raises(CxrError, match="no such file or folder"):
        list_images([tmp_path / "nowhere"])
    with pytest.raises(CxrError, match="no image files"):
        list_images([tmp_path])


def test_nothing_is_left_behind_when_weights_are_missing(folder, tmp_path):
    with pytest.raises(CxrError, match=r"no such file; weights are NAME\.safetensors"):
        segment([folder], tmp_path / "w.safetensors", tmp_path / "out" / "x.csv", QUICK, Preparation())
    assert not (tmp_path / "out").exists()


def spread(*values):
    points = np.zeros((120, 2), np.float32)
    return [SampledLandmarks(points, points, np.full((120, 2), value, np.float32), np.zeros(64)) for value in values]


def test_an_image_on_its_side_is_named_with_the_turn_that_rights_it():
    with pytest.raises(ImageError, match="after a turn of 90 degrees clockwise"):
        _check_upright(spread(12, 6, 12, 4))
    with pytest.raises(ImageError, match="after a turn of 180 degrees"):
        _check_upright(spread(9, 12, 3, 8))


def test_upright_and_doubtful_images_pass():
    _check_upright(spread(4, 12, 8, 11))
    _check_upright(spread(6, 12, 5, 11))  # a little surer is no proof
    _check_upright(spread(5))  # not checked
