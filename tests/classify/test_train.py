import numpy as np
import pandas as pd
import pytest
import torch

from cxrfactory.classify.images import read_images
from cxrfactory.classify.train import PREDICTIONS, classify, label_weights, masked_loss
from cxrfactory.errors import CxrError
from cxrfactory.tables.parquet import read_table

from .study import SETTINGS, write_study


def test_it_learns_what_the_pictures_show_and_writes_the_same_twice(tmp_path):
    table = write_study(tmp_path / "study.parquet")
    for name in ("a", "b"):
        counts = classify([table], "mobilenet-v2", "segmented", 0, tmp_path / f"{name}.parquet",
                          tmp_path / f"{name}.csv", SETTINGS)  # fmt: skip
    assert counts == {"train": 16, "validate": 4, "test": 8}
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    found = read_table(tmp_path / "a.parquet", PREDICTIONS)
    assert found["split"].value_counts().to_dict() == {"test": 8, "validate": 4}
    ill = found["truth"].to_numpy(bool)
    assert found["probability"][ill].mean() > found["probability"][~ill].mean()
    history = pd.read_csv(tmp_path / "a.csv")
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]


def test_positives_and_negatives_weigh_alike():
    truth = np.array([[1, 0], [0, 0], [0, 1], [0, np.nan]], np.float32)
    assert label_weights(truth).tolist() == [3.0, 2.0]


def test_unknown_labels_do_not_count():
    logits = torch.tensor([[0.0, 5.0], [0.0, -2.0]])
    truth = torch.tensor([[1.0, float("nan")], [0.0, float("nan")]])
    assert float(masked_loss(logits, truth, torch.ones(2))) == pytest.approx(np.log(2), rel=1e-6)
    moved = logits.clone()
    moved[:, 1] = 100
    assert float(masked_loss(moved, truth, torch.ones(2))) == pytest.approx(np.log(2), rel=1e-6)


def test_labels_without_both_classes_are_refused(tmp_path):
    table = write_study(tmp_path / "study.parquet")
    with pytest.raises(CxrError, match="'Edema': 0 positive and 0 negative images in the train set"):
        read_images([table], "original", ["Pneumonia", "Edema"], 80)
    with pytest.raises(CxrError, match="label 'pneumonia'"):
        read_images([table], "original", ["pneumonia"], 80)
    with pytest.raises(CxrError, match="picture 'masked'"):
        read_images([table], "masked", ["Pneumonia"], 80)
    with pytest.raises(CxrError, match="occurs twice"):
        read_images([table, table], "original", ["Pneumonia"], 80)


def test_a_batch_must_be_full(tmp_path):
    table = write_study(tmp_path / "study.parquet", train=4)
    with pytest.raises(CxrError, match="4 training images; expected 8"):
        classify([table], "mobilenet-v2", "original", 0, tmp_path / "a.parquet", tmp_path / "a.csv", SETTINGS)


def test_pictures_are_brought_to_the_networks_size(tmp_path):
    data = read_images([write_study(tmp_path / "study.parquet")], "segmented", ["Pneumonia"], 80)
    assert data["test"].pictures.shape == (8, 80, 80)
    order = data["test"].image_ids
    assert order == sorted(order)
    ill = data["test"].truth[:, 0] == 1
    assert data["test"].pictures[ill].mean() > data["test"].pictures[~ill].mean() + 20
