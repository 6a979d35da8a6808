"""Tables of a benchmark of two models: exact means, ranks and pairs, and refusals."""

import numpy as np
import pandas as pd
import pytest

from cxrfactory.config.benchmark import BenchmarkTableConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.benchmark.score import SCORES
from cxrfactory.evaluate.benchmark.summary import classes_of
from cxrfactory.evaluate.benchmark.tabulate import tabulate
from cxrfactory.tables.parquet import write_table
from tests.evaluate.benchmark.bench_cases import score_rows

SETTINGS = BenchmarkTableConfig(resamples=50)
VIEWS, NAMES = ("PA", "LL"), ("rib 1", "rib 2", "rib 3")


def dice(shift):
    """Dice of two patients: 0.5, 0.6, 0.7 for the ribs, 0.1 less in LL, 0.2 less for the second patient."""
    return {
        (patient, view, name): 0.5 + 0.1 * place - 0.1 * (view == "LL") - 0.2 * (patient == "p1") + shift
        for patient in ("p0", "p1")
        for view in VIEWS
        for place, name in enumerate(NAMES)
    }


def written(folder, name, tables):
    write_table(pd.concat(tables), folder / f"{name}.scores.parquet", SCORES)
    model, seed = name.rsplit("-", 1)
    cost = {"model": model, "seed": int(seed), "parameters": 1_000_000, "ms_median": 5.0, "peak_mb": 9.0, "gflops": 0.5}
    pd.DataFrame([cost]).to_csv(folder / f"{name}.cost.csv", index=False)
    return folder / f"{name}.scores.parquet", folder / f"{name}.cost.csv"


@pytest.fixture
def files(tmp_path):
    """Model ``good`` with two seeds (0.05 and 0.15 better), and ``plain`` with one."""
    found = []
    for name, shift in (("plain-0", 0.0), ("good-0", 0.05), ("good-1", 0.15)):
        model, seed = name.rsplit("-", 1)
        tables = [score_rows(model, int(seed), dice(shift)), score_rows(model, int(seed), dice(shift), "L1", "")]
        found.append(written(tmp_path, name, tables))
    return [list(each) for each in zip(*found, strict=True)]


def test_tables_hold_the_means(files, tmp_path):
    ranks = tabulate(*files, tmp_path / "out", SETTINGS).set_index("model")
    # Mean of the ribs 0.6, of the views 0.05 less, of the patients 0.1 less.
    assert ranks.loc["plain", "dice"] == pytest.approx(0.45)
    assert ranks.loc["good", "dice"] == pytest.approx(0.55)
    assert (ranks.loc["good", "rank"], ranks.loc["plain", "rank"]) == (1, 2)
    assert ranks.loc["good", "gflops"] == 0.5
    summary = pd.read_csv(tmp_path / "out/summary.csv").set_index(["partition", "value", "view", "model"])
    assert summary.loc[("all", "all", "PA", "plain"), "dice"] == pytest.approx(0.5)
    assert summary.loc[("level", "L4", "LL", "plain"), "dice"] == pytest.approx(0.4)
    assert summary.loc[("group", "Bone", "all", "good"), ["seeds", "structures"]].tolist() == [2, 6]
    assert summary.loc[("size", "200 px or more", "all", "good"), "structures"] == 6
    assert ("pathology", "pathology", "all", "plain") not in summary.index
    classes = pd.read_csv(tmp_path / "out/classes.csv").set_index(["model", "view", "level", "structure"])
    row = classes.loc[("good", "PA", "L4", "rib 2")]
    assert row["dice"] == pytest.approx(0.6)
    assert row["images"] == 2
    assert row["dice_sd_seeds"] == pytest.approx(np.std([0.05, 0.15], ddof=1), abs=1e-6)
    (pair,) = pd.read_csv(tmp_path / "out/pairs.csv").query("measure == 'dice'").itertuples()
    assert (pair.first, pair.second, pair.classes) == ("plain", "good", 6)
    assert pair.rank_biserial == -1
    assert pair.mean_difference == pytest.approx(-0.1)
    assert pair.significant
    text = (tmp_path / "out/benchmark.md").read_text()
    assert "| good | 0.550 |" in text
    assert "Of 1 pairs of models, 1 differ in Dice" in text
    for name in ("structures", "ranking", "cost"):
        assert (tmp_path / f"out/{name}.png").stat().st_size > 5000


def test_tables_are_the_same_in_every_run(files, tmp_path):
    for run in ("a", "b"):
        tabulate(*files, tmp_path / run, SETTINGS)
    for name in ("summary.csv", "classes.csv", "pairs.csv", "structures.png"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_findings_choose_their_patients(files, tmp_path):
    (tmp_path / "f.csv").write_text("patient_id,effusion,nodule\np0,1,0\np1,0,0\n")
    tabulate(*files, tmp_path / "out", SETTINGS, tmp_path / "f.csv")
    summary = pd.read_csv(tmp_path / "out/summary.csv").set_index(["partition", "value", "view", "model"])
    assert summary.loc[("finding", "effusion", "all", "plain"), "dice"] == pytest.approx(0.55)  # the better patient
    assert "nodule" not in summary.index.get_level_values("value")
    (tmp_path / "f.csv").write_text("patient_id,effusion\nx,1\n")
    with pytest.raises(CxrError, match="none of its patients was scored; expected ids such as 'p0'"):
        tabulate(*files, tmp_path / "out", SETTINGS, tmp_path / "f.csv")


def test_missed_structures_lower_the_dice_and_leave_distances_out():
    table = score_rows("a", 0, {("p0", "PA", "rib"): 0.8, ("p1", "PA", "rib"): 0.0})
    (row,) = classes_of(table).itertuples()
    assert row.dice == pytest.approx(0.4)
    assert row.hd95_px == pytest.approx(2.0)
    assert row.missed == 0.5
    table.loc[0, "dice"] = np.nan  # neither true nor found
    assert classes_of(table)["images"].tolist() == [1]


def test_a_training_that_occurs_twice_is_refused(files, tmp_path):
    scores, costs = files
    with pytest.raises(CxrError, match="4 tables of scores hold 3 trainings"):
        tabulate([*scores, scores[0]], costs, tmp_path / "out", SETTINGS)


def test_models_of_different_images_are_refused(files, tmp_path):
    scores, costs = files
    other = written(tmp_path, "third-0", [score_rows("third", 0, {("p7", "PA", "rib 1"): 0.5})])
    with pytest.raises(CxrError, match="different images: good, seed 0: 4 images; third, seed 0: 1; score all on one"):
        tabulate([*scores, other[0]], [*costs, other[1]], tmp_path / "out", SETTINGS)
