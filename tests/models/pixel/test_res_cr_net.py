import pytest
import torch

from cxrfactory.errors import CxrError
from cxrfactory.models import build_model
from cxrfactory.models.pixel.res_cr_net import ResCRNet, ResidualBlock


def trained(network):
    return sum(each.numel() for each in network.parameters() if each.requires_grad)


def test_published_number_of_parameters():
    network = build_model("res-cr-net")
    assert trained(network) == 59_165
    assert network.input_size == (300, 340)
    assert network.normalise == "equalise"
    blocks = [each for each in network.body if isinstance(each, ResidualBlock)]
    assert len(blocks) == 1 + 4
    for block in blocks:
        assert block.shortcut.out_channels == 48
        for branch, kernel, dilation in zip(block.branches, (3, 5, 7), (1, 3, 5), strict=True):
            wide = [each for each in branch if isinstance(each, torch.nn.Conv2d) and each.kernel_size != (1, 1)]
            assert all(each.kernel_size == (kernel,) * 2 and each.dilation == (dilation,) * 2 for each in wide)
            assert all(each.groups == each.in_channels for each in wide)
            assert branch[-1].out_channels == 16


def test_released_code_has_another_number_under_the_same_settings():
    assert trained(build_model("res-cr-net", {"layout": "released"})) == 47_189


def test_released_code_has_the_published_number_as_set_for_microscopy():
    head = 48 * 4 + 4
    network = ResCRNet(3, 4, "released", blocks=5, filters=16, dropout=0.0)
    # One LSTM block on 4 classes: projection, and 2 directions of rows and of columns with 4 gates and kernels 3 x 4.
    lstm = head + 2 * 2 * 4 * (3 * 4 + 3 * 4 + 1)
    assert trained(network) - head == 58_569
    assert 58_569 + lstm == 59_165


@pytest.mark.parametrize("layout", ["normalised", "released"])
def test_resolution_never_changes_and_reach_is_that_of_the_kernels(layout):
    torch.manual_seed(0)
    block = ResidualBlock(1, 2, stem=True, layout=layout).eval()
    image = torch.zeros(1, 1, 121, 121, requires_grad=True)
    out = block(image)
    assert out.shape == (1, 6, 121, 121)
    (out[0, :, 60, 60] * torch.randn(6)).sum().backward()
    rows = image.grad[0, 0].abs().sum(1).nonzero()
    convolutions = 3 if layout == "normalised" else 2
    assert int(rows.max()) - 60 == 60 - int(rows.min()) == convolutions * 5 * 3


def test_unknown_layout_is_named():
    with pytest.raises(CxrError, match="layout is 'dense'; expected one of normalised, released"):
        build_model("res-cr-net", {"layout": "dense"})
