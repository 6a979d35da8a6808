import itertools

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrfactory.errors import CxrError
from cxrfactory.rca.agreement import agreement, detection, plot_agreement, threshold_keeping


def table_of(**columns):
    names = {"image_id": ["a", "a", "b", "c"], "kind": ["none", "shift", "shift", "model unet"]}
    return pd.DataFrame(names | {"true_dice": [1.0, 0.5, 0.0, 0.9]} | columns)


def test_agreement_by_hand():
    # Deviations of the truth from 0.6: 0.4, -0.1, -0.6, 0.3; the maximum ranks them otherwise.
    found = agreement(table_of(dice_rca_mean=[0.9, 0.4, -0.1, 0.8], dice_rca_max=[0.9, 0.0, 0.3, 1.0]))
    assert (found["images"], found["masks"]) == (3, 4)
    assert found["r_mean"] == pytest.approx(1)
    assert found["rho_mean"] == pytest.approx(1)
    assert found["mae_mean"] == pytest.approx(0.1)
    # Maximum: deviations from 0.55 are 0.35, -0.55, -0.25, 0.45.
    covariance = 0.4 * 0.35 + 0.1 * 0.55 + 0.6 * 0.25 + 0.3 * 0.45
    squares = (0.16 + 0.01 + 0.36 + 0.09) * (0.1225 + 0.3025 + 0.0625 + 0.2025)
    assert found["r_max"] == pytest.approx(covariance / np.sqrt(squares))
    # Ranks of truth 4, 2, 1, 3 and of the maximum 3, 1, 2, 4: 1 - 6 (1 + 1 + 1 + 1) / (4 (16 - 1)).
    assert found["rho_max"] == pytest.approx(0.6)
    assert found["mae_max"] == pytest.approx((0.1 + 0.5 + 0.3 + 0.1) / 4)
    assert found["poor_mean"] == {"auc": 1.0, "threshold": 0.8, "found": 1.0}
    assert found["r_lungs_mean"] is None
    assert found["by_kind"] == {
        "model unet": {"masks": 2, "r_mean": pytest.approx(1), "r_max": pytest.approx(-1)},
        "shift": {"masks": 3, "r_mean": pytest.approx(1), "r_max": pytest.approx(0.6546537)},
    }


def test_without_variation_there_is_no_correlation():
    found = agreement(table_of(dice_rca_mean=[0.7] * 4, dice_rca_max=[0.9, 0.4, 0.1, 0.8]))
    assert found["r_mean"] is None
    assert found["rho_mean"] is None
    assert found["mae_mean"] == pytest.approx((0.3 + 0.2 + 0.7 + 0.2) / 4)
    assert found["poor_mean"] == {"auc": 0.5, "threshold": 0.7, "found": 0.0}
    with pytest.raises(CxrError, match="same true Dice"):
        agreement(table_of(dice_rca_mean=[0.7] * 4, dice_rca_max=[0.7] * 4).assign(true_dice=1.0))


def test_organs_correlate_on_the_masks_that_hold_them():
    scores = {"dice_rca_mean": [0.9, 0.4, 0.1, 0.8], "dice_rca_max": [0.9, 0.4, 0.1, 0.8]}
    organs = {"lungs_true": [1.0, 0.5, 0.0, 0.5], "lungs_mean": [0.0, 0.5, 1.0, 0.5]}
    organs |= {"heart_true": [1.0, 0.5, None, 0.0], "heart_mean": [0.8, 0.3, 0.9, -0.2]}
    found = agreement(table_of(**scores, **organs))
    assert found["r_lungs_mean"] == pytest.approx(-1)
    assert found["r_heart_mean"] == pytest.approx(1)


def test_detection_by_hand_with_ties():
    poor = np.array([True, True, True, False, False])
    # Pairs (poor, good): 0.1 below both; 0.5 ties with one, is below the other; 0.9 above one, ties with the other.
    found = detection(poor, np.array([0.1, 0.5, 0.9, 0.5, 0.9]))
    assert found["auc"] == pytest.approx((2 + 1.5 + 0.5) / 6)
    assert found["threshold"] == 0.5
    assert found["found"] == pytest.approx(1 / 3)  # 0.5 is not below
    assert detection(poor[:3], np.zeros(3)) is None
    assert detection(poor[3:], np.zeros(2)) is None


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=12))
def test_area_is_the_chance_over_all_pairs(rows):
    poor, score = np.array([each for each, _ in rows]), np.array([each / 5 for _, each in rows])
    found = detection(poor, score)
    pairs = [float(bad < good) + 0.5 * (bad == good) for bad, good in itertools.product(score[poor], score[~poor])]
    assert (found is None) == (not pairs)
    if found is not None:
        assert found["auc"] == pytest.approx(np.mean(pairs))
        assert found["found"] == np.mean(score[poor] < found["threshold"])


@given(st.lists(st.integers(0, 20), min_size=1, max_size=250), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_threshold_is_the_largest_score_that_keeps_the_share(values, share):
    score = np.array(values, float)
    threshold = threshold_keeping(score, share)
    assert threshold in score
    assert np.mean(score >= threshold) >= share - 1e-9
    larger = score[score > threshold]
    # A larger one keeps less, but for ties, which pass the threshold together.
    assert larger.size == 0 or np.mean(score >= larger.min()) < share


def test_threshold_of_a_hundred_loses_one():
    assert threshold_keeping(np.arange(100.0)[::-1]) == 1
    assert threshold_keeping(np.arange(99.0)) == 0


def test_picture_where_no_mask_is_poor(tmp_path):
    table = table_of(dice_rca_mean=[0.9, 0.4, 0.1, 0.8], dice_rca_max=[0.9, 0.4, 0.1, 0.8])
    table["true_dice"] = [1.0, 0.9, 0.85, 0.95]
    for name in "ab":
        plot_agreement(table, agreement(table), tmp_path / f"{name}.png")
    assert cv2.imread(str(tmp_path / "a.png")).shape[1] > 600
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
