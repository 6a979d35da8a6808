import math

import cv2
import numpy as np
import pytest
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.metrics.estimate.model import OrganModel
from cxrfactory.models.hybridgnet import HybridGNet
from cxrfactory.tables.quality_calibration import QualityCalibration
from cxrfactory.tables.weights import write_weights
from tests.models.hybrid import hybrid_unet, stored


def circle(count, x, y, radius):
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """Weights whose landmarks are three circles, whatever the image."""
    torch.manual_seed(0)
    network = HybridGNet(landmark_graph("lungs-heart"), 64)
    shape = np.concatenate([circle(44, 0.3, 0.5, 0.15), circle(50, 0.7, 0.5, 0.15), circle(26, 0.55, 0.65, 0.1)])
    network.mean_shape.copy_(torch.from_numpy(shape))
    torch.nn.init.zeros_(network.conv6.weight)
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    card = {"segmenter": "hybridgnet", "settings": network.settings(), "normalisation": "", "data": {}, "metrics": {}}
    write_weights(path, {name: value.numpy() for name, value in network.state_dict().items()}, card)
    return path


@pytest.fixture(scope="session")
def two_headed_weights(tmp_path_factory):
    """Weights of a network that also gives evidence about its masks."""
    path = tmp_path_factory.mktemp("weights") / "h.safetensors"
    write_weights(path, *stored(hybrid_unet()))
    return path


def made_calibration(sha256):
    """A quality calibration that takes the soft Dice for the Dice; all lungs are low, and no heart is."""
    least = -math.log(2)
    models = {
        organ: OrganModel(
            (f"{organ}_soft_dice",), (1.0,), (0.0,), 0.0, least, -least, 0.1, 0.3, (0.0, 1.0), lowest
        ).as_dict()
        for organ, lowest in (("lungs", (1.0, 1.0)), ("heart", (0.0, 0.0)))
    }
    return QualityCalibration(weights=sha256, alpha=0.1, models=models, table="b" * 64, sources={})


@pytest.fixture
def folder(tmp_path):
    """Five files: three radiograph-like images of odd sizes, one empty file, one that is no image."""
    rng = np.random.default_rng(0)
    root = tmp_path / "in"
    (root / "deep").mkdir(parents=True)
    for name, shape in {"a.png": (200, 151), "b.jpg": (130, 257), "deep/c.png": (96, 96)}.items():
        cv2.imwrite(str(root / name), rng.integers(0, 256, shape, dtype=np.uint8))
    (root / "empty.png").write_bytes(b"")
    (root / "text.jpg").write_text("no image")
    (root / "notes.txt").write_text("not looked at")
    return root
