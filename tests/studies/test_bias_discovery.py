import numpy as np
import pandas as pd
import pytest

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.studies.bias_discovery import STUDY, gaps_of, make_tables, same_sign, summarise
from cxrfactory.studies.study import Context
from cxrfactory.tables.parquet import read_table
from tests.studies.labelled import write_people


def people(number):
    rows = [(f"{sex}{each}", f"p-{sex}{each}", "LH", "train", sex) for sex in "MF" for each in range(number)]
    return [
        *rows,
        ("twin", "p-M0", "LH", "val", "M"),
        ("lungs", "p-x", "L", "val", "F"),
        ("none", "p", "LH", "val", None),
    ]


def test_the_tables_part_patients_by_sex_and_fold(tmp_path):
    table = write_people(tmp_path / "all.parquet", people(20))
    make_tables({"labelled": [table]}, tmp_path, StudyRunConfig())
    names = [f"{sex}-{fold}" for sex in ("men", "women") for fold in (1, 2)]
    parts = {
        name: read_table(tmp_path / f"{name}.parquet", columns=["image_id", "patient_id", "split"])
        for name in ("references", *names)
    }
    aside = set(parts["references"]["patient_id"])
    assert len(aside) == 12
    assert len({name for name in aside if name[2] == "M"}) == 6
    assert parts["references"]["split"].value_counts()["val"] >= 2
    for name in names:
        split = parts[name].groupby("split")["patient_id"].agg(set)
        assert {each[2] for each in split["train"] | split["val"]} == {name[0].upper().replace("W", "F")}
        assert not aside & (split["train"] | split["val"])
        assert not split["train"] & split["val"]
        assert len(split["train"] | split["val"]) == 14
    held = [set(parts[f"men-{fold}"].query("split == 'val'")["patient_id"]) for fold in (1, 2)]
    assert not held[0] & held[1]
    listed = pd.read_csv(tmp_path / "people.csv")
    assert len(listed) + len(parts["references"]) == 41
    assert set(listed["fold"]) == {1, 2}


def test_tables_without_sex_or_with_too_few_patients_are_refused(tmp_path):
    bare = write_people(tmp_path / "bare.parquet", people(20), people=False)
    with pytest.raises(CxrError, match="no image names the patient's sex"):
        make_tables({"labelled": [bare]}, tmp_path, StudyRunConfig())
    few = write_people(tmp_path / "few.parquet", people(9))
    with pytest.raises(CxrError, match="9 patients of the rarer sex"):
        make_tables({"labelled": [few]}, tmp_path, StudyRunConfig())


def test_gaps_of_all_pairs_and_their_signs():
    men, women = np.array([[0.9, 0.5], [0.7, 0.3]]), np.array([[0.6, 0.6]])
    assert gaps_of(men, women) == pytest.approx([0.2, 0.2, -0.2, -0.2])
    assert same_sign(np.array([0.2, -0.1, 0.0]), np.array([0.1, 0.1, -0.3])) == 0.5
    assert np.isnan(same_sign(np.zeros(2), np.ones(2)))


def checked(path, sex, shift):
    """Scores of eight images at three epochs: RCA is the truth for lungs, and its mirror image for hearts."""
    rows = []
    for image in range(8):
        for epoch, true in ((1, 0.3), (5, 0.6), (24, 0.9)):
            value = true + shift + 0.001 * image
            rows.append({"image_id": f"{sex}{image}", "kind": f"model epoch-{epoch:03d}", "severity": 0.0}
                        | {f"lungs_{name}": value for name in ("true", "mean", "max")}
                        | {"heart_true": value, "heart_mean": 1 - value, "heart_max": value})  # fmt: skip
        rows.append(rows[-1] | {"kind": "shift", "severity": 1.0, "lungs_mean": 0.0})
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_the_summary_counts_signs_over_all_pairs(tmp_path):
    scores = [checked(tmp_path / "men.csv", "M", 0.01), checked(tmp_path / "women.csv", "F", 0.0)]
    listed = [
        {"image_id": f"{sex}{n}", "patient_id": f"{sex}{n}", "sex": sex, "fold": 1} for sex in "MF" for n in range(8)
    ]
    pd.DataFrame(listed).to_csv(tmp_path / "people.csv", index=False)
    out = tmp_path / "out"
    summarise({"scores": scores, "people": [tmp_path / "people.csv"]}, out, StudyRunConfig())
    table = pd.read_csv(out / "table.csv").set_index(["organ", "pairs"])
    whole = table.loc["lungs", "all"]
    assert (whole["number"], whole["same_sign"], whole["low"], whole["high"]) == (9, 1.0, 1.0, 1.0)
    assert whole["r"] == pytest.approx(1)
    assert whole["slope"] == pytest.approx(1)
    assert table.loc[("lungs", "true gap below 0.02"), "number"] == 3
    assert table.loc[("lungs", "men and women at one epoch"), "mean_true_gap"] == pytest.approx(0.01)
    assert table.loc[("heart", "all"), "same_sign"] == 0
    assert table.loc[("heart", "all"), "same_sign_max"] == 1
    assert pd.read_csv(out / "signs.csv")["verdict"].tolist() == ["agrees", "differs"]
    assert len(pd.read_csv(out / "gaps.csv")) == 18
    assert (out / "gaps.png").stat().st_size > 5000
    assert "1.00 (lungs) and 0.00 (heart)" in (out / "finding.md").read_text()


def test_masks_of_both_sexes_are_needed(tmp_path):
    scores = [checked(tmp_path / "men.csv", "M", 0.0)]
    pd.DataFrame({"image_id": ["M1"], "patient_id": ["M1"], "sex": ["M"], "fold": [1]}).to_csv(tmp_path / "p.csv")
    with pytest.raises(CxrError, match="no scores of women"):
        summarise({"scores": scores, "people": [tmp_path / "p.csv"]}, tmp_path / "out", StudyRunConfig())


def test_every_network_is_kept_after_twelve_epochs_and_scored_after_each():
    for size, models in (("small", 4), ("full", 10)):
        steps = {step.name: step for step in STUDY.steps(Context(("t.parquet",), StudyRunConfig(size=size)))}
        assert len([name for name in steps if name.startswith("rca-")]) == models
        ((*words,),) = steps["men-1"].commands
        kept = [int(each.split("=")[1]) for each in words if each.startswith("--keep-epochs=")]
        assert len(kept) == 12
        assert f"--epochs={kept[-1]}" in words
        scored = [each for each in steps["rca-men-1"].commands[0] if each.startswith("--model=")]
        assert scored == [f"--model={{men-1}}/epoch-{epoch:03d}.safetensors" for epoch in kept]
        assert ("registration" in steps) == (size == "full")
