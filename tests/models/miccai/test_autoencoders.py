"""Autoencoders: what each answers, that they share no weight, and that they segment nothing."""

import pytest
import torch

from cxrfactory.errors import CxrError
from cxrfactory.models.networks import Rebuilds
from cxrfactory.models.registry import build_model, segmenter_from_card
from cxrfactory.models.segmenter import Segmenter

SETTINGS = {"graph": "lungs-heart", "input_size": 64, "latent": 8}


def network():
    torch.manual_seed(0)
    return build_model("hybridgnet-autoencoders", SETTINGS)


def touched(loss, of):
    of.zero_grad()
    loss.backward()
    return {name.split(".")[0] for name, each in of.named_parameters() if each.grad is not None}


def test_every_autoencoder_has_weights_of_its_own():
    made = network()
    assert isinstance(made, Rebuilds)
    noise = torch.randn(3, 2, 8)
    rebuilt, wanted = made.rebuild_images(torch.rand(2, 1, 64, 64), noise[0])
    assert rebuilt.answer.shape == wanted.shape == (2, 1, 64, 64)
    graph, vector = made.rebuild_shapes(torch.rand(2, 120, 2), noise[1:])
    assert graph.answer.shape == vector.answer.shape == (2, 120, 2)
    sets = [touched(each.answer.sum(), made) for each in (rebuilt, graph, vector)]
    assert sets == [{"encoder", "dense", "head"}, {"graph_encoder", "decoder"}, {"vector_encoder", "hidden", "output"}]


def test_the_mean_of_the_code_is_decoded_without_noise():
    made = network()
    shapes = torch.rand(2, 120, 2)
    still = torch.zeros(2, 2, 8)
    for one, other in zip(made.rebuild_shapes(shapes), made.rebuild_shapes(shapes, still), strict=True):
        assert torch.equal(one.answer, other.answer)


def test_they_cannot_be_opened_as_a_segmenter():
    made = network()
    tensors = {name: value.numpy().copy() for name, value in made.state_dict().items()}
    card = {"segmenter": "hybridgnet-autoencoders", "settings": made.settings()}
    assert segmenter_from_card(card, tensors).settings() == made.settings()
    with pytest.raises(CxrError, match="weights of autoencoders, which segment nothing"):
        Segmenter(tensors, card)
