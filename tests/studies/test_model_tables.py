"""Tables of models: means and intervals beside the paper's, distances in mm, tests image by image."""

import numpy as np
import pandas as pd
import pytest

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.studies.hybridgnet_models import summarise
from cxrfactory.studies.model_tables import (
    ATLAS,
    MSE,
    NONE,
    ONE,
    TWO,
    UNET,
    compared,
    difference,
    hybridgnet,
    read_measures,
    recipe,
    wilcoxon,
)
from cxrfactory.studies.study import Context
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES

IMAGES = ("a", "b", "c", "d", "e", "f")


def labelled(images, source="JSRT", crop=1024, size=8, **facts):
    """Rows of a labelled table without landmarks."""
    geometry = {"original_height": crop, "original_width": crop, "crop_top": 0, "crop_left": 0}
    geometry |= {"crop_height": crop, "crop_width": crop // 2, "size": size, "orientation": 1}
    rest = {"source": source, "labels": "M", "split": "val", "landmarks": [], "regions": None, "png": b"x"}
    return [geometry | rest | {"image_id": each, "patient_id": f"{source}:{each}"} | facts for each in images]


def write(path, rows):
    write_table(pd.DataFrame(rows), path, LABELLED_IMAGES)
    return path


def per_image(path, models, images=IMAGES, source="JSRT", organs=("lungs", "heart")):
    """Write per_image.csv; a model has (Dice, HD, landmark MSE) on the first image, and 1 more on each next."""
    rows = []
    for model, (overlap, distance, error) in models.items():
        for number, image in enumerate(images):
            key = {"model": model, "source": source, "image_id": image}
            rows += [key | {"organ": organ, "dice": overlap, "hd_px": distance + number} for organ in organs]
            rows.append(key | {"organ": "all", MSE: error + number})
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False)
    return path.parent


def test_distances_in_mm_need_the_size_of_a_pixel_and_follow_the_crop(tmp_path):
    folder = per_image(tmp_path / "x" / "per_image.csv", {TWO: (0.9, 10.0, 200.0)}, ["a"])
    table = write(tmp_path / "t.parquet", labelled(["a"], crop=2048))
    known = read_measures([tmp_path], [table], {"JSRT": 0.175}).set_index("measure")["value"]
    assert known["hd_lungs_px"] == 10
    assert known["hd_lungs_mm"] == pytest.approx(10 * 2 * 0.175)
    unknown = read_measures([folder], [table], {"other": 0.175})
    assert set(unknown["measure"]) == {MSE, "dice_lungs", "dice_heart", "hd_lungs_px", "hd_heart_px"}
    with pytest.raises(CxrError, match=r"no per_image\.csv; expected what evaluate-model writes"):
        read_measures([tmp_path / "none"], [table], {})


def test_missed_organs_are_counted_and_left_out():
    rows = [("x", "a", 1.0), ("x", "b", 3.0), ("x", "c", np.inf), ("y", "a", 2.0), ("y", "b", 5.0), ("y", "c", 1.0)]
    measures = pd.DataFrame(rows, columns=["model", "image_id", "value"]).assign(source="s", measure="hd_lungs_px")
    table = compared(
        measures, {"x": {"hd_lungs_mm": (7.0, 0.35)}, "z": {"hd_lungs_px": (1.0, 1.0)}}, ["x", "y", "z"], 0
    )
    first, _, paper = table[table["measure"] == "hd_lungs_px"].to_dict("records")
    assert (first["images"], first["missed"], first["mean"], first["paper"], first["paper_sd"]) == (2, 1, 2, 20, 1)
    assert (paper["images"], paper["paper"]) == (0, 1)
    assert np.isnan(paper["mean"])
    sign = difference(measures, "y is larger", "hd_lungs_px", "y", "x", 0)
    assert (sign.value, sign.low, sign.high, sign.verdict) == (1.5, 1.0, 2.0, "agrees")
    assert sign.claim == "y is larger; without 1 images on which one of both missed the organ"
    absent = difference(measures, "none", "hd_lungs_px", "y", "z", 0)
    assert np.isnan(absent.value)
    assert absent.verdict == "undecided"


def test_each_model_is_tested_against_one():
    measures = pd.DataFrame(
        [(model, image, number + shift) for model, shift in (("x", 0.0), ("y", 2.0)) for number, image in
         enumerate(IMAGES)], columns=["model", "image_id", "value"],
    ).assign(source="s", measure=MSE)  # fmt: skip
    (row,) = wilcoxon(measures, "x", ["x", "y", "z"]).to_dict("records")
    assert (row["first"], row["second"], row["pairs"], row["median_difference"]) == ("x", "y", 6, -2)
    assert row["p"] == row["p_holm"] == pytest.approx(2 / 2**6)


def test_skip_connections_by_name_and_the_papers_recipe():
    small, full = (Context(("t",), StudyRunConfig(size=size)) for size in ("small", "full"))
    assert [hybridgnet(small, name)[-1] for name in (NONE, ONE, TWO)] == ["--igsc=", "--igsc=4", "--igsc=4,3"]
    assert hybridgnet(full, TWO)[-2:] == ("--igsc=6,5", "--step-epochs=100")
    assert hybridgnet(full, NONE)[-1] == "--step-epochs=50"
    assert {"--epochs=3000", "--optimizer=adam", "--learning-rate=0.0001"} <= set(recipe(full))


def test_the_table_of_models_and_its_signs(tmp_path):
    models = {NONE: (0.95, 16.0, 300.0), ONE: (0.96, 15.0, 250.0), TWO: (0.97, 12.0, 200.0), "pca": (0.94, 17.0, 340.0)}
    models |= {"fc": (0.94, 17.0, 190.0), ATLAS: (0.94, 20.0, 500.0)}
    pixel = {UNET: (0.96, 22.0, np.nan), f"{UNET}+post-dae": (0.965, 18.0, np.nan), "nnunet": (0.98, 9.0, np.nan)}
    per_image(tmp_path / "e" / "0" / "alone" / "per_image.csv", models)
    per_image(tmp_path / "e" / "0" / "corrected" / "per_image.csv", pixel)
    table = write(tmp_path / "t.parquet", labelled(IMAGES))
    settings = StudyRunConfig(pixel_mm={"JSRT": 0.35})
    summarise({"evaluations": [tmp_path / "e"], "tables": [table]}, tmp_path / "out", settings)
    signs = pd.read_csv(tmp_path / "out" / "signs.csv")
    assert list(signs["value"].round(6)) == [100, 50, 4, 140, -10, 300, 10, 10, 4, -0.01]
    assert list(signs["verdict"]) == [*["agrees"] * 4, "differs", *["agrees"] * 4, "differs"]
    found = pd.read_csv(tmp_path / "out" / "table.csv").set_index(["measure", "model"])
    assert found.loc[(MSE, TWO), ["mean", "paper"]].tolist() == [202.5, 200.748]
    assert found.loc[("hd_lungs_mm", TWO), ["mean", "paper"]].tolist() == pytest.approx([14.5 * 0.35, 12.089])
    assert (MSE, UNET) not in found.index
    assert (tmp_path / "out" / "models.png").is_file()
    assert set(pd.read_csv(tmp_path / "out" / "wilcoxon.csv")["first"]) == {TWO}
    text = (tmp_path / "out" / "finding.md").read_text()
    assert "on 6 images of JSRT" in text
    assert "HybridGNet is 302 px² without, 252 with one and 202 with two IGSC" in text
