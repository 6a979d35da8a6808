import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.config import LabelMasksConfig, ModelConfig, TrainConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.labelling.outlines import label_outlines
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import LABELLED_IMAGES, REJECTED
from cxrfactory.train.data.images import load_labelled
from cxrfactory.train.segmenter.run import train_segmenter


@pytest.fixture
def outlined(labelled, tmp_path):
    """Some labelled images as files with masks of both lungs, and weights that know them a little."""
    torch.set_num_threads(1)
    settings = TrainConfig(epochs=25, batch_size=4, precision="fp32", learning_rate=1e-3)
    train_segmenter(labelled, tmp_path / "w.safetensors", ModelConfig(input_size=64), settings, torch.device("cpu"))
    table = read_table(labelled, LABELLED_IMAGES)
    table = table[[len(each) == 240 for each in table["landmarks"]]].head(4)
    root = tmp_path / "set"
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    for row in table.itertuples():
        image = decode_png(row.png)
        points = np.asarray(row.landmarks, np.float64).reshape(-1, 2)
        masks = landmarks_to_masks(points, landmark_graph("lungs-heart"), *image.shape)
        cv2.imwrite(str(root / "images" / f"{row.image_id}.png"), image)
        cv2.imwrite(str(root / "masks" / f"{row.image_id}.png"), (masks["right_lung"] | masks["left_lung"]) * 255)
    ids = [*table["image_id"], "absent"]
    pd.DataFrame({"image_id": ids, "patient_id": [f"p{place}" for place in range(len(ids))]}).to_csv(
        root / "table.csv", index=False
    )
    return root, tmp_path / "w.safetensors", table


def test_outlines_become_labelled_images(outlined, labelled, tmp_path):
    root, weights, table = outlined
    size = decode_png(table["png"].iloc[0]).shape[0]
    counts = label_outlines(
        root, weights, tmp_path / "o.parquet", tmp_path / "r.parquet", Preparation(size),
        LabelMasksConfig(source="Set", val_fraction=0.5),
    )  # fmt: skip
    found = read_table(tmp_path / "o.parquet", LABELLED_IMAGES)
    rejected = read_table(tmp_path / "r.parquet", REJECTED)
    assert counts == (len(found), len(rejected))
    assert len(found) + len(rejected) == 5
    assert rejected[rejected["image_id"] == "absent"]["reason"].iloc[0].startswith("0 files")
    assert set(found["labels"]) == {"LH"}
    both = load_labelled([labelled, tmp_path / "o.parquet"], "train", landmark_graph("lungs-heart"), 64)
    assert len(both.ids) == len(set(both.ids))
    with pytest.raises(CxrError, match="occurs twice"):
        load_labelled([labelled, labelled], "train", landmark_graph("lungs-heart"), 64)


def test_a_set_without_its_table_is_one_line(outlined, tmp_path):
    _, weights, _ = outlined
    paths = (tmp_path / "o.parquet", tmp_path / "r.parquet")
    with pytest.raises(CxrError, match="expected a table with image_id and patient_id"):
        label_outlines(tmp_path, weights, *paths, Preparation(128), LabelMasksConfig(source="Set"))
