import subprocess
import sys

import numpy as np
import pytest
import torch

from cxrfactory.errors import CxrError
from cxrfactory.models import ModelKind, build_model, model_kind, model_names
from cxrfactory.models.registry import LANDMARK_MODELS, PIXEL_MODELS, segmenter_from_card


def test_names_are_registered_once_and_have_a_kind():
    assert {"hybridgnet", "unet", "unet-plus-plus", "attention-unet", "sa-unet", "res-cr-net", "unet-ht"} <= set(
        model_names()
    )
    assert not set(LANDMARK_MODELS) & set(PIXEL_MODELS)
    assert model_kind("hybridgnet") is ModelKind.LANDMARK
    assert model_kind("sa-unet") is ModelKind.PIXEL


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(CxrError, match=r"unknown segmenter 'resnet'; expected one of hybridgnet.*unet-ht"):
        build_model("resnet")


def test_names_alone_are_light():
    # Listing the models must not cost the import of what they are made of.
    code = (
        "import sys, cxrfactory.models; cxrfactory.models.model_names();"
        "print([each for each in ('torch', 'monai', 'segmentation_models_pytorch') if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_weights_fill_the_network_that_the_card_describes():
    settings = {"width": 2, "organs": ["lungs"], "input_size": 32}
    network = build_model("sa-unet", settings)
    tensors = {name: value.numpy() for name, value in network.state_dict().items()}
    again = segmenter_from_card({"segmenter": "sa-unet", "settings": network.settings()}, tensors)
    image = torch.rand(1, 1, 32, 32)
    assert torch.equal(network.eval()(image), again.eval()(image))
    tensors["body.head.bias"] = np.zeros(2, np.float32)
    with pytest.raises(CxrError, match=r"w: 1 tensors do not fit .*'body.head.bias': found \(2,\), expected \(1,\)"):
        segmenter_from_card({"segmenter": "sa-unet", "settings": network.settings()}, tensors, "w")


@pytest.mark.parametrize("name", LANDMARK_MODELS)
def test_landmark_models_share_one_answer(name):
    settings = {"graph": "lungs-heart", "input_size": 64, "igsc": [6, 5], "latent": 8}
    network = build_model(name, settings).for_inference()
    positions, stages, mu, logvar = network(torch.rand(1, 1, 64, 64))
    assert positions.shape == (1, 120, 2)
    assert mu.shape == logvar.shape == (1, 8)
    assert isinstance(stages, list)
    assert build_model(name, network.settings()).settings() == network.settings()


def test_names_alone_build_the_papers_sizes():
    assert build_model("hybridgnet").input_size == 1024
    assert build_model("res-cr-net").input_size == (300, 340)
