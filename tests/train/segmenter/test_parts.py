"""Trainings of autoencoders, and of networks that start from their parts."""

import numpy as np
import pytest
import torch

from cxrfactory.config import ModelConfig, TrainConfig
from cxrfactory.errors import CxrError
from cxrfactory.models.registry import build_model
from cxrfactory.tables.weights import read_weights, write_weights
from cxrfactory.train.segmenter.parts import start_from_parts
from cxrfactory.train.segmenter.run import train_segmenter

CPU = torch.device("cpu")
SETTINGS = {"graph": "lungs-heart", "input_size": 64, "latent": 8, "channels": [8, 16, 32, 64, 64]}
SHARED = {
    "hybridgnet-miccai": {"encoder": "encoder", "decoder": "decoder"},
    "hybridgnet-dual": {"encoder": "encoder", "decoder": "decoder", "dense": "dense"},
    "fc": {"encoder": "encoder", "hidden": "hidden", "output": "output"},
    "pca": {"encoder": "encoder"},
}


@pytest.fixture
def weights(tmp_path):
    """Autoencoders as they are before a training."""
    torch.manual_seed(0)
    network = build_model("hybridgnet-autoencoders", SETTINGS)
    card = {"segmenter": "hybridgnet-autoencoders", "settings": network.settings(), "normalisation": "none"}
    tensors = {name: value.numpy().copy() for name, value in network.state_dict().items()}
    write_weights(tmp_path / "autoencoders.safetensors", tensors, card | {"data": {}, "metrics": {}})
    return tmp_path / "autoencoders.safetensors"


def test_autoencoders_learn(labelled, tmp_path):
    torch.set_num_threads(1)
    model = ModelConfig(segmenter="hybridgnet-autoencoders", input_size=64, latent=8)
    recipe = TrainConfig(epochs=3, precision="fp32", clip=None, landmark_loss="squared", average=0)
    metrics = train_segmenter(labelled, tmp_path / "w.safetensors", model, recipe, CPU, tmp_path / "history.csv")
    assert {"mse", "vector_mse", "image_mse"} == set(metrics["all"])
    assert 0 < metrics["heart"]["dice"] <= 1
    losses = np.genfromtxt(tmp_path / "history.csv", delimiter=",", names=True)["loss"]
    assert losses[-1] < losses[0]


def test_others_start_from_the_parts_they_share(weights, labelled, tmp_path):
    tensors, _ = read_weights(weights)
    for name, parts in SHARED.items():
        torch.manual_seed(1)
        network = build_model(name, SETTINGS)
        before = {key: value.clone() for key, value in network.state_dict().items()}
        start_from_parts(network, name, [weights])
        for key, value in network.state_dict().items():
            own = key.split(".")[0]
            expected = torch.from_numpy(tensors[key]) if own in parts else before[key]
            assert torch.equal(value, expected), key
    unet = build_model("hybridgnet-dual-unet", {"input_size": 64, "code": 8})
    start_from_parts(unet, "hybridgnet-dual-unet", [weights])
    assert np.array_equal(unet.body.encoder.mu.weight.detach().numpy(), tensors["encoder.mu.weight"])
    model = ModelConfig(segmenter="hybridgnet-dual-skips", input_size=64, latent=8)
    out = tmp_path / "dual.safetensors"
    train_segmenter(labelled, out, model, TrainConfig(epochs=1, precision="fp32"), CPU, parts_from=[weights])
    assert len(read_weights(out)[1]["training"]["parts_sha256"]) == 1


def test_parts_that_do_not_fit_are_refused(weights):
    with pytest.raises(CxrError, match=r"part 'encoder' of a hybridgnet-autoencoders does not fit a fc: 'encoder.blo"):
        start_from_parts(build_model("fc", {**SETTINGS, "channels": [8, 16, 32, 64, 128, 128]}), "fc", [weights])
    with pytest.raises(CxrError, match=r"'encoder.logvar.bias' is .8., expected .16.; give weights of the same graph"):
        start_from_parts(build_model("pca", {**SETTINGS, "latent": 16}), "pca", [weights])
    with pytest.raises(CxrError, match="for hybridgnet; this network has no parts to start from"):
        start_from_parts(build_model("hybridgnet", {**SETTINGS, "igsc": []}), "hybridgnet", [weights])
