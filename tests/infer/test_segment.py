import csv
import json
from functools import partial

import cv2
import numpy as np
import pytest
import torch

from cxrfactory import read_chexmask, rle_decode
from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import fill_contour
from cxrfactory.config.infer import SegmentConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.imaging.radiograph.stored_films import StoredFilm, read_films
from cxrfactory.infer.segment import QUALITY_COLUMNS, list_images, segment
from cxrfactory.metrics.flags import FLAGS, LOW_ESTIMATE, LOW_RCA, NOT_FRONTAL
from cxrfactory.models.evidence import EVIDENCE_COLUMNS
from cxrfactory.models.hybridgnet import HybridGNet
from cxrfactory.rca.judge import QualityJudge
from cxrfactory.tables.quality_calibration import write_quality_calibration
from cxrfactory.tables.weights import read_weights, write_weights
from tests.export.dicom_films import film
from tests.infer.conftest import made_calibration

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


def test_quality_fills_the_rca_columns_and_a_table_beside(weights, folder, tmp_path):
    out = tmp_path / "out.csv"
    for name, workers in (("out", 1), ("again", 3)):
        judge = partial(QualityJudge, reference="pretrained", compare=2)
        segment([folder], weights, tmp_path / f"{name}.csv", QUICK, Preparation(), workers=workers, judge=judge)
    for suffix in ("csv", "quality.csv"):
        assert (tmp_path / f"out.{suffix}").read_bytes() == (tmp_path / f"again.{suffix}").read_bytes()
    table = read_chexmask(out).set_index("image_id")
    with (tmp_path / "out.quality.csv").open() as stream:
        quality = {row["image_id"]: row for row in csv.DictReader(stream)}
    assert sorted(quality) == sorted(table.index) == ["a.png", "b.jpg", "deep/c.png"]
    for image_id, row in quality.items():
        assert table.loc[image_id, "Dice RCA (Mean)"] == float(row["dice_rca_mean"])
        assert table.loc[image_id, "Dice RCA (Max)"] == float(row["dice_rca_max"])
        assert float(row["dice_rca_mean"]) <= float(row["dice_rca_max"])
        assert {NOT_FRONTAL, LOW_RCA} <= set(row["flags"].split(";"))  # noise is no chest
        assert set(row["flags"].split(";")) <= set(FLAGS)


def test_without_references_the_rca_columns_are_empty(weights, folder, tmp_path):
    out = tmp_path / "out.csv"
    segment([folder], weights, out, QUICK, Preparation(), judge=partial(QualityJudge, reference=None, compare=3))
    assert read_chexmask(out)["Dice RCA (Mean)"].isna().all()
    lines = (tmp_path / "out.quality.csv").read_text().splitlines()
    assert lines[0] == ",".join(["image_id", *QUALITY_COLUMNS])
    assert all(line.split(",")[1:3] == ["", ""] and float(line.split(",")[3]) < 1 for line in lines[1:])
    assert all(line.endswith("," * (len(QUALITY_COLUMNS) - 4)) for line in lines[1:])  # a network with one head


def test_the_table_of_quality_holds_the_evidence(two_headed_weights, folder, tmp_path):
    judge = partial(QualityJudge, reference=None, compare=2)
    for name, workers in (("a", 1), ("b", 3)):
        segment([folder], two_headed_weights, tmp_path / f"{name}.csv", QUICK, Preparation(), workers=workers,
                judge=judge)  # fmt: skip
    assert (tmp_path / "a.quality.csv").read_bytes() == (tmp_path / "b.quality.csv").read_bytes()
    with (tmp_path / "a.quality.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 3
    for row in rows:
        values = {name: float(row[name]) for name in EVIDENCE_COLUMNS}
        assert values.pop("latent_norm") > 0
        assert all(0 <= value <= 1 for value in values.values())
    assert len({row["lungs_soft_dice"] for row in rows}) == 3


def test_a_quality_calibration_adds_estimates_and_flags(two_headed_weights, folder, tmp_path):
    quality = tmp_path / "quality.json"
    sha256 = read_weights(two_headed_weights)[1]["sha256"]
    write_quality_calibration(made_calibration(sha256), quality)
    judge = partial(QualityJudge, reference=None, compare=2, calibration=quality, flag_worst=0.02)
    segment([folder], two_headed_weights, tmp_path / "out.csv", QUICK, Preparation(), judge=judge)
    with (tmp_path / "out.quality.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 3
    for row in rows:
        soft = float(row["lungs_soft_dice"])
        assert float(row["lungs_dice_estimate"]) == pytest.approx(min(soft, 1 - 0.005))
        assert float(row["lungs_dice_low"]) == pytest.approx(max(1 - 2 * max(1 - soft, 0.005), 0))
        ends = [float(row[f"{organ}_dice_estimate"]) for organ in ("lungs", "heart")]
        assert float(row["dice_estimate"]) == pytest.approx(sum(ends) / 2)
        assert LOW_ESTIMATE in row["flags"].split(";")
        assert row["flag_reasons"] == "lungs:lungs_soft_dice"
    write_quality_calibration(made_calibration("c" * 64), quality)
    with pytest.raises(CxrError, match="quality calibration for weights 'cccc"):
        segment([folder], two_headed_weights, tmp_path / "no.csv", QUICK, Preparation(), judge=judge)


def test_a_table_beside_says_how_each_file_stores_its_film(weights, tmp_path, caplog):
    pixels = np.random.default_rng(1).integers(0, 4096, (128, 256), dtype=np.uint16)
    film(1, pixels, PatientOrientation=["F", "R"], ImagerPixelSpacing=["0.8", "0.4"]).save_as(
        tmp_path / "a.dcm", enforce_file_format=True
    )
    settings = QUICK.model_copy(update={"check_orientation": False})
    segment([tmp_path / "a.dcm"], weights, tmp_path / "out.csv", settings, Preparation(), masks=tmp_path / "masks")
    assert read_films(tmp_path / "out.films.csv") == {"a.dcm": StoredFilm("FR", (0.8, 0.4))}
    assert "pixels of 0.8 x 0.4 mm; its mask pictures cannot say so: measure out.csv" in caplog.text
