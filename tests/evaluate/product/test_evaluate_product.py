import json

import cv2
import numpy as np
import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.evaluate.product.evaluate_product import evaluate, summarise
from tests.evaluate.tables import product_row, rectangles, truth_row, write_product, write_truth


@pytest.fixture
def folder(tmp_path):
    masks, points = rectangles()
    moved = {organ: np.roll(mask, 4, axis=1) for organ, mask in masks.items()}
    product = [product_row("a", masks, points, rca=0.85), product_row("b", moved, points, rca=0.6)]
    write_product(tmp_path / "chexmask/Parquet/MIMIC-CXR-JPG.parquet", product)
    other = [product_row("a", masks, points, rca=0.8), product_row("stranger", masks, points)]
    write_product(tmp_path / "chexmask/Parquet/VinDr-CXR.parquet", other)
    truth = [truth_row(each, masks, points) for each in ("a", "b", "lost")]
    write_truth(tmp_path / "truth.parquet", [*truth, truth_row("a", masks, points, release="vindr-cxr")])
    return tmp_path


def test_tables_counts_and_pictures(folder):
    found = evaluate(folder / "truth.parquet", [folder / "chexmask"], folder / "out")
    assert found["counts"]["mimic-cxr-jpg"] == {"compared": 2, "truth without a row": 1, "rows without truth": 0}
    assert found["counts"]["vindr-cxr"] == {"compared": 1, "truth without a row": 0, "rows without truth": 1}
    assert found["rca_pearson_r"]["dice_rca_mean"] > 0.9
    images = pd.read_csv(folder / "out/images.csv")
    keys = list(zip(images["release"], images["image_id"], strict=True))
    assert keys == [("mimic-cxr-jpg", "a"), ("mimic-cxr-jpg", "b"), ("vindr-cxr", "a")]
    assert images["dice_lungs"].to_list()[0] == 1
    assert images["dice_right_lung"].to_list()[1] == 0.75
    summary = pd.read_csv(folder / "out/summary.csv").set_index(["release", "measure"])
    assert summary.loc[("mimic-cxr-jpg", "dice_right_lung"), "mean"] == 0.875
    assert summary.loc[("all", "dice_right_lung"), "images"] == 3
    assert np.isnan(summary.loc[("vindr-cxr", "dice_right_lung"), "sd"])
    assert json.loads((folder / "out/evaluation.json").read_text()) == found
    for name in ("dice.png", "rca.png"):
        assert cv2.imread(str(folder / "out" / name)).shape[0] > 300


def test_two_runs_give_the_same_bytes(folder):
    for name in ("one", "two"):
        evaluate(folder / "truth.parquet", [folder / "chexmask"], folder / name)
    for file in sorted((folder / "one").iterdir()):
        assert file.read_bytes() == (folder / "two" / file.name).read_bytes()


def test_truth_of_other_images_is_an_error(folder):
    truth = pd.read_parquet(folder / "truth.parquet")
    truth.iloc[:3].assign(release="candid-ptx").to_parquet(folder / "truth.parquet")
    with pytest.raises(CxrError, match="candid-ptx"):
        evaluate(folder / "truth.parquet", [folder / "chexmask"], folder / "out")
    assert not (folder / "out").exists()


def test_infinite_and_missing_values_are_counted_not_averaged():
    images = pd.DataFrame(
        {"release": "r", "image_id": list("abcd"), "hd_heart": [2.0, 4.0, np.inf, None], "dice_heart": [None] * 4}
    )
    summary = summarise(images).set_index("measure")
    row = summary.loc["hd_heart"]
    assert (row["images"], row["infinite"], row["mean"], row["min"], row["max"]) == (2, 1, 3, 2, 4)
    assert row["sd"] == pytest.approx(np.sqrt(2))
    assert summary.loc["dice_heart", "images"] == 0
    assert np.isnan(summary.loc["dice_heart", "mean"])
