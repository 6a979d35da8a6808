import json

import cv2
import numpy as np
import pandas as pd
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.config.rca import RcaCheckConfig, RcaReferenceConfig
from cxrfactory.errors import CxrError
from cxrfactory.rca.cases import cases_of_labelled
from cxrfactory.rca.check import check_cases, check_labelled, run_check, true_dice
from cxrfactory.rca.classical import ClassicalAligner
from cxrfactory.rca.deep import DeepAligner
from cxrfactory.rca.reference import build_reference, encoder_of, library_digest
from cxrfactory.rca.score import origin
from tests.rca.chests import SIZE, codes_of, encode, landmarks_of, write_labelled
from tests.rca.networks import write_network, write_segmenter

GRAPH = landmark_graph("lungs-heart")
KNOWN = {"k1": {"shift": (6, 0)}, "k2": {"scale": 0.95}, "k3": {"shift": (0, 7), "scale": 1.04}}
QUERIES = {"q1": {}, "q2": {"shift": (-6, 4), "scale": 1.06}, "q3": {"shift": (4, 4)}}
MASKS = 1 + 5 * 4 + 2 * 4
ALL = RcaReferenceConfig(fraction=1.0, size=SIZE)  # every labelled image is a reference


def prepared(folder, known, queries):
    write_labelled(folder / "labelled.parquet", known | queries)
    write_labelled(folder / "known.parquet", known)
    build_reference(folder / "known.parquet", folder / "reference.parquet", encode, GRAPH, ALL)
    return cases_of_labelled(folder / "labelled.parquet", encode, list(queries), SIZE)


def truth_wins(table):
    """The truth scores above every other mask of its image, and exchanged sides low."""
    for _, rows in table.groupby("image_id"):
        truth, others = (rows[(rows["kind"] == "none") == own] for own in (True, False))
        assert others["dice_rca_mean"].max() < truth["dice_rca_mean"].item()
        exchanged = rows[rows["kind"] == "sides"].sort_values("severity")["lungs_mean"]
        assert (np.diff([truth["lungs_mean"].item(), *exchanged]) < 0).all()  # the lower, the more is exchanged
        assert exchanged.iloc[-1] < 0.1


def test_score_follows_true_dice_over_spoiled_masks(tmp_path):
    cases, reference = prepared(tmp_path, KNOWN, QUERIES), tmp_path / "reference.parquet"
    aligner = ClassicalAligner()
    found = run_check(cases, reference, tmp_path / "check", aligner, references=2)
    assert found["images"] == 3
    assert found["masks"] == 3 * MASKS
    assert found["r_mean"] > 0.9
    assert found["r_max"] > 0.9
    assert found["poor_mean"]["auc"] > 0.95
    table = pd.read_csv(tmp_path / "check/rca_check.csv")
    assert (table.loc[table["kind"] == "none", "true_dice"] == 1).all()
    assert table["true_dice"].min() < 0.6
    truth_wins(table)
    np.testing.assert_allclose(table["true_dice"], (table["lungs_true"] + table["heart_true"]) / 2, atol=2e-6)
    np.testing.assert_allclose(table["dice_rca_mean"], (table["lungs_mean"] + table["heart_mean"]) / 2, atol=2e-6)
    assert (table["heart_max"] >= table["heart_mean"]).all()
    assert table["dice_std"].isna().all()  # expert landmarks have no uncertainty
    assert table["typicality"].isna().all()
    come_from = origin(aligner, 2, SIZE, library_digest(reference))
    assert found["origin"] == come_from.model_dump(mode="json")
    assert json.loads((tmp_path / "check/rca_check.json").read_text()) == found
    picture = cv2.imread(str(tmp_path / "check/rca_check.png"))
    assert picture.shape[0] > 300


def test_with_a_network_too_the_truth_scores_highest_and_exchanged_sides_low(tmp_path):
    # An untrained network leaves everything in its place: so do references on both sides of the images.
    known = {f"k{number}": {"shift": shift} for number, shift in enumerate([(2, 0), (-2, 0), (0, 2), (0, -2)])}
    queries = {"q1": {}, "other": {"shift": (30, 20)}}
    cases = prepared(tmp_path, known, queries)
    aligner = DeepAligner(write_network(tmp_path / "n.safetensors"))
    table = check_cases(cases, tmp_path / "reference.parquet", aligner, references=4)
    assert len(table) == 2 * MASKS
    truth_wins(table[table["image_id"] == "q1"])
    assert (table["typicality"] == 1).all()


def test_true_dice_by_organ():
    codes, truth = codes_of(landmarks_of(shift=(5, 0))), codes_of(landmarks_of())
    found = true_dice(codes, truth, with_heart=True)
    assert found["true_dice"] == pytest.approx((found["lungs_true"] + found["heart_true"]) / 2)
    assert 0 < found["heart_true"] < 1
    lungs = true_dice(codes, truth, with_heart=False)
    assert lungs == {"true_dice": found["lungs_true"], "lungs_true": found["lungs_true"], "heart_true": None}


def test_labelled_images_outside_the_references_are_checked_with_masks_of_models(tmp_path):
    weights = write_segmenter(tmp_path / "s.safetensors")
    hows = {f"i{number}": {"shift": (number - 3, 0)} for number in range(8)}
    hows |= {"i8": {}, "i9": {}}
    labels = ["LH"] * 7 + ["L", "H", "M"]
    write_labelled(tmp_path / "labelled.parquet", hows, labels, held_out=["i1", "i4", "i6", "i7", "i8", "i9"])
    encode_by_weights, graph = encoder_of(weights)
    reference = tmp_path / "reference.parquet"
    build_reference(tmp_path / "labelled.parquet", reference, encode_by_weights, graph, ALL, "train")
    network = str(write_network(tmp_path / "n.safetensors"))
    nine, two = (RcaCheckConfig(network=network, references=2, count=count, split="val") for count in (9, 2))
    given = tmp_path / "labelled.parquet", weights, [weights], reference
    found = check_labelled(*given, tmp_path / "check", nine)
    assert found["images"] == 3  # i7 has no heart, i8 no lungs, i9 no landmarks
    table = pd.read_csv(tmp_path / "check/rca_check.csv")
    assert set(table["image_id"]) == {"i1", "i4", "i6"}
    assert (table["kind"].value_counts()[["none", "model s"]] == 3).all()
    assert found["by_kind"]["model s"]["masks"] == 6
    assert check_labelled(*given, tmp_path / "two", two.model_copy(update={"split": None}))["images"] == 2
    with pytest.raises(CxrError, match="two files of one name"):
        check_labelled(*given[:2], [weights, weights], reference, tmp_path / "x", two)
    with pytest.raises(CxrError, match="0 images to check RCA on; expected at least 2"):
        check_labelled(*given, tmp_path / "x", two.model_copy(update={"split": "train"}))


def test_images_of_another_size_are_named(tmp_path):
    prepared(tmp_path, KNOWN, QUERIES)
    cases = cases_of_labelled(tmp_path / "labelled.parquet", encode, ["q1", "q2"], SIZE + 32)
    with pytest.raises(CxrError, match=r"image 'q1' of shape \(128, 128\); references are 96 x 96"):
        check_cases(cases, tmp_path / "reference.parquet", ClassicalAligner(), 2)


def test_images_that_cannot_be_registered_are_left_out(tmp_path):
    cases, reference = prepared(tmp_path, KNOWN, QUERIES), tmp_path / "reference.parquet"
    aligner = DeepAligner(write_network(tmp_path / "n.safetensors"))
    cases[0].image[:] = 9
    assert set(check_cases(cases, reference, aligner, 2)["image_id"]) == {"q2", "q3"}
    for case in cases:
        case.image[:] = 9
    with pytest.raises(CxrError, match="no image could be registered"):
        check_cases(cases, reference, aligner, 2)
