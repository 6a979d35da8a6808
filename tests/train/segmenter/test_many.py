import json

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.config import ModelConfig, TrainConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.metrics.overlap import dice
from cxrfactory.models import build_model
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.schemas import LABELLED_VIEWS
from cxrfactory.tables.weights import read_weights
from cxrfactory.train.data.layers import load_layers
from cxrfactory.train.segmenter.many import ManyRegionsTask, dices
from cxrfactory.train.segmenter.run import train_segmenter
from cxrfactory.train.segmenter.tasks import task_of

CPU = torch.device("cpu")
COUNT, SIZE = 18, 64
NAMES = [f"disc_{number:02d}" for number in range(COUNT)]


@pytest.fixture(scope="module")
def discs(tmp_path_factory):
    """Overlapping discs of 18 greys on 10 images, of which two are for validation; the last region is absent."""
    rng, rows = np.random.default_rng(7), []
    for number in range(10):
        image, regions = np.full((SIZE, SIZE), 30, np.uint8), []
        for place, name in enumerate(NAMES):
            mask = np.zeros((SIZE, SIZE), np.uint8)
            if place < COUNT - 1:
                centre = (8 + 12 * (place % 5) + int(rng.integers(-1, 2)), 8 + 14 * (place // 5))
                cv2.circle(mask, centre, 5, 255, -1)
                image[mask > 0] = 60 + 10 * place
            regions.append({"name": name, "png": encode_png(mask)})
        rows.append({"image_id": f"d{number}", "png": encode_png(image), "original_height": SIZE,
                     "original_width": SIZE, "crop_top": 0, "crop_left": 0, "crop_height": SIZE, "crop_width": SIZE,
                     "size": SIZE, "patient_id": f"d{number}", "source": "Discs", "labels": "M",
                     "split": "val" if number >= 8 else "train", "landmarks": [], "regions": regions,
                     "view": "LL" if number % 2 else "PA"})  # fmt: skip
    path = tmp_path_factory.mktemp("discs") / "discs.parquet"
    write_table(pd.DataFrame(rows), path, LABELLED_VIEWS)
    return path


def test_a_network_of_many_regions_learns_and_writes_everything(discs, tmp_path):
    torch.set_num_threads(1)
    model = ModelConfig(segmenter="unet", input_size="64x96", organs=["all"])
    settings = TrainConfig(epochs=8, batch_size=4, learning_rate=5e-3, loss="batch-dice-cross-entropy", appearance=0,
                           validate_every=4, precision="fp32", threads=1, scale=0.05, shift=0.02)  # fmt: skip
    metrics = train_segmenter(discs, tmp_path / "w.safetensors", model, settings, CPU, tmp_path / "h.csv")
    assert set(metrics) >= set(NAMES[:-1])
    assert set(metrics[NAMES[0]]) == {"dice", "dice_ll", "dice_pa"}
    card = read_weights(tmp_path / "w.safetensors")[1]
    assert card["settings"]["organs"] == NAMES
    assert card["settings"]["input_size"] == [64, 96]
    assert card["data"]["views"] == ["LL", "PA"]
    assert card["metrics"]["frame"] == "pixels of the network's input"
    history = pd.read_csv(tmp_path / "h.csv")
    assert history["loss"].iloc[-1] < 0.95 * history["loss"].iloc[0]
    assert [name for name in history if name.startswith("val")] == ["val_dice_mean"]
    assert json.loads((tmp_path / "w.json").read_text())["segmenter"] == "unet"


def test_dice_of_each_image_and_region_is_that_of_the_masks(discs):
    torch.manual_seed(0)
    network = build_model("unet", {"organs": NAMES, "width": 4}).eval()
    data = load_layers(discs, "val", landmark_graph("lungs-heart"), 64, NAMES)
    found = dices(network, data, CPU)
    answer = network.masks(torch.from_numpy(data.images).unsqueeze(1).float() / 255).numpy()
    truth = data.annotations(np.arange(2)).masks().numpy()
    for image in range(2):
        for region in range(COUNT):
            one, other = answer[image, region], truth[image, region]
            expected = dice(one, other) if one.any() or other.any() else np.nan
            assert found[image, region] == pytest.approx(expected, nan_ok=True)


def test_few_regions_keep_their_task_and_losses_of_maps_take_planes(discs):
    settings = TrainConfig(loss="dice-cross-entropy", precision="fp32")
    network = build_model("unet", {"organs": NAMES, "width": 4})
    task = task_of(network, settings)
    assert isinstance(task, ManyRegionsTask)
    assert not isinstance(task_of(build_model("unet", {"organs": NAMES[:16], "width": 4}), settings), ManyRegionsTask)
    data = load_layers(discs, "train", landmark_graph("lungs-heart"), 64, NAMES)
    images = torch.from_numpy(data.images[:2]).unsqueeze(1).float() / 255
    loss = task.loss(network, images, data.annotations(np.arange(2)), settings, torch.Generator())
    assert torch.isfinite(loss)


def test_landmark_networks_need_a_square_and_all_needs_masks(discs, tmp_path):
    with pytest.raises(CxrError, match="input_size 64x96 for hybridgnet; only pixel networks take rows and columns"):
        train_segmenter(discs, tmp_path / "w.safetensors", ModelConfig(input_size="64x96"), TrainConfig(), CPU)
