import json

import cv2
import numpy as np
import pandas as pd
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.errors import CxrError
from cxrfactory.imaging.png import encode_png
from cxrfactory.rca.check import cases_of_labelled, cases_of_truth, correlation, run_check, true_dice
from cxrfactory.rca.reference import build_reference, origin_of
from tests.rca.chests import SIZE, chest, encode, landmarks_of, write_labelled, write_shard

GRAPH = landmark_graph("lungs-heart")
KNOWN = {"k1": {"shift": (6, 0)}, "k2": {"scale": 0.95}, "k3": {"shift": (0, 7), "scale": 1.04}}
QUERIES = {"q1": {}, "q2": {"shift": (-6, 4), "scale": 1.06}, "q3": {"shift": (4, 4)}}


def test_score_follows_true_dice_over_spoiled_masks(tmp_path):
    write_labelled(tmp_path / "labelled.parquet", KNOWN | QUERIES)
    write_labelled(tmp_path / "known.parquet", KNOWN)
    build_reference(tmp_path / "known.parquet", tmp_path / "reference.parquet", encode, GRAPH, 1.0, SIZE)
    cases = cases_of_labelled(tmp_path / "labelled.parquet", encode, list(QUERIES), SIZE)
    found = run_check(cases, tmp_path / "reference.parquet", tmp_path / "check", references=2)
    assert found["images"] == 3
    assert found["masks"] == 3 * (1 + 5 * 4)
    assert found["r_mean"] > 0.9
    assert found["r_max"] > 0.9
    table = pd.read_csv(tmp_path / "check/rca_check.csv")
    assert (table.loc[table["kind"] == "none", "true_dice"] == 1).all()
    assert table["true_dice"].min() < 0.6
    np.testing.assert_allclose(table["true_dice"], (table["lungs_true"] + table["heart_true"]) / 2, atol=2e-6)
    np.testing.assert_allclose(table["dice_rca_mean"], (table["lungs_mean"] + table["heart_mean"]) / 2, atol=2e-6)
    assert (table["heart_max"] >= table["heart_mean"]).all()
    assert table["dice_std"].isna().all()  # expert landmarks have no uncertainty
    assert found["origin"] == origin_of(tmp_path / "reference.parquet", 2).model_dump(mode="json")
    assert json.loads((tmp_path / "check/rca_check.json").read_text()) == found
    picture = cv2.imread(str(tmp_path / "check/rca_check.png"))
    assert picture.shape[0] > 300


def test_truth_of_another_frame_comes_to_the_registration_frame(tmp_path):
    write_shard(tmp_path, QUERIES, size=2 * SIZE)
    rows = []
    for image_id, how in QUERIES.items():
        masks = landmarks_to_masks(chest(**how, size=2 * SIZE)[1], GRAPH, 2 * SIZE, 2 * SIZE)
        rows.append({"image_id": image_id, **{organ: encode_png(mask) for organ, mask in masks.items()}})
    pd.DataFrame(rows).to_parquet(tmp_path / "truth.parquet")
    shards = [tmp_path / "images.parquet"], [tmp_path / "landmarks.parquet"], tmp_path / "truth.parquet"
    cases = cases_of_truth(*shards, count=2, size=SIZE)
    assert len(cases) == 2
    assert cases[0].spread == {"lungs": 0, "heart": 0, "both": 0}  # as the shard says
    for case in cases_of_truth(*shards, count=9, size=SIZE):
        how = {
            name: np.array(value) / 2 if name == "shift" else value for name, value in QUERIES[case.image_id].items()
        }
        np.testing.assert_allclose(case.landmarks, landmarks_of(**how), rtol=0, atol=1e-4)
        masks = landmarks_to_masks(case.landmarks, GRAPH, SIZE, SIZE)
        truth = {"lungs": masks["right_lung"] | masks["left_lung"], "heart": masks["heart"]}
        assert true_dice({name: mask.astype(bool) for name, mask in truth.items()}, case.truth) > 0.96


def test_tables_that_share_no_image_or_name_one_twice_are_refused(tmp_path):
    write_shard(tmp_path, {"q1": {}})
    mask = encode_png(np.ones((4, 4), np.uint8))
    truth = pd.DataFrame({"image_id": ["x"], "right_lung": [mask], "left_lung": [mask], "heart": [mask]})
    truth.to_parquet(tmp_path / "truth.parquet")
    shards = [tmp_path / "images.parquet"], [tmp_path / "landmarks.parquet"]
    with pytest.raises(CxrError, match="no image_id is in"):
        cases_of_truth(*shards, tmp_path / "truth.parquet", count=2, size=SIZE)
    with pytest.raises(CxrError, match="stands twice"):
        cases_of_truth(shards[0], shards[1] * 2, tmp_path / "truth.parquet", count=2, size=SIZE)


def test_correlation_by_hand_and_without_variation():
    table = pd.DataFrame(
        {
            "image_id": ["a", "a", "b"],
            "kind": ["none", "shift", "shift"],
            "true_dice": [1.0, 0.5, 0.0],
            "dice_rca_mean": [0.9, 0.4, -0.1],
            "dice_rca_max": [0.0, 0.5, 1.0],
        }
    )
    found = correlation(table)
    assert found["r_mean"] == pytest.approx(1)
    assert found["r_max"] == pytest.approx(-1)
    assert found["mean_absolute_difference"] == pytest.approx(0.1)
    assert found["by_kind"]["scale"] == {"masks": 1, "r_mean": None, "r_max": None}
    with pytest.raises(CxrError, match="same true Dice"):
        correlation(table.assign(true_dice=1.0))
