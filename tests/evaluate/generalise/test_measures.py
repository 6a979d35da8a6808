import math

import numpy as np
import pytest

from cxrfactory.evaluate.generalise.measures import COLUMNS, measure_image
from tests.evaluate.generalise.test_truth import SIZE, box, study_image

RIGHT, LEFT, HEART = (10, 50, 5, 25), (10, 50, 35, 55), (30, 50, 20, 40)
TRUTH = {"right_lung": box(*RIGHT), "left_lung": box(*LEFT), "heart": box(*HEART)}


def found(**changed):
    """Masks of 0 and 1 as a model answers them; equal to the truth unless said otherwise."""
    return {organ: (mask > 0).astype(np.uint8) for organ, mask in (TRUTH | changed).items() if mask is not None}


def test_the_truth_itself_is_perfect():
    row = measure_image(found(), study_image(**TRUTH), "jsrt", 0.5)
    assert list(row) == list(COLUMNS)
    assert row["dice_whole_lungs"] is None
    for organ in ("right_lung", "left_lung", "lungs", "heart", "outline"):
        assert (row[f"dice_{organ}"], row[f"hd95_px_{organ}"], row[f"hd95_mm_{organ}"]) == (1, 0, 0)
    assert row["ctr"] == row["ctr_true"] == 20 / 50


def test_distances_are_in_pixels_of_1024_and_in_mm_of_the_file():
    moved = box(RIGHT[0] + 4, RIGHT[1] + 4, *RIGHT[2:])
    row = measure_image(found(right_lung=moved), study_image(scale=3.0, **TRUTH), "jsrt", 0.2)
    assert row["dice_right_lung"] == pytest.approx(36 / 40)
    assert row["hd95_px_right_lung"] == 4 * 1024 / SIZE
    assert row["hd95_mm_right_lung"] == pytest.approx(4 * 3 * 0.2)
    assert row["dice_lungs"] == pytest.approx(38 / 40)
    without = measure_image(found(right_lung=moved), study_image(**TRUTH), "jsrt")
    assert without["hd95_mm_right_lung"] is None
    assert without["hd95_px_right_lung"] == row["hd95_px_right_lung"]


def test_ignored_pixels_are_compared_in_neither_mask():
    truth = TRUTH["right_lung"].copy()
    truth[10:20, 5:25] = 127
    wrong_there = box(5, 50, 5, 25)
    wrong_there[5:10] = 0
    row = measure_image(found(right_lung=wrong_there), study_image(**TRUTH | {"right_lung": truth}), "jsrt")
    assert row["dice_right_lung"] == row["dice_lungs"] == 1
    assert row["hd95_px_right_lung"] == 0


def test_lungs_of_another_definition_are_compared_by_their_outline():
    whole = {"right_whole_lung": box(10, 50, 5, 30), "left_whole_lung": box(10, 50, 30, 55)}
    row = measure_image(found(), study_image(**whole), "jsrt")
    assert row["dice_outline"] == 1
    assert all(row[f"dice_{organ}"] is None for organ in ("right_lung", "left_lung", "lungs", "heart"))
    assert row["ctr_true"] is None
    assert row["ctr"] == 20 / 50
    of_whole = measure_image(found(heart=None), study_image(**whole), "whole-lungs")
    assert of_whole["dice_right_lung"] == pytest.approx(2 * 20 / 45)
    assert of_whole["dice_outline"] == 1
    assert of_whole["ctr"] is None


def test_models_of_both_definitions_are_measured_by_both():
    whole = {"right_whole_lung": box(10, 50, 5, 30), "left_whole_lung": box(10, 50, 30, 55)}
    answer = found() | {"right_whole_lung": whole["right_whole_lung"] > 0, "left_whole_lung": box(10, 50, 30, 45) > 0}
    row = measure_image(answer, study_image(**TRUTH, **whole), "jsrt")
    assert row["dice_lungs"] == 1
    assert row["dice_whole_lungs"] == pytest.approx(2 * 40 / (40 + 50))
    assert measure_image(answer, study_image(**TRUTH), "jsrt")["dice_whole_lungs"] is None


def test_a_missed_organ_is_zero_and_infinitely_far():
    row = measure_image(found(heart=box(0, 0, 0, 0)), study_image(**TRUTH), "jsrt", 0.2)
    assert (row["dice_heart"], row["hd95_px_heart"], row["hd95_mm_heart"]) == (0, math.inf, math.inf)
    assert math.isnan(row["ctr"])
    assert row["ctr_true"] == 20 / 50


def test_organs_that_one_side_lacks_are_empty_cells():
    truth = {name: mask for name, mask in TRUTH.items() if name != "heart"}
    row = measure_image(found(), study_image(**truth), "jsrt")
    assert row["dice_heart"] is row["hd95_px_heart"] is row["ctr_true"] is None
    assert row["dice_lungs"] == 1
    only_heart = measure_image(found(right_lung=None, left_lung=None), study_image(**TRUTH), "jsrt")
    assert only_heart["dice_heart"] == 1
    assert only_heart["dice_lungs"] is only_heart["dice_outline"] is None
