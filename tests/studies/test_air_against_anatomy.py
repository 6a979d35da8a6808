"""Two truths: which one a network follows, and the severity from areas of masks."""

import pandas as pd
import pytest

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.studies.air_against_anatomy import STUDY, summarise
from cxrfactory.studies.study import Context

DICE = {("anatomy", "hybridgnet"): 0.95, ("air", "hybridgnet"): 0.80, ("anatomy", "unet"): 0.85, ("air", "unet"): 0.92}


def inputs_of(tmp_path, shares):
    hidden = [{"image_id": f"i{number}", "anatomy_px": 1000, "air_px": 1000 * (1 - share), "hidden_share": share}
              for number, share in enumerate(shares)]  # fmt: skip
    pd.DataFrame(hidden).to_csv(tmp_path / "hidden.csv", index=False)
    inputs = {"hidden": [tmp_path / "hidden.csv"]}
    for truth in ("anatomy", "air"):
        rows = []
        for number, share in enumerate(shares):
            for model in ("hybridgnet", "unet"):
                # HybridGNet draws 1000 px, the U-Net what is left; both lie in the anatomy
                recall = 1.0 if model == "hybridgnet" else 1 - share
                rows.append({"model": model, "image_id": f"i{number}", "organ": "lungs",
                             "dice": DICE[truth, model] + 0.001 * number, "hd_px": 10.0 + 20 * (truth == "air"),
                             "precision": 1.0, "recall": recall})  # fmt: skip
                rows.append(rows[-1] | {"organ": "right_lung", "dice": 0.1})
        pd.DataFrame(rows).to_csv(tmp_path / f"{truth}.csv", index=False)
        inputs[truth] = [tmp_path / f"{truth}.csv"]
    return inputs


def test_networks_are_set_against_both_truths(tmp_path):
    summarise(inputs_of(tmp_path, [0.1, 0.2, 0.5, 0.0, 0.3]), tmp_path / "out", StudyRunConfig())
    signs = pd.read_csv(tmp_path / "out/signs.csv")
    assert signs["value"].tolist() == pytest.approx([0.15, 20, 0.22, 1.0])
    assert set(signs["verdict"]) == {"agrees"}
    table = pd.read_csv(tmp_path / "out/table.csv").set_index(["model", "truth"])
    assert set(table["films"]) == {4}  # nothing is hidden in one film
    assert table.loc[("unet", "air"), "dice"] == pytest.approx(0.92 + 0.001 * (0 + 1 + 2 + 4) / 4)
    severity = pd.read_csv(tmp_path / "out/severity.csv")
    assert severity["estimated_share"].tolist() == pytest.approx(severity["hidden_share"].tolist())
    assert "hide 28 % of the lungs" in (tmp_path / "out/finding.md").read_text()


def test_too_few_films_are_refused(tmp_path):
    with pytest.raises(CxrError, match="2 films on which both networks were measured"):
        summarise(inputs_of(tmp_path, [0.1, 0.2]), tmp_path / "out", StudyRunConfig())


def test_networks_train_on_healthy_films_alone():
    steps = {each.name: each for each in STUDY.steps(Context(("a.parquet",)))}
    assert "--labelled={films}/films/healthy.parquet" in steps["unet"].commands[0]
    assert not any("a.parquet" in word for each in steps.values() for words in each.commands for word in words)
    assert len(steps["measure"].commands) == 2
