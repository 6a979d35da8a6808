"""Every registered network through the one training loop."""

from typing import get_args

import numpy as np
import pytest
import torch

from cxrfactory.config import ModelConfig, TrainConfig
from cxrfactory.errors import CxrError
from cxrfactory.models.registry import LANDMARK_MODELS, PIXEL_MODELS, model_names
from cxrfactory.models.segmenter import Segmenter
from cxrfactory.tables.weights import read_weights
from cxrfactory.train.segmenter import loop
from cxrfactory.train.segmenter.run import train_segmenter

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def test_config_knows_every_registered_name():
    assert list(get_args(ModelConfig.model_fields["segmenter"].annotation)) == model_names()


@pytest.mark.parametrize("name", [*LANDMARK_MODELS, *PIXEL_MODELS])
def test_every_network_trains_and_its_weights_segment(labelled, tmp_path, name):
    settings = TrainConfig(epochs=1, batch_size=8, precision="bf16")
    model = ModelConfig(segmenter=name, input_size=64, latent=16)
    metrics = train_segmenter(labelled, tmp_path / "w.safetensors", model, settings, CPU)
    assert 0 <= metrics["heart"]["dice"] <= 1
    tensors, card = read_weights(tmp_path / "w.safetensors")
    image = np.random.default_rng(0).integers(0, 256, (128, 128)).astype(np.uint8)
    found = Segmenter(tensors, card)(image, 96)
    assert set(found.masks) == {"right_lung", "left_lung", "heart"}
    assert {mask.shape for mask in found.masks.values()} == {(96, 96)}


def test_a_pixel_network_goes_on_after_a_break(labelled, tmp_path, monkeypatch, break_after):
    model = ModelConfig(segmenter="sa-unet", input_size=64)
    settings = TrainConfig(epochs=6, batch_size=4, validate_every=3, precision="fp32", learning_rate=3e-3)
    train_segmenter(labelled, tmp_path / "whole.safetensors", model, settings, CPU)
    inner = break_after(4)
    with pytest.raises(KeyboardInterrupt):
        train_segmenter(labelled, tmp_path / "part.safetensors", model, settings, CPU)
    monkeypatch.setattr(loop, "_epoch", inner)
    train_segmenter(labelled, tmp_path / "part.safetensors", model, settings, CPU)
    whole, part = (read_weights(tmp_path / f"{name}.safetensors")[0] for name in ("whole", "part"))
    for name, value in whole.items():
        np.testing.assert_array_equal(value, part[name], err_msg=name)  # dropout too draws the same


def test_landmark_stages_refuse_pixel_weights(labelled, tmp_path):
    assert set(LANDMARK_MODELS) & set(PIXEL_MODELS) == set()
    model = ModelConfig(segmenter="unet-ht", input_size=64)
    train_segmenter(labelled, tmp_path / "w.safetensors", model, TrainConfig(epochs=1, precision="fp32"), CPU)
    with pytest.raises(CxrError, match="unet-ht has no latent code; expected weights of a landmark model"):
        Segmenter(*read_weights(tmp_path / "w.safetensors"), source="w", samples=20)
