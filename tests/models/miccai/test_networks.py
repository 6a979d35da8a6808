"""The first HybridGNet: sizes of the article's tables, one code for both decoders, and skip connections to one only."""

import pytest
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.errors import CxrError
from cxrfactory.models.miccai.hybridgnet import HybridGNetDual, HybridGNetMiccai
from cxrfactory.models.miccai.parts import CHANNELS, DenseDecoder
from cxrfactory.models.networks import HasDenseHead, LearnsRegions
from cxrfactory.models.registry import build_model

GRAPH = landmark_graph("lungs-heart-clavicles")


@pytest.fixture(scope="module")
def images():
    return torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(1))


def test_layers_have_the_sizes_of_the_supplement():
    assert GRAPH.nodes == 166
    network = HybridGNetMiccai(GRAPH, 512)
    assert network.encoder.mu.weight.shape == network.encoder.logvar.weight.shape == (64, 65536)
    assert network.decoder.expand.weight.shape == (166 * 16, 64)
    layers = [layer.weight.shape for layer in network.decoder.convolutions]
    assert layers == [(6 * 16, 16)] * 4 + [(6 * 16, 2)]
    dense = DenseDecoder(512, 64)
    assert dense.expand.weight.shape == (65536, 64)
    assert [(block.conv1.in_channels, block.conv1.out_channels) for block in dense.blocks] == [
        (64, 64), (64, 32), (32, 16), (16, 8)
    ]  # fmt: skip


def test_both_decoders_read_one_code_and_skips_reach_the_masks_alone(images):
    torch.manual_seed(0)
    network = HybridGNetDual(GRAPH, 64, 8, skips=True).eval()
    assert isinstance(network, LearnsRegions)
    assert not isinstance(network, HasDenseHead)  # its masks do not move its landmarks
    encoded = network.encode(images)
    assert set(encoded.maps) == {1, 2, 3, 4}
    code = encoded.mu + 1
    assert network.dense_answer(encoded, code).shape == (2, 5, 64, 64)
    assert not torch.equal(network.dense_answer(encoded, code), network.dense_answer(encoded, encoded.mu))
    other = type(encoded)({number: -each for number, each in encoded.maps.items()}, encoded.mu, encoded.logvar)
    assert not torch.equal(network.dense_answer(other, code), network.dense_answer(encoded, code))
    here, there = (network.decode(each, code.unsqueeze(1))[0] for each in (encoded, other))
    assert torch.equal(here, there)
    assert here.shape == (2, 1, 166, 2)
    plain = HybridGNetDual(GRAPH, 64, 8).eval()
    plain.load_state_dict(network.state_dict())
    assert torch.equal(plain.dense_answer(encoded, code), plain.dense_answer(other, code))


@pytest.mark.parametrize("name", ["hybridgnet-miccai", "hybridgnet-dual-skips"])
def test_inference_computes_what_training_does(images, name):
    torch.manual_seed(0)
    settings = {"graph": GRAPH.name, "input_size": 64, "latent": 8}
    network = build_model(name, settings).eval()
    torch.nn.init.normal_(network.encoder.mu.weight, std=1.0)
    torch.nn.init.normal_(network.decoder.convolutions[-1].weight, std=1.0)
    with torch.inference_mode():
        expected = network(images)[0]
        found = network.for_inference()(images)[0]
    assert float((expected - expected[:1]).abs().max()) > 0.01  # it depends on the image
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_the_unet_needs_its_own_square():
    network = build_model("hybridgnet-dual-unet", {"input_size": 64, "organs": ["lungs", "heart"], "code": 8})
    assert network.eval()(torch.rand(1, 1, 64, 64)).shape == (1, 2, 64, 64)
    assert build_model("hybridgnet-dual-unet", network.settings()).settings() == network.settings()
    assert len(network.body.dense.blocks) == len(CHANNELS) - 1
    with pytest.raises(CxrError, match=r"image is \[96, 96\]; this network expects 64 squared"):
        network(torch.rand(1, 1, 96, 96))
    with pytest.raises(CxrError, match="input_size is 64 x 96; its code needs one side"):
        build_model("hybridgnet-dual-unet", {"input_size": [64, 96]})
