import numpy as np
import pandas as pd
import pytest

from cxrfactory.evaluate.generalise.ranking import ALL_SOURCES, rank_scores, true_dice
from cxrfactory.evaluate.generalise.summary import markdown, summarise


def cell(table, source, score, organ, group="unseen"):
    row = table[
        (table["source"] == source) & (table["group"] == group) & (table["score"] == score) & (table["organ"] == organ)
    ]
    assert len(row) == 1
    return row.iloc[0]


def test_a_quality_ranks_up_and_a_doubt_down(images):
    images["quality_x_lungs"] = images["dice_lungs"] ** 2
    images["doubt_y_heart"] = -images["dice_heart"]
    images["doubt_z_lungs"] = images["dice_lungs"]
    table = rank_scores(images)
    for source in ("North", "South", ALL_SOURCES):
        for score, organ in (("quality_x", "lungs"), ("doubt_y", "heart")):
            row = cell(table, source, score, organ)
            assert row["rank_correlation"] == pytest.approx(1)
            assert row["worst_tenth_area"] == 1
        assert cell(table, source, "doubt_z", "lungs")["rank_correlation"] == pytest.approx(-1)
        assert cell(table, source, "doubt_z", "lungs")["worst_tenth_area"] == 0
    assert cell(table, "North", "quality_x", "lungs")["images"] == 10
    assert cell(table, ALL_SOURCES, "quality_x", "lungs")["images"] == 20
    assert set(table["group"]) == {"unseen", "seen, val"}


def test_intervals_are_counted(images):
    images["estimate_lungs"] = images["dice_lungs"] + 0.01
    images["low_lungs"] = images["dice_lungs"] - 0.03
    images["high_lungs"] = images["dice_lungs"] + 0.05
    images.loc[images["image_id"].isin(["North-0", "North-1"]), "high_lungs"] = 0
    row = cell(rank_scores(images), "North", "estimate", "lungs")
    assert row["coverage"] == pytest.approx(0.8)
    assert row["width_median"] == pytest.approx(0.08)
    assert row["estimate_minus_truth"] == pytest.approx(0.01)
    assert "0.800 | 0.080 | 0.010 |" in markdown(summarise(images), rank_scores(images))


def test_images_without_score_or_truth_are_left_out(images):
    images["quality_x_heart"] = np.where(images["image_id"].str.endswith("3"), np.nan, images["dice_heart"])
    images.loc[images["image_id"] == "South-4", "dice_heart"] = np.nan
    table = rank_scores(images)
    assert cell(table, "North", "quality_x", "heart")["images"] == 9
    assert cell(table, "South", "quality_x", "heart")["images"] == 8


def test_the_truth_of_lungs_is_their_outline_where_definitions_differ():
    images = pd.DataFrame(
        {
            "dice_lungs": [0.9, np.nan, 0.8, 0.7],
            "dice_outline": [0.95, 0.85, 0.9, 0.9],
            "dice_heart": [0.7, np.nan, np.nan, 0.0],
            "ctr": [0.5, 0.5, np.nan, np.nan],
        }
    )
    assert true_dice(images, "lungs").tolist() == [0.9, 0.85, 0.8, 0.7]
    both = true_dice(images, "both").tolist()
    assert both[0] == pytest.approx(0.8)
    assert np.isnan(both[1])  # the model has a heart, the truth has none
    assert both[2] == 0.8  # a model of lungs
    assert both[3] == 0.35  # a missed heart has no ratio
