"""Folds by patient without the young, and groups that are compared within sources."""

import numpy as np
import pandas as pd
import pytest

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.studies.age_sex_condition import condition_group, folds, spearman, summarise
from cxrfactory.studies.labelled_tables import read_tables, write_labelled
from tests.studies.films import film, table_of


def test_every_patient_is_measured_once_and_nobody_below_18_trains(tmp_path):
    rows = [film(f"i{number}", age=float(age)) for number, age in enumerate([0, 5, 17, 18, 30, 40, 50, 60, 70, 80, 90])]
    rows.append(film("i3b", patient_id="i3", age=18.0))
    write_labelled(table_of(rows), tmp_path / "t.parquet")
    folds({"tables": [tmp_path / "t.parquet"]}, tmp_path, StudyRunConfig())
    made = [read_tables([tmp_path / f"fold{number}.parquet"]) for number in (1, 2, 3)]
    held = [set(each.loc[each["split"] == "val", "image_id"]) for each in made]
    assert sum(map(len, held)) == 12
    assert len(set.union(*held)) == 12
    for each in made:
        trained = each[each["split"] == "train"]
        assert not set(trained["patient_id"]) & set(each.loc[each["split"] == "val", "patient_id"])
        assert not {"i1", "i2"} & set(trained["image_id"])
    assert any("i0" in set(each.loc[each["split"] == "train", "image_id"]) for each in made)  # 0 is unknown
    people = pd.read_csv(tmp_path / "people.csv").set_index("image_id")
    assert np.isnan(people.loc["i0", "age"])
    assert people.loc["i3", "fold"] == people.loc["i3b", "fold"]


def test_tables_that_know_nothing_of_the_people_are_refused(tmp_path):
    write_labelled(table_of([film("a"), film("b")]), tmp_path / "t.parquet")
    with pytest.raises(CxrError, match="no film has an age, a sex or a condition"):
        folds({"tables": [tmp_path / "t.parquet"]}, tmp_path, StudyRunConfig())


def test_words_of_a_release_become_two_groups():
    words = ["normal", " Non-nodule", "nodule lung cancer", "", None, float("nan")]
    assert [condition_group(each) for each in words] == ["normal", "normal", "abnormal", None, None, None]


def test_rank_correlation_along_the_last_axis():
    assert spearman(np.array([1.0, 2.0, 4.0, 9.0]), np.array([0.1, 0.2, 0.3, 5.0])) == 1
    both = spearman(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]), np.array([[3.0, 2.0, 1.0], [1.0, 1.0, 1.0]]))
    assert both[0] == pytest.approx(-1)
    assert np.isnan(both[1])


def test_groups_are_compared_within_sources_that_have_both(tmp_path):
    people, scores = [], []
    for source, ages in (("A", [10, 12, 14, 16, 40, 50, 60, 70]), ("B", [30, 40, 50, 60])):
        for number, age in enumerate(ages):
            name = f"{source}{number}"
            dice = (0.80 if age < 18 else 0.95) + 0.001 * number - (0.3 if source == "B" else 0)
            sex = "FM"[number % 2]
            people.append({"image_id": name, "patient_id": name, "source": source, "sex": sex, "age": age,
                           "condition": "normal", "fold": 1})  # fmt: skip
            scores.append({"image_id": name, "organ": "lungs", "dice": dice, "source": source, "model": "m"})
    pd.DataFrame(people).to_csv(tmp_path / "people.csv", index=False)
    pd.DataFrame(scores).to_csv(tmp_path / "scores.csv", index=False)
    inputs = {"scores": [tmp_path / "scores.csv"], "people": [tmp_path / "people.csv"]}
    summarise(inputs, tmp_path / "out", StudyRunConfig())
    table = pd.read_csv(tmp_path / "out/table.csv").set_index(["trait", "source"])
    assert table.loc[("age", "all"), ["n_first", "n_second"]].tolist() == [4, 4]  # B has no young people
    assert table.loc[("age", "all"), "difference"] == pytest.approx(-0.154)
    assert table.loc[("age", "all"), "cliffs_delta"] == -1
    assert ("age", "B") not in table.index
    signs = pd.read_csv(tmp_path / "out/signs.csv")
    assert signs["verdict"].tolist() == ["agrees", "undecided", "undecided"]
    assert np.isnan(signs["value"][2])
    ages = pd.read_csv(tmp_path / "out/age.csv").set_index("source")
    assert ages["films"].to_dict() == {"all": 12, "A": 8, "B": 4}
    assert ages.loc["A", "rho"] == pytest.approx(1)
    assert "by condition: too few films" in (tmp_path / "out/finding.md").read_text()
