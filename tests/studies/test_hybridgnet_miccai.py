"""The first HybridGNet: folds by patient, errors by image, differences and signs."""

import json

import numpy as np
import pandas as pd
import pytest

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.studies.hybridgnet_miccai import NETWORKS, SINGLE, STUDY, fold_splits, make_folds, steps, summarise
from cxrfactory.studies.study import Context
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES

GEOMETRY = {"original_height": 8, "original_width": 8, "crop_top": 0, "crop_left": 0, "crop_width": 6, "size": 8,
            "orientation": 1}  # fmt: skip


def test_folds_keep_patients_whole_and_test_nobody_twice():
    patients = [f"p{number}" for number in range(100)]
    folds = [pd.Series(fold_splits(patients, fold, 0)) for fold in (1, 2, 3)]
    for splits in folds:
        assert splits.value_counts().to_dict() == {"train": 70, "test": 20, "val": 10}
        assert set(splits.index) == set(patients)
    assert max(sum(splits[patient] == "test" for splits in folds) for patient in patients) == 1
    assert fold_splits(patients[::-1], 1, 0) == fold_splits(patients, 1, 0) != fold_splits(patients, 1, 1)


def labelled(path, patients, labels="LHC", nodes=166):
    rows = [
        {**GEOMETRY, "image_id": f"{labels}{number}", "png": b"x", "crop_height": 8, "patient_id": f"p{number // 2}",
         "source": "JSRT", "labels": labels, "split": "train", "landmarks": np.zeros(2 * nodes, np.float32),
         "regions": None}
        for number in range(2 * patients)
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    integers = {name: "int32" for name in GEOMETRY} | {"crop_height": "int32", "orientation": "int8"}
    write_table(frame.astype(integers), path, LABELLED_IMAGES)


def test_folds_hold_images_with_all_landmarks(tmp_path):
    labelled(tmp_path / "a.parquet", 10)
    labelled(tmp_path / "b.parquet", 4, "LH", 120)
    (tmp_path / "out").mkdir()
    make_folds({"tables": [tmp_path / "a.parquet", tmp_path / "b.parquet"]}, tmp_path / "out", StudyRunConfig())
    listed = pd.read_csv(tmp_path / "out" / "folds.csv")
    assert len(listed) == 3 * 20
    assert set(listed["side_px"]) == {8}
    assert (listed.groupby(["fold", "patient_id"])["split"].nunique() == 1).all()
    for fold in (1, 2, 3):
        table = read_table(tmp_path / "out" / f"fold{fold}.parquet", LABELLED_IMAGES)
        own = listed[listed["fold"] == fold].set_index("image_id")["split"]
        assert table.set_index("image_id")["split"].to_dict() == own.to_dict()
        assert table["split"].value_counts().to_dict() == {"train": 14, "test": 4, "val": 2}
    with pytest.raises(CxrError, match=r"b\.parquet: 0 patients with landmarks of lungs, heart and clavicles"):
        make_folds({"tables": [tmp_path / "b.parquet"]}, tmp_path / "out", StudyRunConfig())


def test_every_network_but_one_starts_from_the_autoencoders_of_its_fold():
    made = {step.name: step for step in steps(Context(("t.parquet",)))}
    assert len(made) == 2 + 3 * (1 + len(NETWORKS) + 1)
    starts = {
        name: [word for word in step.commands[0] if word.startswith("--parts-from")] for name, step in made.items()
    }
    assert starts["dual-skips-2"] == ["--parts-from={autoencoders-2}/weights.safetensors"]
    assert {name.rsplit("-", 1)[0] for name, words in starts.items() if words} == set(NETWORKS) - {"scratch"}
    assert set(made["vae-3"].needs) == {"folds", "autoencoders-3"}
    full = {step.name: step for step in steps(Context(("t.parquet",), StudyRunConfig(size="full")))}
    assert {"--epochs=2000", "--input-size=512", "--kl-weight=1e-5"} <= set(full["vae-1"].commands[0])


def scores(path, fold, images, errors):
    rows = []
    for model, error in errors.items():
        for number, image in enumerate(images):
            key = {"model": f"{model}-{fold}", "source": "JSRT", "image_id": image}
            missed = model == "unet" and number == 0
            rows += [
                {**key, "organ": organ, "dice": 0.9, "hd_px": np.inf if missed and organ == "heart" else error + number}
                for organ in (*SINGLE, "lungs", "clavicles")
            ]
            rows.append({**key, "organ": "all", "landmark_mse_px2": np.nan if model == "unet" else error**2})
    pd.DataFrame(rows).to_csv(path, index=False)


def test_errors_are_compared_image_by_image_over_all_folds(tmp_path):
    errors = {"scratch": 12.0, "vae": 10.0, "dual": 10.0, "dual-skips": 11.0, "fc": 16.0, "pca": 9.0, "unet": 30.0}
    tests = {1: ["a", "b", "c"], 2: ["d", "e"]}
    listed = []
    for fold, images in tests.items():
        scores(tmp_path / f"{fold}.csv", fold, images, errors)
        listed += [{"image_id": each, "patient_id": each, "source": "JSRT", "split": "test", "fold": fold,
                    "side_px": 2048} for each in images]  # fmt: skip
        metrics = {"all": {"mse": 4.0, "vector_mse": 5.0, "image_mse": 0.01}, "lungs": {"dice": 0.99}}
        card = {"metrics": {"val": metrics | {"heart": {"dice": 0.98}}}}
        (tmp_path / f"{fold}.json").write_text(json.dumps(card))
    pd.DataFrame(listed).to_csv(tmp_path / "folds.csv", index=False)
    inputs = {
        "scores": [tmp_path / "1.csv", tmp_path / "2.csv"],
        "images": [tmp_path / "folds.csv"],
        "cards": [tmp_path / "1.json", tmp_path / "2.json"],
    }
    summarise(inputs, tmp_path / "out", StudyRunConfig(pixel_mm={"JSRT": 0.25}))
    table = pd.read_csv(tmp_path / "out" / "table.csv").set_index("model")
    # 1024 px of the frame are 2048 of the file: a pixel of the frame is 0.5 mm.
    assert table.loc["HybridGNet", "hd"] == pytest.approx(0.5 * np.mean([10, 11, 12, 10, 11]))
    assert table.loc["HybridGNet", ["mse_px2", "hd_unit"]].tolist() == [100.0, "mm"]
    assert table.loc["U-Net", "missed_organs"] == 2
    assert table.loc["U-Net", "hd"] == pytest.approx(0.5 * np.mean([31, 32, 31]))  # of the images where it missed none
    signs = pd.read_csv(tmp_path / "out" / "signs.csv")
    assert signs["value"].tolist() == pytest.approx([156.0, 3.0, -19.0, -0.5])
    assert signs["verdict"].tolist() == ["agrees", "agrees", "differs", "differs"]
    apart = pd.read_csv(tmp_path / "out" / "differences.csv").set_index(["measure", "second"])
    assert apart.loc[("hd", "dual"), ["difference", "ci_low", "ci_high", "p_wilcoxon"]].tolist() == [0, 0, 0, 1]
    assert apart.loc[("hd", "unet"), "images"] == 3
    assert ("mse_px2", "unet") not in apart.index
    assert pd.read_csv(tmp_path / "out" / "autoencoders.csv")["graph_mse_px2"].tolist() == [4.0, 4.0]
    text = (tmp_path / "out" / "finding.md").read_text()
    assert "HybridGNet has a Hausdorff distance of 5.4 mm and a landmark MSE of 100 px²" in text
    assert "5 test images of JSRT in 2 folds" in text
    assert (tmp_path / "out" / "errors.png").stat().st_size > 5000
    summarise(inputs, tmp_path / "px", StudyRunConfig())  # the size of the pixels is unknown
    table = pd.read_csv(tmp_path / "px" / "table.csv").set_index("model")
    assert table.loc["FC", ["hd", "hd_unit"]].tolist() == [pytest.approx(16.8), "px of 1024"]
    assert STUDY.name == "hybridgnet-miccai"
