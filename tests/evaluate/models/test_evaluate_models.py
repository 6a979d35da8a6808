import shutil

import cv2
import numpy as np
import pandas as pd
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.config.studies import AuditConfig, EvaluateConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.models import evaluate_models as models
from cxrfactory.evaluate.models.audit import audit
from cxrfactory.evaluate.models.cost import Cost, measure_cost
from cxrfactory.evaluate.models.evaluate_models import evaluate_models
from cxrfactory.evaluate.models.labelled import read_cases
from cxrfactory.imaging.drawing.png import decode_png, encode_png
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.models import registry
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from cxrfactory.tables.weights import write_weights
from tests.evaluate.conftest import SHAPE, SIZE
from tests.models import stub_pixels


@pytest.fixture
def quick(monkeypatch):
    """No process of its own: its costs are tested below."""
    monkeypatch.setattr(models, "measure_cost", lambda *each: Cost("cpu", 1, 4, 1.0, 2.0, 3.0, 4.0))


def test_a_known_shift_gives_known_figures(labelled, fixed_weights, tmp_path, quick):
    summary = evaluate_models(labelled, [fixed_weights], tmp_path / "out", EvaluateConfig(resamples=50))
    images = pd.read_csv(tmp_path / "out/per_image.csv").set_index(["image_id", "organ"])
    for number in range(4):
        row = images.loc[(f"i{number}", "all")]
        assert row["landmark_mse_px2"] == pytest.approx((8 * number) ** 2 / 2, abs=1e-2)
        assert images.loc[(f"i{number}", "left_lung"), "hd_px"] == pytest.approx(8 * number, abs=8.1 * (number > 0))
    assert images.loc[("i0", "heart"), ["dice", "iou", "nsd", "component_f1"]].to_list() == [1, 1, 1, 1]
    assert images.loc[("i2", "lungs"), "dice"] < images.loc[("i1", "lungs"), "dice"] < 1
    assert ("i3", "heart") not in images.index  # not annotated
    assert np.isnan(images.loc[("i3", "all"), "ctr"])
    ratio = images.loc[("i1", "all")]
    assert ratio["ctr"] == pytest.approx(ratio["ctr_true"], abs=0.02)
    rows = summary.set_index(["source", "organ", "measure"])
    assert rows.loc[("all", "heart", "dice"), "images"] == 3
    assert rows.loc[("First", "heart", "dice"), "images"] == 2
    assert rows.loc[("Second", "lungs", "dice"), "images"] == 1
    assert np.isnan(rows.loc[("Second", "lungs", "dice"), "ci_low"])
    low, mean, high = rows.loc[("all", "lungs", "dice"), ["ci_low", "mean", "ci_high"]]
    assert low < mean < high
    assert cv2.imread(str(tmp_path / "out/overlays-fixed.png")).shape == (668, 1920, 3)
    assert pd.read_csv(tmp_path / "out/wilcoxon.csv").empty


def test_two_kinds_of_models_are_compared(labelled, fixed_weights, threshold_weights, tmp_path, quick):
    evaluate_models(labelled, [fixed_weights, threshold_weights], tmp_path / "out", EvaluateConfig(resamples=50))
    images = pd.read_csv(tmp_path / "out/per_image.csv")
    pixel = images[images["model"] == "threshold"]
    assert pixel["landmark_mse_px2"].isna().all()
    assert (pixel.loc[pixel["organ"] == "heart", "component_precision"] < 0.1).all()  # noise: hundreds of specks
    tests = pd.read_csv(tmp_path / "out/wilcoxon.csv").set_index(["source", "organ", "measure"])
    row = tests.loc[("all", "lungs", "dice")]
    assert (row["first"], row["second"], row["pairs"], row["rank_biserial"]) == ("fixed", "threshold", 4, 1)
    assert row["p"] == pytest.approx(0.125)  # 2 / 2^4: the least that four pairs can show
    assert row["p_holm"] == pytest.approx(0.5)  # four organs: lungs, each lung, heart (0.25)
    costs = pd.read_csv(tmp_path / "out/cost.csv")
    assert costs["model"].to_list() == ["fixed", "threshold"]
    table = pd.read_csv(tmp_path / "out/models.csv").set_index("model")
    assert list(table.index) == ["fixed", "threshold"]
    first = images[(images["model"] == "fixed") & (images["organ"] == "heart")]
    assert table.loc["fixed", "dice_heart"] == pytest.approx(first["dice"].mean(), abs=1e-6)
    assert np.isnan(table.loc["threshold", "landmark_mse_px2"])
    assert table.loc["fixed", "landmark_mse_px2"] == pytest.approx((8**2 + 16**2 + 24**2) / 2 / 4, abs=1e-2)


def test_models_of_the_workflow_are_named_by_folder_and_their_trainings_drawn(labelled, fixed_weights, tmp_path, quick):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for suffix in (".safetensors", ".json"):
            shutil.copy(fixed_weights.with_suffix(suffix), tmp_path / name / f"weights{suffix}")
        (tmp_path / name / "history.csv").write_text("epoch,loss,val_dice_lungs\n1,0.5,\n2,0.4,0.9\n")
    files = [[tmp_path / name / each for name in "ab"] for each in ("weights.safetensors", "history.csv")]
    evaluate_models(labelled, files[0], tmp_path / "out", EvaluateConfig(resamples=50), histories=files[1])
    assert pd.read_csv(tmp_path / "out/models.csv")["model"].to_list() == ["a", "b"]
    assert (tmp_path / "out/overlays-b.png").exists()
    assert cv2.imread(str(tmp_path / "out/curves.png")).shape[1] > 1000
    with pytest.raises(CxrError, match="no such file; expected the CSV that train writes"):
        evaluate_models(labelled, files[0], tmp_path / "none", EvaluateConfig(), histories=[tmp_path / "c/history.csv"])
    assert not (tmp_path / "none").exists()


def test_two_runs_give_the_same_bytes(labelled, fixed_weights, tmp_path, quick):
    for name in ("one", "two"):
        evaluate_models(labelled, [fixed_weights], tmp_path / name, EvaluateConfig(resamples=50))
    for file in sorted((tmp_path / "one").iterdir()):
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_cost_is_measured_in_a_process_of_its_own(labelled, fixed_weights):
    cases = read_cases(labelled, "val")
    cost = measure_cost(fixed_weights, [case.png for case in cases], 128, "cpu")
    assert (cost.device, cost.images) == ("cpu", 4)
    assert 0 < cost.ms_median <= cost.ms_p95
    assert 50 < cost.before_mb <= cost.peak_mb < 4000
    assert cost.parameters > 1000


def relabelled(labelled, path, labels):
    """The table with the first images' landmarks cut to lungs, under another code."""
    table = read_table(labelled, LABELLED_IMAGES)
    for row, code in enumerate(labels):
        table.at[row, "labels"] = code
        table.at[row, "landmarks"] = table.at[row, "landmarks"][: 94 * 2]
    write_table(table, path, LABELLED_IMAGES)
    return path


def test_images_are_measured_on_what_they_annotate(labelled, fixed_weights, tmp_path, quick, caplog):
    table = read_table(labelled, LABELLED_IMAGES)
    for row, (code, nodes) in enumerate({"H": slice(94, 120), "M": slice(0)}.items()):
        table.at[row, "labels"] = code
        table.at[row, "landmarks"] = table.at[row, "landmarks"].reshape(-1, 2)[nodes].ravel()
    write_table(table, tmp_path / "mixed.parquet", LABELLED_IMAGES)
    with caplog.at_level("WARNING"):
        evaluate_models(tmp_path / "mixed.parquet", [fixed_weights], tmp_path / "out", EvaluateConfig(resamples=10))
    assert "left out 1 images that annotate none of right_lung, left_lung, heart" in caplog.text
    images = pd.read_csv(tmp_path / "out/per_image.csv").set_index(["image_id", "organ"])
    assert list(images.loc["i0"].index) == ["heart", "all"]
    assert images.loc[("i0", "heart"), ["dice", "landmark_mse_px2"]].to_list() == [1, 0]
    assert set(images.index.get_level_values(0)) == {"i0", "i2", "i3"}
    write_table(table.iloc[1:2], tmp_path / "none.parquet", LABELLED_IMAGES)
    with pytest.raises(CxrError, match=r"'fixed' segments right_lung, .*\(the images annotate nothing\)"):
        evaluate_models(tmp_path / "none.parquet", [fixed_weights], tmp_path / "none", EvaluateConfig())
    with pytest.raises(CxrError, match="no image has landmarks of both lungs; expected labels L, LH, LHC or W"):
        audit(tmp_path / "none.parquet", [fixed_weights], tmp_path / "none", Preparation(128), AuditConfig())


def with_drawn(labelled, path, cells):
    """The table with drawn masks: image id -> region -> mask of 0, 127 and 255; its landmarks are taken away."""
    table = read_table(labelled, LABELLED_IMAGES)
    table["regions"] = table["regions"].astype(object)
    for row, image_id in enumerate(table["image_id"]):
        if image_id in cells:
            drawn = [{"name": name, "png": encode_png(mask)} for name, mask in cells[image_id].items()]
            table.at[row, "labels"], table.at[row, "landmarks"] = "M", np.zeros(0, np.float32)
            table.at[row, "regions"] = drawn
    write_table(table, path, LABELLED_IMAGES)
    return path


def test_drawn_masks_are_the_truth_where_there_are_some(labelled, fixed_weights, tmp_path, quick, caplog):
    found = landmarks_to_masks(SHAPE * SIZE - 0.5, landmark_graph("lungs-heart"), SIZE, SIZE)
    half = found["right_lung"] * np.uint8(255)
    half[: SIZE // 2] = np.where(found["right_lung"][: SIZE // 2], 127, 0)  # nothing is known of the upper half
    cells = {
        "i0": {"right_lung": half, "left_lung": found["left_lung"] * np.uint8(255)},
        "i1": {"heart": np.zeros((SIZE, SIZE), np.uint8), "airways": half},
        "i2": {"airways": half},
    }
    table = with_drawn(labelled, tmp_path / "drawn.parquet", cells)
    with caplog.at_level("INFO"):
        evaluate_models(table, [fixed_weights], tmp_path / "out", EvaluateConfig(resamples=10))
    assert "right_lung: 1 drawn masks, 1 contours; left_lung: 1 drawn masks, 1 contours; heart: 1 drawn" in caplog.text
    assert "left out 1 images that annotate none of" in caplog.text
    images = pd.read_csv(tmp_path / "out/per_image.csv").set_index(["image_id", "organ"])
    assert list(images.loc["i0"].index) == ["lungs", "right_lung", "left_lung", "all"]
    assert images.loc["i0"].loc[["lungs", "right_lung", "left_lung"], "dice"].to_list() == [1, 1, 1]
    assert images.loc[("i1", "heart"), "dice"] == 0  # drawn as absent
    assert np.isinf(images.loc[("i1", "heart"), "hd_px"])
    assert np.isnan(images.loc[("i0", "all"), "landmark_mse_px2"])
    assert cv2.imread(str(tmp_path / "out/overlays-fixed.png")) is not None


def test_a_pixel_model_of_any_regions_is_measured(labelled, tmp_path, quick, monkeypatch):
    monkeypatch.setitem(registry.PIXEL_MODELS, "threshold", "tests.models.stub_pixels:build")
    image = decode_png(read_table(labelled, LABELLED_IMAGES)["png"][0])
    bright = np.where(image >= 128, 255, 0).astype(np.uint8)
    table = with_drawn(labelled, tmp_path / "t.parquet", {"i0": {"airways": bright, "left_whole_lung": 255 - bright}})
    weights = tmp_path / "threshold.safetensors"
    organs = ("airways", "right_whole_lung", "left_whole_lung")
    write_weights(weights, {"threshold": np.array(0.5, np.float32)}, stub_pixels.card(organs, (SIZE, SIZE)))
    evaluate_models(table, [weights], tmp_path / "out", EvaluateConfig(resamples=10))
    images = pd.read_csv(tmp_path / "out/per_image.csv").set_index(["image_id", "organ"])
    assert list(images.index) == [("i0", "airways"), ("i0", "left_whole_lung"), ("i0", "all")]
    assert images["dice"].to_list()[:2] == [1, 0]
    row = pd.read_csv(tmp_path / "out/models.csv").iloc[0]
    assert (row["dice_airways"], row["dice_left_whole_lung"]) == (1, 0)
    assert np.isnan(row["dice_lungs"])
    with pytest.raises(CxrError, match=r"'threshold' segments airways, .*the images annotate heart, left_lung, "):
        evaluate_models(labelled, [weights], tmp_path / "none", EvaluateConfig())
    with pytest.raises(CxrError, match="an audit takes its truth from landmarks"):
        audit(labelled, [weights], tmp_path / "none", Preparation(128), AuditConfig())


def test_images_of_another_definition_are_left_out(labelled, fixed_weights, tmp_path, quick, caplog):
    mixed = relabelled(labelled, tmp_path / "mixed.parquet", ["W", "W"])
    with caplog.at_level("WARNING"):
        evaluate_models(mixed, [fixed_weights], tmp_path / "out", EvaluateConfig(resamples=10))
    assert "left out 2 images that annotate none of right_lung, left_lung, heart" in caplog.text
    assert set(pd.read_csv(tmp_path / "out/per_image.csv")["image_id"]) == {"i2", "i3"}
    whole = relabelled(labelled, tmp_path / "whole.parquet", ["W"] * 4)
    with pytest.raises(CxrError, match=r"\(the images annotate left_whole_lung, right_whole_lung\)"):
        evaluate_models(whole, [fixed_weights], tmp_path / "none", EvaluateConfig())
    with pytest.raises(CxrError, match=r"no image is labelled by the models' definition 'jsrt'.*found 'whole-lungs'"):
        audit(whole, [fixed_weights], tmp_path / "none", Preparation(128), AuditConfig())
    assert not (tmp_path / "none").exists()


def test_models_of_two_definitions_are_not_compared(labelled, fixed_weights, threshold_weights, tmp_path, monkeypatch):
    monkeypatch.setattr(stub_pixels.Threshold, "definition", "whole-lungs")
    with pytest.raises(CxrError, match=r"'fixed' jsrt, 'threshold' whole-lungs\); compare models of one definition"):
        evaluate_models(labelled, [fixed_weights, threshold_weights], tmp_path / "out", EvaluateConfig())


def test_errors_are_one_line(labelled, fixed_weights, tmp_path):
    with pytest.raises(CxrError, match=r"split 'test'; found \['val'\]"):
        evaluate_models(labelled, [fixed_weights], tmp_path / "out", EvaluateConfig(split="test"))
    with pytest.raises(CxrError, match="second file named 'fixed'"):
        evaluate_models(labelled, [fixed_weights, fixed_weights], tmp_path / "out", EvaluateConfig())
    with pytest.raises(CxrError, match="no weights"):
        evaluate_models(labelled, [], tmp_path / "out", EvaluateConfig())
    assert not (tmp_path / "out").exists()
