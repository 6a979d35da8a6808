"""Masks as images: the picture, the patients that our method has not seen, and its measures."""

import numpy as np
import pandas as pd
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.truth import TrueMask
from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.studies.masks_to_landmarks import OWN, OWN_UNSEEN, draw_masks, measure_own, summarise, unseen
from cxrfactory.studies.model_tables import MSE, NONE, TWO
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from cxrfactory.train.mask_landmarks import held_out

from .test_model_tables import labelled, per_image, write

SIZE = 64


def ring(nodes, x, y, radius):
    angle = 2 * np.pi * np.arange(nodes) / nodes
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], 1)


def points(clavicles=False):
    organs = [ring(44, 16, 30, 10), ring(50, 48, 30, 10), ring(26, 34, 44, 8)]
    return np.concatenate([*organs, *([ring(23, 16, 8, 3), ring(23, 48, 8, 3)] if clavicles else [])])


def rows(images, shift=0.0, **facts):
    landmarks = (points() + shift).astype(np.float32).ravel().tolist()
    return labelled(images, size=SIZE, labels="LH", landmarks=landmarks, **facts)


def test_the_picture_is_the_filled_contours_and_other_organs_are_left_out(tmp_path):
    whole = {"labels": "LHC", "landmarks": points(True).astype(np.float32).ravel().tolist()}
    table = write(tmp_path / "t.parquet", [*labelled(["a"], size=SIZE, **whole), *labelled(["b"], size=SIZE)])
    draw_masks({"tables": [table]}, tmp_path, StudyRunConfig())
    (row,) = read_table(tmp_path / "labelled.parquet", LABELLED_IMAGES).to_dict("records")
    assert (row["image_id"], row["labels"], len(row["landmarks"])) == (
        "a",
        "LH",
        2 * landmark_graph("lungs-heart").nodes,
    )
    picture = decode_png(row["png"])
    assert picture[30, 16] == picture[30, 48] == 127
    assert picture[44, 34] == 255
    assert set(np.unique(picture)) == {0, 127, 255}
    drawn = {each["name"]: TrueMask.of_drawn(decode_png(each["png"])).mask for each in row["regions"]}
    assert list(drawn) == ["heart", "left_lung", "right_lung"]
    assert np.array_equal(drawn["heart"], picture == 255)


def test_a_table_without_landmarks_of_the_heart_is_one_line(tmp_path):
    table = write(tmp_path / "t.parquet", labelled(["a"], size=SIZE))
    with pytest.raises(CxrError, match="no image has landmarks of lungs and heart; expected labels LH or LHC"):
        draw_masks({"tables": [table]}, tmp_path, StudyRunConfig())


def test_unseen_patients_are_those_that_the_training_of_our_method_put_aside():
    names = [f"JPCLN{number:03d}" for number in range(1, 155)]
    assert [unseen(f"JSRT:{name}", "JSRT") for name in names] == [held_out(name, "JSRT", "") for name in names]
    assert 15 < sum(unseen(f"JSRT:{name}", "JSRT") for name in names) < 50
    assert not any(unseen(name, "JSRT") for name in names)


def test_our_method_is_measured_on_val_and_on_unseen_patients(tmp_path):
    names = [f"JPCLN{number:03d}" for number in range(1, 155)]
    aside = next(name for name in names if unseen(f"JSRT:{name}", "JSRT"))
    seen, other = [name for name in names if not unseen(f"JSRT:{name}", "JSRT")][:2]
    truth = [*rows([seen]), *rows([aside, other], split="train")]
    write(tmp_path / "truth.parquet", truth)
    write(tmp_path / "found.parquet", [each | {"landmarks": rows(["a"], 1.0)[0]["landmarks"]} for each in truth])
    inputs = {"truth": [tmp_path / "truth.parquet"], "found": [tmp_path / "found.parquet"]}
    measure_own(inputs, tmp_path, StudyRunConfig())
    found = pd.read_csv(tmp_path / "per_image.csv")
    assert {(row.model, row.image_id) for row in found.itertuples()} == {(OWN, seen), (OWN_UNSEEN, aside)}
    lungs = found[found["organ"] == "lungs"]
    assert lungs["hd_px"].tolist() == pytest.approx([2**0.5 * 1024 / SIZE] * 2)
    assert ((lungs["dice"] > 0.8) & (lungs["dice"] < 0.96)).all()
    assert found.loc[found["organ"] == "all", MSE].tolist() == pytest.approx([(1024 / SIZE) ** 2] * 2)


def test_masks_that_gave_no_landmarks_are_left_out(tmp_path):
    write(tmp_path / "truth.parquet", rows(["a"]))
    write(tmp_path / "found.parquet", labelled(["a"], size=SIZE))
    measure_own({key: [tmp_path / f"{key}.parquet"] for key in ("truth", "found")}, tmp_path, StudyRunConfig())
    assert pd.read_csv(tmp_path / "per_image.csv").empty


def test_the_summary_sets_both_methods_beside_the_paper(tmp_path):
    per_image(
        tmp_path / "e" / "per_image.csv", {NONE: (0.97, 8.0, 90.0), TWO: (0.99, 4.0, 50.0), "pca": (0.97, 6.0, 40)}
    )
    per_image(tmp_path / "o" / "per_image.csv", {OWN_UNSEEN: (0.995, 2.0, 30.0)}, ["a", "b"])
    table = write(tmp_path / "t.parquet", labelled("abcdef"))
    inputs = {"evaluations": [tmp_path / "e", tmp_path / "o"], "tables": [table]}
    summarise(inputs, tmp_path / "out", StudyRunConfig())
    signs = pd.read_csv(tmp_path / "out" / "signs.csv")
    assert signs["verdict"].tolist() == ["agrees", "undecided", "agrees", "differs", "undecided", "undecided"]
    text = (tmp_path / "out" / "finding.md").read_text()
    assert "a landmark MSE of 52.5 px² and a Dice of 0.990 (lungs) and 0.990 (heart)" in text
    assert "that it has not seen, has 30.5 px², 0.995 and 0.995" in text
    found = pd.read_csv(tmp_path / "out" / "table.csv").set_index(["measure", "model"])
    assert found.loc[(MSE, TWO), "paper"] == 55.1
