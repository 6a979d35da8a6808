import numpy as np
import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.evaluate.product.against_truth import compare_image, read_product, read_truth, true_score
from cxrfactory.metrics.distance import hausdorff
from tests.evaluate.tables import product_row, rectangles, truth_row, write_product, write_truth


def test_a_perfect_row_has_dice_one_and_no_distance():
    masks, points = rectangles()
    row = compare_image(truth_row("a", masks, points), product_row("a", masks, points) | {"release": "r"})
    for organ in ("lungs", "right_lung", "left_lung", "heart"):
        assert row[f"dice_{organ}"] == 1
    for name in ("hd", "hd95", "asd"):
        assert row[f"{name}_lungs"] == row[f"{name}_heart"] == 0
    assert row["mse_landmarks"] == 0
    assert true_score(row) == 1
    assert row["dice_rca_mean"] == 0.8


def test_a_shifted_row_by_hand():
    masks, points = rectangles()
    moved = {organ: np.roll(mask, 4, axis=1) for organ, mask in masks.items()}
    row = compare_image(
        truth_row("a", masks, points), product_row("a", moved, points + np.array([4, 0])) | {"release": "r"}
    )
    assert row["dice_right_lung"] == pytest.approx(12 / 16)  # 16 px wide, 4 px aside
    assert row["dice_heart"] == pytest.approx(16 / 20)
    side = 128  # the crop's longer side: distances are told for 1024 pixels
    assert row["hd_heart"] == pytest.approx(4 * 1024 / side)
    assert row["mse_landmarks"] == pytest.approx(16 / 2 * (1024 / side) ** 2)
    lungs = [each["right_lung"] | each["left_lung"] for each in (masks, moved)]
    assert row["hd_lungs"] == pytest.approx(hausdorff(*lungs) * 1024 / side)
    assert true_score(row) == pytest.approx((row["dice_lungs"] + row["dice_heart"]) / 2)


def test_without_heart_its_measures_are_empty_and_lungs_count_alone():
    masks, points = rectangles()
    found = product_row("a", masks | {"heart": np.zeros_like(masks["heart"])}, points[:94]) | {"release": "r"}
    row = compare_image(truth_row("a", masks, points), found)
    assert [row[name] for name in ("dice_heart", "hd_heart", "hd95_heart", "asd_heart")] == [None] * 4
    assert row["mse_landmarks"] == 0
    assert true_score(row) == row["dice_lungs"] == 1


def test_a_missed_organ_is_infinitely_far():
    masks, points = rectangles()
    found = product_row("a", masks | {"heart": np.zeros_like(masks["heart"])}, points) | {"release": "r"}
    row = compare_image(truth_row("a", masks, points), found)
    assert row["dice_heart"] == 0
    assert row["hd_heart"] == np.inf


def test_truth_of_another_shape_is_named():
    masks, points = rectangles()
    cut = {organ: mask[:-1] for organ, mask in masks.items()}
    with pytest.raises(CxrError, match=r"release 'r', image 'a': true right_lung is \(95, 128\)"):
        compare_image(truth_row("a", cut, points), product_row("a", masks, points) | {"release": "r"})


def test_the_release_is_the_name_of_the_table(tmp_path):
    masks, points = rectangles()
    write_product(tmp_path / "Parquet/VinDr-CXR.parquet", [product_row("a", masks, points)])
    write_product(tmp_path / "Parquet/CheXpert.parquet", [product_row("b", masks, points)])
    table = read_product([tmp_path])
    assert sorted(zip(table["release"], table["image_id"], strict=True)) == [("chexpert", "b"), ("vindr-cxr", "a")]
    assert len(read_product([tmp_path / "Parquet/CheXpert.parquet"])) == 1
    with pytest.raises(CxrError, match="named twice"):
        read_product([tmp_path, tmp_path / "Parquet/CheXpert.parquet"])
    with pytest.raises(CxrError, match=r"no Parquet/\*.parquet"):
        read_product([tmp_path / "Parquet"])


def test_faulty_truth_is_refused(tmp_path):
    masks, points = rectangles()
    write_truth(tmp_path / "truth.parquet", [truth_row("a", masks, points)] * 2)
    with pytest.raises(CxrError, match="image 'a' occurs twice"):
        read_truth(tmp_path / "truth.parquet")
    pd.DataFrame({"image_id": ["a"]}).to_parquet(tmp_path / "bare.parquet")
    with pytest.raises(CxrError, match="columns"):
        read_truth(tmp_path / "bare.parquet")
