"""Devices: only the films change, each film several times, and losses are compared film by film."""

import numpy as np
import pandas as pd
import pytest

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png, save_png
from cxrfactory.studies.devices import DRAWS, KINDS, STUDY, draw, set_apart, summarise
from cxrfactory.studies.labelled_tables import read_tables, write_labelled
from cxrfactory.studies.study import Context
from tests.studies.films import film, table_of


def test_the_anatomy_stays_and_every_drawing_differs(tmp_path):
    rows = [film("a", split="val"), film("b"), film("c", split="val", regions=None)]
    write_labelled(table_of(rows), tmp_path / "t.parquet")
    for folder in ("one", "two"):
        draw({"tables": [tmp_path / "t.parquet"]}, tmp_path / folder, StudyRunConfig(pixel_mm={"North": 5.0}))
    plain = read_tables([tmp_path / "one/plain.parquet"])
    assert plain["image_id"].tolist() == ["a"]
    for kind in KINDS:
        made = read_tables([tmp_path / f"one/{kind}.parquet"])
        assert made["image_id"].tolist() == [f"a#{number}" for number in range(1, DRAWS + 1)]
        assert made["png"].nunique() == DRAWS
        for row in made.to_dict("records"):
            changed = decode_png(row["png"]).astype(int) - decode_png(plain["png"][0])
            assert changed.min() >= 0
            assert changed.max() > 50
            assert row["regions"][2]["png"] == plain["regions"][0][2]["png"]
        assert (tmp_path / f"one/{kind}.parquet").read_bytes() == (tmp_path / f"two/{kind}.parquet").read_bytes()


def test_films_without_lungs_are_named(tmp_path):
    write_labelled(table_of([film("b")]), tmp_path / "t.parquet")
    with pytest.raises(CxrError, match="no film of split 'val' has both lungs"):
        draw({"tables": [tmp_path / "t.parquet"]}, tmp_path, StudyRunConfig())


def scores(path, ids, dice, hd):
    rows = [
        {"model": model, "source": "JSRT", "image_id": name, "organ": organ, "dice": dice[model], "hd_px": hd[model]}
        for model in ("hybridgnet", "unet")
        for name in ids
        for organ in ("lungs", "heart", "right_lung")
    ]
    pd.DataFrame(rows).to_csv(path, index=False)
    return [path]


def test_losses_are_compared_film_by_film(tmp_path):
    drawn = [f"{film}#{number}" for film in "abc" for number in (1, 2)]
    inputs = {
        "plain": scores(tmp_path / "p", list("abc"), {"hybridgnet": 0.95, "unet": 0.97}, {"hybridgnet": 10, "unet": 9}),
        "pacemaker": scores(tmp_path / "d", drawn, {"hybridgnet": 0.94, "unet": 0.9}, {"hybridgnet": 12, "unet": 49}),
        "electrodes": scores(tmp_path / "e", drawn, {"hybridgnet": 0.9, "unet": 0.95}, {"hybridgnet": 20, "unet": 9}),
    }
    save_png(np.zeros((8, 8), np.uint8), tmp_path / "examples.png")
    summarise(inputs | {"examples": [tmp_path / "examples.png"]}, tmp_path / "out", StudyRunConfig())
    signs = pd.read_csv(tmp_path / "out/signs.csv")
    assert signs["value"].tolist() == pytest.approx([0.04, 37, 0.06, 38, -0.05, -11, -0.03, -10])
    assert signs["verdict"].tolist() == ["agrees"] * 4 + ["differs"] * 4
    table = pd.read_csv(tmp_path / "out/table.csv").set_index(["device", "model"])
    assert table.loc[("pacemaker", "unet"), ["films", "dice_lost", "hd_grown_px"]].tolist() == pytest.approx(
        [3, 0.07, 40]
    )
    text = (tmp_path / "out/finding.md").read_text()
    assert "a drawn pacemaker costs HybridGNet 0.0100 Dice and 2.0 px" in text
    assert (tmp_path / "out/scores.png").is_file()


def test_real_devices_are_set_apart_with_all_films_of_their_people(tmp_path):
    rows = [film("a"), film("b", patient_id="p"), film("c", patient_id="p", split="val"), film("d", split="val")]
    write_labelled(table_of(rows), tmp_path / "t.parquet")
    (tmp_path / "list.csv").write_text("image_id,device\nb,pacemaker\nelsewhere,pacemaker\n")
    inputs = {"tables": [tmp_path / "t.parquet"], "devices": [tmp_path / "list.csv"]}
    set_apart(inputs, tmp_path, StudyRunConfig())
    assert read_tables([tmp_path / "without.parquet"])["image_id"].tolist() == ["a", "d"]
    real = read_tables([tmp_path / "real.parquet"])
    assert real[["image_id", "split"]].to_numpy().tolist() == [["b", "val"]]
    assert (tmp_path / "devices.csv").read_text() == "image_id,device\nb,pacemaker\n"
    (tmp_path / "list.csv").write_text("image_id,device\nelsewhere,pacemaker\n")
    with pytest.raises(CxrError, match="none of its 1 images is in the tables"):
        set_apart(inputs, tmp_path, StudyRunConfig())


def test_real_devices_are_compared_with_other_films(tmp_path):
    dice, far = {"hybridgnet": 0.95, "unet": 0.96}, {"hybridgnet": 10, "unet": 12}
    worse = {"hybridgnet": 0.93, "unet": 0.90}, {"hybridgnet": 20, "unet": 50}
    inputs = {kind: scores(tmp_path / kind, list("abc"), dice, far) for kind in ("plain", *KINDS)}
    inputs["real"] = scores(tmp_path / "real", list("xyz"), *worse)
    (tmp_path / "list.csv").write_text("image_id,device\nx,pacemaker\ny,pacemaker\nz,electrodes\nw,tube\n")
    save_png(np.zeros((8, 8), np.uint8), tmp_path / "examples.png")
    inputs |= {"examples": [tmp_path / "examples.png"], "devices": [tmp_path / "list.csv"]}
    summarise(inputs, tmp_path / "out", StudyRunConfig())
    real = pd.read_csv(tmp_path / "out/real.csv").set_index("device")
    assert real["films"].to_dict() == {"electrodes": 1, "pacemaker": 2}
    assert real.loc["pacemaker", "hd_px_unet"] == 50
    signs = pd.read_csv(tmp_path / "out/signs.csv").set_index("claim")
    ours = signs[signs.index.str.startswith("Real pacemaker")]["value"]
    assert ours.tolist() == pytest.approx([0.03, 0.04, 30, 28])
    text = (tmp_path / "out/finding.md").read_text()
    assert "on 2 films with real devices (pacemaker), HybridGNet has 0.930 and 20 px" in text


def test_films_with_real_devices_are_measured_and_not_trained_on(tmp_path):
    table = tmp_path / "a.parquet"
    write_labelled(table_of([film("a", labels="W", landmarks=np.zeros(188, np.float32), regions=None)]), table)
    settings = StudyRunConfig(devices=str(tmp_path / "list.csv"))
    steps = {each.name: each for each in STUDY.steps(Context((str(table),), settings))}
    assert list(steps) == ["apart", "hybridgnet", "unet", "draw", "measure", "summary"]
    assert {"--labelled={apart}/without.parquet", "--graph=whole-lungs"} <= set(steps["unet"].commands[0])
    assert "--input=tables={apart}/without.parquet" in steps["draw"].commands[0]
    assert any("--labelled={apart}/real.parquet" in command for command in steps["measure"].commands)


def test_both_networks_train_on_films_without_devices():
    steps = {each.name: each for each in STUDY.steps(Context(("a.parquet",)))}
    assert list(steps) == ["hybridgnet", "unet", "draw", "measure", "summary"]
    assert "--labelled=a.parquet" in steps["unet"].commands[0]
    assert len(steps["measure"].commands) == 3
