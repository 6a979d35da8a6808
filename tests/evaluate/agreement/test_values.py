"""Measured against true values: exact figures by group and part, figures to look at, and malformed tables."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.stats import pearsonr

from cxrfactory.config.agreement import ValueAgreementConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.agreement.values import compare_values


def settings(**changes):
    return ValueAgreementConfig(**{"resamples": 100} | changes)


@pytest.fixture
def two_trainings():
    rng = np.random.default_rng(0)
    true = rng.uniform(0.4, 0.65, 60)
    tables = {}
    for name, bias, spread in (("jsrt only", -0.03, 0.03), ("augmented", 0.0, 0.015)):
        measured = true + bias + rng.normal(0, spread, 60)
        tables[name] = pd.DataFrame({"true": true, "measured": measured, "patient_id": np.arange(60) // 2})
    return tables


def test_each_group_and_part_has_the_figures_of_numpy_and_scipy(tmp_path, two_trainings):
    for name, table in two_trainings.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    made = compare_values([tmp_path / f"{name}.csv" for name in two_trainings], tmp_path / "out", settings())
    assert made["group"].unique().tolist() == list(two_trainings)
    assert made["part"].unique().tolist() == ["all", "below 0.5", "from 0.5"]
    for (group, part), rows in made.groupby(["group", "part"]):
        table = two_trainings[group]
        members = {"all": table, "below 0.5": table[table["true"] < 0.5], "from 0.5": table[table["true"] >= 0.5]}[part]
        difference = members["measured"] - members["true"]
        row = rows.iloc[0]
        assert row["r"] == pytest.approx(pearsonr(members["true"], members["measured"]).statistic)
        assert row["mae"] == pytest.approx(difference.abs().mean())
        assert row["limit_high"] == pytest.approx(difference.mean() + 1.96 * difference.std())
        assert row["pairs"] == len(members)
        assert row["patients"] == members["patient_id"].nunique()
        for name in ("r", "mae", "bias", "limit_low"):
            assert row[f"{name}_from"] < row[name] < row[f"{name}_to"]
    written = pd.read_csv(tmp_path / "out/values.csv")
    assert written["r"].to_numpy() == pytest.approx(made["r"].to_numpy(), abs=1e-6)
    for name in ("scatter", "bland_altman"):
        assert np.asarray(Image.open(tmp_path / f"out/{name}.png").convert("L")).std() > 10


def test_a_column_of_groups_gives_the_same_as_one_table_a_group(tmp_path, two_trainings):
    for name, table in two_trainings.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    apart = compare_values([tmp_path / f"{name}.csv" for name in two_trainings], tmp_path / "out", settings())
    joined = pd.concat([table.assign(training=name) for name, table in two_trainings.items()])
    joined.to_parquet(tmp_path / "all.parquet")
    together = compare_values([tmp_path / "all.parquet"], tmp_path / "out", settings(group="training"))
    pd.testing.assert_frame_equal(apart, together)


def test_rows_without_a_value_are_left_out_and_counted(tmp_path, caplog):
    (tmp_path / "t.csv").write_text("true,measured\n0.4,0.5\n,0.5\n0.6,\n")
    made = compare_values([tmp_path / "t.csv"], tmp_path / "out", settings(cut=None))
    assert made[["part", "pairs"]].to_numpy().tolist() == [["all", 1]]
    assert "2 of 3 rows lack one of the two values" in caplog.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("true\n0.4\n", "t.csv: column 'measured' is missing; found true"),
        ("true,measured\n0.4,big\n", "t.csv: row 1, column 'measured': found 'big'; expected a finite number"),
        ("true,measured\n,0.5\n", "t.csv: no row has both 'true' and 'measured'"),
    ],
)
def test_a_malformed_table_is_refused_in_one_line(tmp_path, text, said):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(CxrError) as caught:
        compare_values([tmp_path / "t.csv"], tmp_path / "out", settings())
    assert said in str(caught.value)


def test_values_of_another_unit_are_said(tmp_path, two_trainings, caplog):
    table = two_trainings["augmented"]
    table.to_csv(tmp_path / "a.csv", index=False)
    compare_values([tmp_path / "a.csv"], tmp_path / "out", settings())
    assert "expected one unit" not in caplog.text
    table.assign(true=100 * table["true"]).to_csv(tmp_path / "b.csv", index=False)
    compare_values([tmp_path / "b.csv"], tmp_path / "out", settings())
    assert "b.csv: the median of 'true' is" in caplog.text
    assert "expected one unit (such as ratios, not percent)" in caplog.text
