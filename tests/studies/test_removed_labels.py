import numpy as np
import pandas as pd
import pytest

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.studies.removed_labels import ARMS, remove, summarise
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from tests.studies.chests import chests, scores


def removed(folder, *tables):
    out = folder / "out"
    out.mkdir()
    remove({"labelled": list(tables)}, out, StudyRunConfig())
    found = {path.stem: read_table(path, LABELLED_IMAGES) for path in out.glob("*.parquet")}
    return found, pd.read_csv(out / "hospital.csv").iloc[0].to_dict()


def test_hearts_go_by_degrees(tmp_path):
    tables, about = removed(tmp_path, chests(tmp_path / "a.parquet", "A", count=40))
    assert set(tables) == {*ARMS, *(f"{arm}-naive" for arm in ARMS), "truth-degrees", "truth-hospital"}
    counts = {arm: (tables[arm]["labels"] == "LH").groupby(tables[arm]["split"]).sum().to_dict() for arm in ARMS[:4]}
    assert counts == {
        "0-percent": {"train": 30, "val": 10}, "50-percent": {"train": 15, "val": 5},
        "75-percent": {"train": 7, "val": 2}, "90-percent": {"train": 3, "val": 1},
    }  # fmt: skip
    kept = [set(tables[arm].loc[tables[arm]["labels"] == "LH", "image_id"]) for arm in ARMS[:4]]
    assert kept[3] < kept[2] < kept[1] < kept[0]
    assert about["train"] == 15
    assert "a made hospital" in about["hospital"]


def test_a_hospital_is_made_where_there_is_one_source_only(tmp_path):
    tables, _ = removed(tmp_path, chests(tmp_path / "a.parquet", "A", count=16))
    truth = tables["truth-hospital"]
    tag = np.array([decode_png(png)[3:6, 3:6].mean() > 250 for png in truth["png"]])
    assert (tag == (truth["source"] == "removed")).all()
    lost = truth.loc[tag, "image_id"]
    for arm, code in (("no-hearts", "L"), ("no-lungs", "H")):
        left = tables[arm].set_index("image_id")["labels"]
        assert set(left[lost]) == {code}
        assert set(left.drop(lost)) == {"LH"}


def test_the_smaller_of_two_sources_is_the_hospital(tmp_path):
    paths = [chests(tmp_path / f"{name}.parquet", name, count) for name, count in (("A", 16), ("B", 8))]
    tables, about = removed(tmp_path, *paths)
    assert about == {"hospital": "source B", "train": 6, "val": 2}
    truth = tables["truth-hospital"]
    assert (truth["image_id"].str.startswith("B") == (truth["source"] == "removed")).all()
    before = pd.concat([read_table(path, LABELLED_IMAGES) for path in paths])
    assert set(truth["png"]) == set(before["png"])  # a real hospital gets no tag
    empty = [not any(decode_png(each["png"]).any() for each in regions if each["name"] == "heart")
             for regions in tables["no-hearts-naive"]["regions"]]  # fmt: skip
    assert empty == (tables["no-hearts-naive"]["source"] == "removed").tolist()


DICE = {"hybridgnet": 0.9, "unet": 0.95, "unet-ht": 0.92}


@pytest.fixture
def finding(tmp_path):
    drop = {"0-percent": 0.0, "50-percent": 0.01, "75-percent": 0.02, "90-percent": 0.03}
    degrees = [
        (f"{network}-{arm}", "A", f"i{number}", organ, 0.0 if lost else dice - less, np.inf if lost else 20.0)
        for network, dice in DICE.items()
        for arm, less in drop.items()
        for number in range(4)
        for organ in ("lungs", "heart")
        for lost in [network == "unet" and arm == "90-percent" and organ == "heart"]
    ]
    hospital = [
        (f"{network}-{arm}", source, f"{source}{number}", organ, dice if known else 0.02, 30.0 + 10 * len(network))
        for network, dice in DICE.items()
        for arm, gone in (("no-hearts", "heart"), ("no-lungs", "lungs"))
        for source in ("removed", "whole")
        for number in range(4)
        for organ in ("lungs", "heart")
        for known in [not (network == "unet" and source == "removed" and organ == gone)]
    ]
    for name, rows in (("degrees", degrees), ("hospital", hospital)):
        scores(rows).to_csv(tmp_path / f"{name}.csv", index=False)
    about = pd.DataFrame([{"hospital": "source B", "train": 6, "val": 4}])
    about.to_csv(tmp_path / "about.csv", index=False)
    names = ("degrees", "hospital", "about")
    summarise({name: [tmp_path / f"{name}.csv"] for name in names}, tmp_path / "out", StudyRunConfig())
    return tmp_path / "out"


def test_only_the_removed_organ_of_the_hospital_is_judged(finding):
    table = pd.read_csv(finding / "table.csv").set_index(["arm", "network"])
    assert len(table) == len(ARMS) * len(DICE)
    assert table.loc[("no-hearts", "unet"), ["organ", "images", "dice", "published_first"]].tolist() == [
        "heart", 4, 0.02, 0.027,
    ]  # fmt: skip
    assert table.loc[("no-lungs", "unet"), ["organ", "dice", "published_second"]].tolist() == ["lungs", 0.02, 0.035]
    assert table.loc[("90-percent", "unet"), ["dice", "missed"]].tolist() == [0.0, 4]
    assert (finding / "curves.png").stat().st_size > 0


def test_signs_are_paired_and_a_small_drop_agrees(finding):
    signs = pd.read_csv(finding / "signs.csv")
    assert signs["value"].round(6).tolist() == [0.87, 0.03, 0.88, 0.88, 0.9, -30.0]
    assert signs["verdict"].tolist() == ["agrees"] * 5 + ["differs"]
    text = (finding / "finding.md").read_text()
    assert "HybridGNet's Dice of hearts goes from 0.900 to 0.870, the naive U-Net's from 0.950 to 0.000" in text
    assert "the hospital is source B, with 6 training and 4 validation images" in text
