"""Training sets by hearts: who is where, correlations on both sides of 0.5, and their gain."""

import pandas as pd
import pytest

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.studies.ctr_training_sets import sets, summarise
from cxrfactory.studies.labelled_tables import read_tables, write_labelled
from tests.studies.films import film, table_of

SETS = ("normal-hearts", "all-hearts", "test")


def made(tmp_path, rows):
    write_labelled(table_of(rows), tmp_path / "t.parquet")
    sets({"tables": [tmp_path / "t.parquet"]}, tmp_path, StudyRunConfig())
    return {name: read_tables([tmp_path / f"{name}.parquet"]) for name in SETS}


def test_the_source_with_smaller_hearts_trains_alone_and_the_test_is_of_the_others(tmp_path):
    rows = [film(f"n{number}", heart=20) for number in range(8)]
    rows += [film(f"s{number}", heart=34, source="South") for number in range(20)]
    rows += [film("x", regions=None)]
    found = made(tmp_path, rows)
    assert set(found["normal-hearts"]["source"]) == {"North"}
    assert len(found["normal-hearts"]) == 8
    assert set(found["test"]["source"]) == {"South"}
    assert set(found["test"]["split"]) == {"test"}
    assert 4 < len(found["test"]) < 16
    assert not set(found["test"]["patient_id"]) & set(found["all-hearts"]["patient_id"])
    assert len(found["all-hearts"]) + len(found["test"]) == 28
    counts = pd.read_csv(tmp_path / "sets.csv")
    assert counts.groupby("set")["above"].sum()["normal-hearts"] == 0
    assert counts.groupby("set")["films"].sum()["all-hearts"] == len(found["all-hearts"])


def test_within_one_source_the_ratio_divides(tmp_path):
    rows = [film(f"n{number}", heart=20 + 14 * (number % 2)) for number in range(20)]
    found = made(tmp_path, rows)
    assert {len(each["regions"]) for each in found["normal-hearts"].to_dict("records")} == {3}
    assert all(int(name[1:]) % 2 == 0 for name in found["normal-hearts"]["image_id"])
    assert set(found["normal-hearts"]["image_id"]) < set(found["all-hearts"]["image_id"])
    assert not set(found["test"]["image_id"]) & set(found["all-hearts"]["image_id"])


def test_tables_without_hearts_are_refused(tmp_path):
    with pytest.raises(CxrError, match="no film has both lungs and a heart"):
        made(tmp_path, [film("a", regions=None)])


def test_correlations_gain_and_bias(tmp_path):
    rows = []
    for number in range(12):
        true = 0.40 + 0.02 * number
        zigzag = 0.02 if number % 2 else -0.02
        for model, found in (("all-hearts", true), ("normal-hearts", min(true, 0.5) - 0.01 + zigzag)):
            rows += [
                {
                    "model": model,
                    "source": "S",
                    "image_id": f"i{number}",
                    "organ": "all",
                    "ctr": found,
                    "ctr_true": true,
                },
                {"model": model, "source": "S", "image_id": f"i{number}", "organ": "heart", "dice": 0.9},
            ]
    pd.DataFrame(rows).to_csv(tmp_path / "scores.csv", index=False)
    pd.DataFrame([{"set": "test", "source": "S", "split": "test", "films": 12, "above": 7}]).to_csv(
        tmp_path / "sets.csv", index=False
    )
    inputs = {"scores": [tmp_path / "scores.csv"], "sets": [tmp_path / "sets.csv"]}
    summarise(inputs, tmp_path / "out", StudyRunConfig())
    table = pd.read_csv(tmp_path / "out/table.csv").set_index(["ratio", "trained on"])
    assert table["films"].tolist() == [5, 5, 7, 7]
    assert table.loc[("below 0.5", "all-hearts"), "r"] == pytest.approx(1)
    assert table.loc[("0.5 and above", "all-hearts"), "bias"] == pytest.approx(0, abs=1e-12)
    assert table.loc[("0.5 and above", "normal-hearts"), "bias"] < -0.05
    signs = pd.read_csv(tmp_path / "out/signs.csv")
    r = table["r"].unstack()
    assert signs["value"].tolist()[:2] == pytest.approx(
        [r.loc[part, "all-hearts"] - r.loc[part, "normal-hearts"] for part in ("below 0.5", "0.5 and above")]
    )
    assert signs["verdict"].tolist()[2] == "agrees"
    assert "test: 12 films of S" in (tmp_path / "out/finding.md").read_text()
