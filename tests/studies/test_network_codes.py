import numpy as np
import pytest
import torch

from cxrfactory.models.registry import build_segmenter
from cxrfactory.models.segmenter import Segmenter
from cxrfactory.studies.network_codes import encoder_of
from cxrfactory.tables.weights import read_weights, write_weights

MORE = ("normalisation", "data", "metrics")
SETTINGS = {
    "hybridgnet": {"graph": "lungs", "input_size": 64, "igsc": [4, 3], "latent": 8},
    "unet": {"graph": "lungs", "input_size": 64, "width": 4, "outputs": "softmax"},
    "unet-ht": {"graph": "lungs", "input_size": 64, "width": 4},
}


@pytest.fixture
def weights(request, tmp_path):
    torch.manual_seed(0)
    network = build_segmenter(request.param, SETTINGS[request.param])
    path = tmp_path / "weights.safetensors"
    card = {"segmenter": request.param, "settings": network.settings()} | {key: {} for key in MORE}
    write_weights(path, {name: value.numpy() for name, value in network.state_dict().items()}, card)
    return path


@pytest.mark.parametrize(("weights", "size"), [("hybridgnet", 8), ("unet", 64), ("unet-ht", 64)], indirect=["weights"])
def test_codes_have_the_size_of_the_code_or_the_bottleneck(weights, size):
    encode = encoder_of(weights, "cpu")
    image = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    assert encode(image).shape == (size,)
    np.testing.assert_array_equal(encode(image), encode(image))
    assert not np.array_equal(encode(image), encode(255 - image))


@pytest.mark.parametrize("weights", ["hybridgnet"], indirect=True)
def test_a_landmark_network_gives_its_latent_mean(weights):
    image = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    segmenter = Segmenter(*read_weights(weights))
    np.testing.assert_array_equal(encoder_of(weights, "cpu")(image), segmenter.latent_mean(image))
