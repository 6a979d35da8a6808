import numpy as np
import pandas as pd
import pytest
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.models import registry
from cxrfactory.models.hybridgnet import HybridGNet
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from cxrfactory.tables.weights import write_weights
from tests.models import stub_pixels

SIZE = 128


def ellipse(count, x, y, across, down):
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([x + across * np.cos(angle), y + down * np.sin(angle)], axis=1)


# Fractions of the side, 44 + 50 + 26 nodes.
SHAPE = np.concatenate(
    [ellipse(44, 0.3, 0.5, 0.12, 0.25), ellipse(50, 0.7, 0.5, 0.12, 0.25), ellipse(26, 0.55, 0.65, 0.1, 0.08)]
)


@pytest.fixture(scope="session")
def fixed_weights(tmp_path_factory):
    """Weights that answer ``SHAPE`` whatever the image."""
    torch.manual_seed(0)
    network = HybridGNet(landmark_graph("lungs-heart"), 64)
    network.mean_shape.copy_(torch.from_numpy(SHAPE))
    torch.nn.init.zeros_(network.conv6.weight)
    path = tmp_path_factory.mktemp("weights") / "fixed.safetensors"
    card = {"segmenter": "hybridgnet", "settings": network.settings(), "normalisation": "", "data": {}, "metrics": {}}
    write_weights(path, {name: value.numpy() for name, value in network.state_dict().items()}, card)
    return path


@pytest.fixture
def threshold_weights(tmp_path, monkeypatch):
    """A pixel model: all three organs where the image is brighter than one half."""
    monkeypatch.setitem(registry.PIXEL_MODELS, "threshold", "tests.models.stub_pixels:build")
    path = tmp_path / "threshold.safetensors"
    card = stub_pixels.card(("right_lung", "left_lung", "heart"), (SIZE, SIZE))
    write_weights(path, {"threshold": np.array(0.5, np.float32)}, card)
    return path


@pytest.fixture(scope="session")
def labelled(tmp_path_factory):
    """Four images of noise in split ``val``; the truth of image k is ``SHAPE`` moved k pixels to the right."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(4):
        points = SHAPE * SIZE - 0.5 + (number, 0)
        labels = "L" if number == 3 else "LH"
        geometry = {"original_height": SIZE, "original_width": SIZE, "crop_top": 0, "crop_left": 0}
        geometry |= {"crop_height": SIZE, "crop_width": SIZE, "size": SIZE}
        rows.append(
            {
                "image_id": f"i{number}",
                "png": encode_png(rng.integers(20, 236, (SIZE, SIZE), dtype=np.uint8)),
                "patient_id": f"p{number}",
                "source": "Second" if number == 2 else "First",
                "labels": labels,
                "split": "val",
                "landmarks": points[: 94 if labels == "L" else 120].astype(np.float32).ravel(),
                **geometry,
            }
        )
    path = tmp_path_factory.mktemp("labelled") / "labelled.parquet"
    write_table(pd.DataFrame(rows), path, LABELLED_IMAGES)
    return path
