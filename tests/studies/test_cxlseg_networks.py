"""CXLSeg's networks: the balanced set of varied copies, and whether SA-UNet leads."""

import json

import numpy as np
import pandas as pd
import pytest

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.studies.cxlseg_networks import BALANCED, NETWORKS, STUDY, balance, summarise, times_of
from cxrfactory.studies.study import Context
from tests.studies.lung_films import film, lungs, write_films


def test_table_ii_of_the_paper_adds_up():
    assert sum(each[3] for each in BALANCED) == 15_396


def test_classes_come_near_the_largest_at_most_ten_times():
    kinds = pd.Series(["normal"] * 100 + ["tuberculosis"] * 34 + ["covid-19"] * 2)
    assert times_of(kinds) == {"normal": 1, "tuberculosis": 3, "covid-19": 10}


@pytest.fixture
def table(tmp_path):
    rows = [film(f"n{n}", "train", lungs(), "A") for n in range(4)]
    rows += [film(f"t{n}", "train", lungs(whole=True), "B") for n in range(2)]
    rows += [film("v", "val", lungs(), "A")]
    return write_films(rows, tmp_path / "t.parquet")


def test_only_training_films_of_small_classes_are_copied(table, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    classes = tmp_path / "classes.csv"
    names = {**{f"n{n}": "normal" for n in range(4)}, "t0": "covid", "t1": "covid"}
    pd.DataFrame({"image_id": list(names), "class": list(names.values())}).to_csv(classes, index=False)
    balance({"tables": [table], "classes": [classes]}, out, StudyRunConfig())
    made = pd.read_parquet(out / "labelled.parquet").set_index("image_id")
    assert sorted(made.index) == ["n0", "n1", "n2", "n3", "t0", "t0-copy01", "t1", "t1-copy01", "v"]
    assert made.loc["t0-copy01", "patient_id"] == "t0"
    assert {row[0]["name"] for row in made.loc[["t0", "t0-copy01"], "regions"]} == {"whole_lungs"}
    assert decode_png(made.loc["v", "png"]).shape == (64, 64)
    first, copy = (decode_png(made.loc[name, "regions"][0]["png"]) for name in ("t0", "t0-copy01"))
    assert set(np.unique(copy)) <= {0, 255}
    assert (first != copy).any()
    counts = pd.read_csv(out / "counts.csv").set_index(["source", "class"])
    assert counts["images"].to_dict() == {("A", "normal"): 4, ("B", "covid"): 4}
    before = (out / "labelled.parquet").read_bytes()
    balance({"tables": [table], "classes": [classes]}, out, StudyRunConfig())
    assert (out / "labelled.parquet").read_bytes() == before


def test_classes_must_name_every_training_film(table, tmp_path):
    classes = tmp_path / "classes.csv"
    pd.DataFrame({"image_id": ["n0"], "class": ["normal"]}).to_csv(classes, index=False)
    with pytest.raises(CxrError, match="no class of image 'n1'"):
        balance({"tables": [table], "classes": [classes]}, tmp_path, StudyRunConfig())
    pd.DataFrame({"image_id": ["n0"]}).to_csv(classes, index=False)
    with pytest.raises(CxrError, match="column class is missing"):
        balance({"tables": [table], "classes": [classes]}, tmp_path, StudyRunConfig())


def test_without_classes_sources_are_balanced(table, tmp_path):
    balance({"tables": [table]}, tmp_path, StudyRunConfig())
    counts = pd.read_csv(tmp_path / "counts.csv").set_index("source")
    assert counts["images"].to_dict() == {"A": 4, "B": 4}


def test_steps_train_all_networks_alike(tmp_path):
    context = Context(("t.parquet",), StudyRunConfig(size="full", classes="c.csv"))
    steps = {step.name: step for step in STUDY.steps(context)}
    assert "--input=classes=c.csv" in steps["balanced"].commands[0]
    for name in NETWORKS:
        words = set(steps[name].commands[0]) - {f"--segmenter={name}"}
        assert words == set(steps["unet"].commands[0]) - {"--segmenter=unet"}
        assert {"--epochs=15", "--input-size=224", "--labelled={balanced}/labelled.parquet"} <= words


def test_summary_compares_networks_on_the_same_films(tmp_path):
    levels = dict(zip(NETWORKS, (0.90, 0.93, 0.95, 0.94), strict=True))
    rows = [
        {"model": name, "source": "A" if n < 5 else "B", "image_id": f"i{n}", "organ": organ,
         "dice": level - 0.01 * n, "iou": 0.8, "recall": 0.85, "precision": 0.95}
        for name, level in levels.items()
        for n in range(8)
        for organ in ("lungs", "whole")
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / "measured.csv", index=False)
    films = [{"image_id": f"i{n}", "patient_id": f"p{n}", "source": "A", "split": "val", "region": "lungs"}
             for n in range(8)]  # fmt: skip
    pd.DataFrame(films).to_csv(tmp_path / "films.csv", index=False)
    counts = pd.DataFrame({"source": ["A"], "class": ["normal"], "original": [5], "images": [10]})
    counts.to_csv(tmp_path / "counts.csv", index=False)
    history = pd.DataFrame({"epoch": [1, 2], "loss": [1.0, 0.5], "val_loss": [0.6, 0.25], "val_dice_lungs": [0.5, 0.9]})
    history.to_csv(tmp_path / "history.csv", index=False)
    (tmp_path / "card.json").write_text(json.dumps({"data": {"train": 10}}))
    inputs = {name: [tmp_path / f"{name}.csv"] for name in ("measured", "films", "counts")}
    inputs |= {"histories": [tmp_path / "history.csv"] * 4, "cards": [tmp_path / "card.json"] * 4}
    summarise(inputs, tmp_path / "out", StudyRunConfig())
    signs = pd.read_csv(tmp_path / "out" / "signs.csv")
    assert signs["value"].tolist() == pytest.approx([0.04, 0.01, -0.01])
    assert signs["verdict"].tolist() == ["agrees", "agrees", "differs"]
    table = pd.read_csv(tmp_path / "out" / "table.csv").set_index(["model", "source"])
    row = table.loc[("sa-unet", "all")]
    assert (row["dice"], row["iou"], row["loss"], row["paper_loss"]) == pytest.approx((90.5, 80, 25, 12.59))
    assert table.loc[("unet", "B"), "images"] == 3
    assert "balanced by class" in (tmp_path / "out" / "finding.md").read_text()
    assert (tmp_path / "out" / "curves.png").is_file()
    assert pd.read_csv(tmp_path / "out" / "balanced_paper.csv")["images"].sum() == 15_396
