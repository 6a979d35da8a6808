"""What every pixel segmenter promises, whatever its network."""

import pytest
import torch

from cxrfactory.errors import CxrError
from cxrfactory.models import build_model
from cxrfactory.models.pixel.losses import PIXEL_LOSSES
from cxrfactory.models.registry import PIXEL_MODELS

# This one has a code of the whole image, so it takes squares of one side; its tests are in tests/models/miccai.
ANY_SIZE = [name for name in PIXEL_MODELS if name != "hybridgnet-dual-unet"]
SMALL = {name: {"width": 4} for name in ANY_SIZE} | {
    "res-cr-net": {"filters": 2, "normalise": "none"},
    "unet-hybridgnet": {"channels": [2, 2, 4, 4, 8, 8]},
}


def make(name, **settings):
    torch.manual_seed(0)
    network = build_model(name, SMALL[name] | {"organs": ["right_lung", "left_lung", "heart"]} | settings)
    for layer in network.modules():  # a trained network's statistics are not those of a fresh one
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 2)
    return network


@pytest.mark.parametrize("name", ANY_SIZE)
def test_image_alone_is_image_in_a_batch(name):
    # In double precision: convolutions of other batch sizes may add in another order, and only that may differ.
    network = make(name).for_inference().double()
    images = torch.rand(3, 1, 48, 64, dtype=torch.float64)
    with torch.inference_mode():
        together = network(images)
        alone = torch.cat([network(image[None]) for image in images])
    assert together.shape == (3, 3, 48, 64)
    torch.testing.assert_close(alone, together, atol=1e-9, rtol=1e-9)
    assert (together[0] - together[1]).abs().max() > 1e-4  # the image does matter


@pytest.mark.parametrize("name", ANY_SIZE)
def test_any_size_and_repeatable(name):
    network = make(name).for_inference()
    image = torch.rand(1, 1, 45, 38)
    first = network(image)
    assert first.shape == (1, 3, 45, 38)
    assert torch.equal(first, network(image))
    assert torch.equal(network.masks(image), torch.sigmoid(first) >= 0.5)


@pytest.mark.parametrize("name", ANY_SIZE)
def test_settings_make_the_same_network_again(name):
    network = make(name, input_size=[40, 48], normalise="equalise")
    again = build_model(name, network.settings())
    assert again.settings() == network.settings()
    again.load_state_dict(network.state_dict())
    image = torch.rand(1, 1, 40, 48)
    assert torch.equal(network.eval()(image), again.eval()(image))


@pytest.mark.parametrize("name", ANY_SIZE)
def test_every_parameter_learns(name):
    network = make(name).train()
    images = torch.rand(2, 1, 48, 48)
    loss = PIXEL_LOSSES["dice-cross-entropy"](
        network(images), (torch.rand(2, 3, 48, 48) > 0.5).float(), torch.ones(2, 3, dtype=torch.bool)
    )
    loss.backward()
    assert [each for each, value in network.named_parameters() if value.grad is None] == []


@pytest.mark.parametrize("name", ["sa-unet", "res-cr-net"])
def test_learns_a_bright_square(name):
    torch.manual_seed(0)
    still = {"sa-unet": {"drop_chance": 0.0}, "res-cr-net": {"dropout": 0.0, "filters": 6}}[name]
    network = build_model(name, SMALL[name] | {"organs": ["square"]} | still)
    target = torch.zeros(4, 1, 32, 32)
    for index in range(4):
        target[index, :, 4 + 3 * index : 18 + 3 * index, 6:22] = 1
    images = 0.3 * torch.rand(4, 1, 32, 32) + 0.5 * target
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    annotated = torch.ones(4, 1, dtype=torch.bool)
    for _ in range(40):
        loss = PIXEL_LOSSES["tanimoto"](network(images), target, annotated)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = network.masks(images)
    dice = 2 * (found * target).sum() / (found.sum() + target.sum())
    assert dice > 0.97


def test_organs_come_from_the_graph_or_by_name():
    assert make("unet").organs == ("right_lung", "left_lung", "heart")
    model = {"segmenter": "unet", "graph": "lungs-heart-clavicles", "igsc": [6, 5], "latent": 64, "width": 2}
    network = build_model("unet", model | {"input_size": 128, "normalise": "none"})
    assert network.organs == ("right_lung", "left_lung", "heart", "right_clavicle", "left_clavicle")
    assert network.input_size == (128, 128)
    assert build_model("unet", {"organs": ["lungs_with_heart"], "width": 2}).organs == ("lungs_with_heart",)


def test_the_definition_comes_from_the_graph_and_stays_with_the_settings():
    whole = build_model("unet", {"graph": "whole-lungs", "width": 2})
    assert (whole.organs, whole.definition) == (("right_lung", "left_lung"), "whole-lungs")
    assert whole.settings()["definition"] == "whole-lungs"
    assert build_model("unet", whole.settings()).definition == "whole-lungs"
    assert build_model("unet", {"graph": "lungs", "width": 2}).definition == "jsrt"
    # Cards from before there were two.
    old = {name: value for name, value in make("unet").settings().items() if name != "definition"}
    assert build_model("unet", old).definition == "jsrt"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"definition": "mine"}, "unet: definition is 'mine'; expected one of jsrt, whole-lungs"),
        ({"widht": 4}, "unet: unknown setting 'widht'; expected any of .*width"),
        ({"width": 0}, "unet: width is 0; expected a positive whole number"),
        ({"dropout": 1.0}, "unet: dropout is 1.0; expected at least 0 and below 1"),
        ({"organs": []}, r"unet: organs is \[\]; expected a list of organ names"),
        ({"organs": "heart"}, "unet: organs is 'heart'; expected a list"),
        ({"organs": ["heart", "heart"]}, "names one twice"),
        ({"input_size": [1, 2, 3]}, r"input_size is \[1, 2, 3\]; expected a side or \[rows, columns\]"),
        ({"encoder": "resnet17"}, "encoder is 'resnet17'; expected 'plain' or an encoder"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(CxrError, match=message):
        build_model("unet", settings)


def test_wrong_image_is_named():
    with pytest.raises(CxrError, match=r"unet: image is \[1, 3, 32, 32\]; expected \[batch, 1, rows, columns\]"):
        make("unet")(torch.rand(1, 3, 32, 32))


@pytest.mark.parametrize("name", ["unet", "unet-plus-plus"])
def test_other_encoders(name):
    network = build_model(name, {"encoder": "resnet18", "organs": ["right_lung", "left_lung"]}).eval()
    image = torch.rand(1, 1, 40, 64)
    with torch.inference_mode():
        assert network(image).shape == (1, 2, 40, 64)
    assert network.settings()["encoder"] == "resnet18"
