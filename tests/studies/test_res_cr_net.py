"""Res-CR-Net: its sets, its recipes, and the summary of measures, gap and gain."""

import json

import pandas as pd
import pytest

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.studies.res_cr_net import STUDY, make_sets, summarise
from cxrfactory.studies.study import Context
from tests.studies.lung_films import film, lungs, write_films


def test_the_full_size_has_the_papers_recipes():
    context = Context(("t.parquet",), StudyRunConfig(size="full"))
    words = {step.name: step.commands[0] for step in STUDY.steps(context)}
    assert {"--epochs=300", "--batch-size=8", "--organs=lungs", "--input-size=300x340"} <= set(words["jms"])
    assert {"--epochs=100", "--batch-size=12", "--organs=whole_lungs"} <= set(words["v7"])
    assert "--lstm-blocks=1" in words["jms-lstm"]
    for name in ("jms", "v7", "jms-lstm"):
        assert {"--outputs=softmax", "--normalise=equalise", "--loss=tanimoto", "--padding=reflection"} <= set(
            words[name]
        )


def test_sets_by_definition(tmp_path):
    rows = [film(f"a{n}", split, lungs(), "JSRT") for n, split in enumerate(("train", "train", "val"))]
    whole = [film(f"b{n}", split, lungs(whole=True), "v7") for n, split in enumerate(("train", "val"))]
    path = write_films([*rows, *whole], tmp_path / "t.parquet")
    out = tmp_path / "sets"
    out.mkdir()
    make_sets({"tables": [path]}, out, StudyRunConfig())
    films = pd.read_csv(out / "films.csv")
    assert films.groupby("set")["image_id"].apply(list).to_dict() == {"jms": ["a0", "a1", "a2"], "v7": ["b0", "b1"]}
    assert pd.read_parquet(out / "v7.parquet")["image_id"].tolist() == ["b0", "b1"]
    with pytest.raises(CxrError, match="region whole_lungs"):
        make_sets({"tables": [write_films(rows, tmp_path / "u.parquet")]}, out, StudyRunConfig())


def test_summary_sets_measures_beside_the_papers(tmp_path):
    inputs = {"measured": [], "cards": [], "histories": []}
    films = []
    for name, models, region, level in (
        ("jms", ("jms", "jms-lstm"), "lungs", 0.96),
        ("v7", ("v7",), "whole_lungs", 0.9),
    ):
        ids = [f"{name}{n}" for n in range(6)]
        films += [
            {"image_id": each, "patient_id": each, "source": f"{name}-{n % 2}", "split": "val", "region": region,
             "set": name}
            for n, each in enumerate(ids)
        ]  # fmt: skip
        films.append({**films[-1], "image_id": f"{name}t", "patient_id": "t", "split": "train"})
        rows = [
            {"model": model, "source": f"{name}-{n % 2}", "image_id": each, "organ": organ,
             "dice": level + 0.002 * number, "iou": 0.9, "precision": 0.91, "recall": 0.93}
            for number, model in enumerate(models)
            for n, each in enumerate(ids)
            for organ in (region, "whole")
        ]  # fmt: skip
        pd.DataFrame(rows).to_csv(tmp_path / f"{name}.csv", index=False)
        inputs["measured"].append(tmp_path / f"{name}.csv")
    pd.DataFrame(films).to_csv(tmp_path / "films.csv", index=False)
    inputs["films"] = [tmp_path / "films.csv"]
    for name in ("jms", "jms-lstm", "v7"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"data": {"train": 1}, "training": {"batch_size": 8}}))
        inputs["cards"].append(tmp_path / f"{name}.json")
        history = pd.DataFrame({"epoch": [1, 2, 3], "loss": [0.5, 0.3, 0.2], "val_loss": [None, 0.25, 0.3]})
        history.to_csv(tmp_path / f"{name}-history.csv", index=False)
        inputs["histories"].append(tmp_path / f"{name}-history.csv")
    summarise(inputs, tmp_path / "out", StudyRunConfig())
    signs = pd.read_csv(tmp_path / "out" / "signs.csv")
    assert signs["verdict"].tolist() == ["agrees", "agrees"]
    assert signs["value"].tolist() == pytest.approx([0.06, 0.002])
    table = pd.read_csv(tmp_path / "out" / "table.csv").set_index(["model", "source"])
    row = table.loc[("v7", "all")]
    assert (row["images"], row["dice"], row["paper_dice"], row["tanimoto"]) == pytest.approx((6, 0.9, 0.96, 0.75))
    assert (row["jaccard"], row["precision"], row["recall"]) == (0.9, 0.91, 0.93)
    assert table.loc[("jms", "jms-1"), "images"] == 3
    assert pd.isna(table.loc[("jms-lstm", "all"), "paper_dice"])
    counts = pd.read_csv(tmp_path / "out" / "sets.csv").set_index(["set", "source", "split"])
    assert counts.loc[("jms", "jms-0", "val"), "images"] == 3
    text = (tmp_path / "out" / "finding.md").read_text()
    assert "0.960 on JMS and 0.900 on V7" in text
    assert "JMS: 1 training and 6 validation films" in text
    assert {"curves.png", "dice.png"} <= {each.name for each in (tmp_path / "out").iterdir()}
