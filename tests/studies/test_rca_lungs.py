import numpy as np
import pandas as pd
import pytest

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.studies.rca_lungs import STUDY, by_image, compare, make_tables, summarise
from cxrfactory.studies.study import Context
from cxrfactory.tables.parquet import read_table
from tests.studies.labelled import write_people


def checked(path, noise):
    """Scores of ten images: RCA is 0.05 below the truth, the maximum is noisy, and only stopped networks vary."""
    rng = np.random.default_rng(4)
    rows = []
    for image in range(10):
        for kind, true in (("model epochs-001", 0.2), ("model epochs-004", 0.6), ("model epochs-018", 0.95)):
            rows.append((f"i{image}", kind, 0.0, true + 0.001 * image, noise * rng.standard_normal()))
        for severity in (0.5, 1.0):
            rows.append((f"i{image}", "shift", severity, 1 - 0.5 * severity, 0.0))
        rows.append((f"i{image}", "none", 0.0, 1.0, 0.0))
    table = pd.DataFrame(rows, columns=["image_id", "kind", "severity", "lungs_true", "noise"])
    table = table.assign(lungs_mean=table["lungs_true"] - 0.05, lungs_max=table["lungs_true"] + table["noise"])
    for name, of in (("heart_true", "lungs_true"), ("heart_mean", "lungs_max"), ("heart_max", "lungs_max")):
        table[name] = table[of]
    table = table.assign(true_dice=table["lungs_true"], dice_rca_mean=table["lungs_mean"])
    table.assign(dice_rca_max=table["lungs_max"]).to_csv(path, index=False)
    return path


def test_the_summary_tells_stopped_networks_from_the_longest_and_from_spoiled_masks(tmp_path):
    inputs = {name: [checked(tmp_path / f"{name}.csv", 0.05)] for name in ("lungs", "joint")}
    out = tmp_path / "out"
    summarise(inputs, out, StudyRunConfig())
    table = pd.read_csv(out / "table.csv").set_index(["rca", "organ", "masks"])
    stopped = table.loc["lungs alone", "lungs", "networks stopped at 12 epochs"]
    assert (stopped["images"], stopped["number"], stopped["paper_r_mean"]) == (10, 30, 0.94)
    assert stopped["r_mean"] == pytest.approx(1)
    assert 0.9 < stopped["r_max"] < 1
    assert stopped["below"] == pytest.approx(0.05)
    longest = table.loc["lungs alone", "lungs", "the network trained longest"]
    assert longest["number"] == 10
    assert longest["r_max"] < 0.6
    assert table.loc[("lungs alone", "lungs", "spoiled on purpose"), "number"] == 20
    assert len(table) == 12
    verdicts = pd.read_csv(out / "signs.csv")["verdict"]
    assert verdicts.tolist() == ["agrees"] * 6
    assert (out / "scores.png").stat().st_size > 5000
    assert "wide range" in (out / "finding.md").read_text()


def test_scores_by_image_keep_masks_apart(tmp_path):
    table = pd.read_csv(checked(tmp_path / "a.csv", 0.0))
    found = by_image(table[table["kind"] == "shift"], "lungs_true")
    assert found.shape == (10, 2)
    assert found[3].tolist() == [0.75, 0.5]
    with pytest.raises(CxrError, match="no masks of the U-Nets"):
        compare(dict.fromkeys(("lungs", "joint"), table[table["kind"] == "none"]), 0)


def test_tables_for_lungs_and_for_both(tmp_path):
    rows = [(f"h{n}", f"p{n}", "LHC", "val" if n < 3 else "train", "F") for n in range(10)]
    rows += [("l", "q", "L", "train", "F"), ("w", "r", "W", "train", "F")]
    make_tables({"labelled": [write_people(tmp_path / "t.parquet", rows)]}, tmp_path, StudyRunConfig())
    number = {
        name: len(read_table(tmp_path / f"{name}.parquet", columns=["image_id"])) for name in ("all", "lungs", "joint")
    }
    assert number == {"all": 11, "lungs": 11, "joint": 10}
    with pytest.raises(CxrError, match="0 of val have lungs and heart"):
        make_tables({"labelled": [write_people(tmp_path / "f.parquet", rows[3:])]}, tmp_path, StudyRunConfig())


def test_only_the_full_size_trains_registration():
    for size, number in (("small", 0), ("full", 2)):
        steps = STUDY.steps(Context(("t.parquet",), StudyRunConfig(size=size)))
        assert len([step for step in steps if step.name.startswith("registration")]) == number
        (unets,) = (step for step in steps if step.name == "unets")
        assert len(unets.commands) == (1 if size == "small" else 12)
