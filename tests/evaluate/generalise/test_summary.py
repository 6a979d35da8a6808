import numpy as np
import pandas as pd
import pytest

from cxrfactory.evaluate.generalise.summary import COLUMNS, MEAN_OF_SOURCES, markdown, summarise


def cell(table, source, group, organ):
    row = table[(table["source"] == source) & (table["group"] == group) & (table["organ"] == organ)]
    assert len(row) == 1
    return row.iloc[0]


def test_values_of_one_source(images):
    table = summarise(images)
    assert list(table.columns) == COLUMNS
    row = cell(table, "North", "unseen", "lungs")
    dice = 1 - 0.02 * np.arange(10)
    assert (row["images"], row["hd95_px_mean"], row["hd95_px_infinite"]) == (10, 14.5, 0)
    assert row["dice_mean"] == pytest.approx(dice.mean())
    assert row["dice_median"] == pytest.approx(0.91)
    assert row["dice_p05"] == pytest.approx(np.quantile(dice, 0.05))
    assert np.isnan(row["hd95_mm_mean"])
    ratio = cell(table, "South", "unseen", "ctr")
    assert ratio["ctr_mae"] == pytest.approx(0.02)
    true, found = (images.loc[(images["source"] == "South") & images["unseen"], name] for name in ("ctr_true", "ctr"))
    assert ratio["ctr_r"] == pytest.approx(np.corrcoef(true, found)[0, 1])


def test_unseen_val_images_are_those_that_were_tested_seen(images):
    table = summarise(images)
    unseen, seen = (cell(table, "South", group, "lungs") for group in ("unseen, val only", "seen, val"))
    assert unseen["images"] == seen["images"] == 2
    assert seen["dice_mean"] - unseen["dice_mean"] == pytest.approx(0.01)


def test_sources_weigh_alike_in_their_mean(images):
    fewer = images[~((images["source"] == "North") & (images["image_id"] > "North-4"))]
    table = summarise(fewer)
    one, two = (cell(table, source, "unseen", "heart")["dice_mean"] for source in ("North", "South"))
    mean = cell(table, MEAN_OF_SOURCES, "unseen", "heart")
    assert mean["dice_mean"] == pytest.approx((one + two) / 2)
    assert mean["images"] == 15


def test_infinite_distances_are_counted_and_not_averaged(images):
    images.loc[0, "hd95_px_heart"] = np.inf
    row = cell(summarise(images), "North", "unseen", "heart")
    assert row["hd95_px_infinite"] == 1
    assert row["hd95_px_mean"] == pytest.approx(np.arange(11, 20).mean())


def test_organs_without_truth_have_no_row(images):
    images.loc[images["source"] == "North", ["dice_heart", "ctr_true"]] = np.nan
    table = summarise(images)
    assert not ((table["source"] == "North") & table["organ"].isin(["heart", "ctr"])).any()
    text = markdown(table)
    assert "nan" not in text.lower()


def test_markdown_has_one_row_for_each_source_and_group(images):
    images["source"] = images["source"].replace("South", "a|b")
    lines = markdown(summarise(images)).splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| ---")]
    assert [row.split(" | ")[0] for row in rows] == [
        "| source", *["| North"] * 3, *["| a\\|b"] * 3, *["| mean of sources"] * 3
    ]  # fmt: skip
    assert "| unseen | 10 | 0.910, 0.910, 0.829 |" in rows[1]
    assert rows[1].endswith("| 14.5 | 0.853, 0.020 |")


def test_no_image_gives_an_empty_table(images):
    table = summarise(images[:0])
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == COLUMNS
    assert table.empty
