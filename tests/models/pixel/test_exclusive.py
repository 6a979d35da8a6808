import pytest
import torch

from cxrfactory.errors import CxrError
from cxrfactory.models import build_model
from cxrfactory.models.pixel.exclusive import Exclusive


def test_the_sigmoid_of_an_exclusive_logit_is_the_softmax():
    torch.manual_seed(0)
    network = Exclusive(torch.nn.Conv2d(1, 5, 1))
    image = torch.randn(2, 1, 6, 7) * 3
    expected = torch.softmax(network.body(image), 1)[:, 1:]
    torch.testing.assert_close(torch.sigmoid(network(image)), expected, atol=2e-6, rtol=0)


def test_at_most_one_organ_has_a_pixel():
    torch.manual_seed(1)
    network = build_model("unet", {"organs": ["a", "b", "c"], "outputs": "softmax", "width": 4}).eval()
    masks = network.masks(torch.rand(1, 1, 32, 48))
    assert masks.shape == (1, 3, 32, 48)
    assert int(masks.sum(1).max()) <= 1


def test_a_certain_pixel_keeps_a_finite_logit_and_gradient():
    network = Exclusive(torch.nn.Identity())
    scores = torch.tensor([0.0, 200.0, -200.0]).reshape(1, 3, 1, 1).requires_grad_()
    logits = network(scores)
    logits.sum().backward()
    assert torch.isfinite(logits).all() and torch.isfinite(scores.grad).all()
    assert logits[0, 0, 0, 0] > 13 and logits[0, 1, 0, 0] < -100


def test_settings_make_the_network_again_and_unknown_outputs_are_named():
    network = build_model("unet", {"organs": ["a"], "outputs": "softmax", "width": 4})
    again = build_model("unet", network.settings())
    assert again.settings() == network.settings()
    assert "outputs" not in build_model("unet", {"organs": ["a"], "width": 4}).settings()
    with pytest.raises(CxrError, match="outputs is 'relu'; expected one of sigmoid, softmax"):
        build_model("unet", {"outputs": "relu"})
