import numpy as np
import pandas as pd
import pytest

from cxrfactory.evaluate.zero_shot.measure import MEASURES, measure_film, regions_of, summarise
from cxrfactory.evaluate.zero_shot.published import beside
from cxrfactory.models.anatomy.network import FoundStructure


def box(top, left, bottom, right):
    mask = np.zeros((512, 512), np.uint8)
    mask[top:bottom, left:right] = 1
    return mask


def test_measures_of_a_shifted_square_are_exact():
    truth, found = {"heart": box(100, 100, 200, 200)}, {"heart": box(100, 150, 200, 250).astype(bool)}
    (row,) = measure_film(truth, found)
    assert row["region"] == "heart"
    assert row["dice"] == pytest.approx(0.5)
    assert row["iou"] == pytest.approx(1 / 3)
    assert row["sensitivity"] == pytest.approx(0.5)
    outside = 512 * 512 - 100 * 100
    assert row["specificity"] == pytest.approx((outside - 5000) / outside)
    assert row["hd95_px"] == pytest.approx(100)  # 50 pixels of the frame, in pixels of 1024


def test_two_regions_are_also_one_mask_and_an_empty_one_has_no_distance():
    truth = {"right_lung": box(0, 0, 100, 100), "left_lung": box(0, 200, 100, 300)}
    found = {"right_lung": box(0, 0, 100, 100).astype(bool), "left_lung": np.zeros((512, 512), bool)}
    rows = {row["region"]: row for row in measure_film(truth, found)}
    assert list(rows) == ["right_lung", "left_lung", "lungs"]
    assert [rows[name]["dice"] for name in rows] == [1, 0, pytest.approx(2 / 3)]
    assert np.isnan(rows["left_lung"]["hd95_px"])
    assert next(iter(measure_film({"heart": box(0, 0, 9, 9)}, {"heart": box(0, 0, 9, 9).astype(bool)})))["dice"] == 1


def found_structure(name, *corners):
    return FoundStructure(name, None, "label", box(*corners), 0.9, 0.9, None)


def test_drawn_outputs_are_regions_and_projected_ones_follow_the_rule_of_the_training_tables():
    stump = box(100, 200, 300, 300) | box(60, 240, 100, 250)  # a heart with a vessel of ten pixels
    lobes = [
        found_structure("right lung upper lobe", 100, 50, 400, 190),
        found_structure("left lung upper lobe", 100, 310, 400, 450),
    ]
    heart = FoundStructure("heart", 53, "label", stump, 0.9, 0.9, None)
    found = {each.name: each for each in [*lobes, heart]}
    assert not regions_of(found)["heart"][60:90].any()
    assert regions_of(found)["heart"][150:250, 220:280].all()
    drawn = found | {"right_lung": found_structure("right_lung", 100, 50, 400, 180)}
    regions = regions_of(drawn)
    assert np.array_equal(regions["heart"], stump.astype(bool))
    assert np.array_equal(regions["right_lung"], box(100, 50, 400, 180).astype(bool))


def scores(*rows):
    table = pd.DataFrame(rows, columns=["image_id", "region", "dice"]).assign(source="A")
    return table.assign(**{name: 0.5 for name in MEASURES if name != "dice"})


def test_the_macro_is_over_films_with_all_three_organs():
    organs = ("right_lung", "left_lung", "heart")
    table = scores(
        *[("1", name, value) for name, value in zip(organs, (0.9, 0.8, 0.7), strict=True)], ("2", "heart", 0.1)
    )
    found = summarise(table, 100, 0).set_index("region")
    assert found["dice"].to_dict() == pytest.approx({"heart": 0.4, "left_lung": 0.8, "right_lung": 0.9, "macro": 0.8})
    assert found["films"].to_dict() == {"heart": 2, "left_lung": 1, "right_lung": 1, "macro": 1}
    assert found.loc["heart", "dice_low"] == 0.1
    assert found.loc["heart", "dice_high"] == 0.7
    assert np.isnan(found.loc["macro", "dice_low"])  # one film shows no spread


def test_the_papers_numbers_stand_beside_those_of_the_same_region():
    found = beside(summarise(scores(("1", "heart", 0.9), ("1", "spine", 0.1)), 10, 0))
    assert len(found) == 1
    row = found.iloc[0]
    assert (row["paper_set"], row["paper_region"], row["xanatomy"], row["medsam"]) == (
        "SCR-JSRT",
        "heart",
        0.765,
        0.673,
    )
    assert (row["source"], row["films"], row["dice"]) == ("A", 1, 0.9)
