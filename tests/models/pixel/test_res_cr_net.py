import pytest
import torch

from cxrfactory.errors import CxrError
from cxrfactory.models import build_model
from cxrfactory.models.pixel.res_cr_net import LSTMBlock, ResCRNet, ResidualBlock, RowsLSTM


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
    assert trained(network) - head == 58_569
    # One LSTM block on 4 classes: 2 directions of rows and of columns with 4 gates and kernels 3 x 4.
    with_lstm = ResCRNet(3, 4, "released", blocks=5, filters=16, dropout=0.0, lstm_blocks=1)
    assert trained(with_lstm) - trained(network) == 2 * 2 * 4 * (3 * 4 + 3 * 4 + 1)
    assert trained(with_lstm) == 59_165


def test_the_papers_two_classes_are_lungs_and_background():
    network = build_model("res-cr-net", {"organs": ["lungs"], "outputs": "softmax"})
    assert trained(network) == 59_165
    assert network.settings()["outputs"] == "softmax"
    assert network(torch.rand(1, 1, 30, 34)).shape == (1, 1, 30, 34)


def test_an_lstm_block_carries_what_it_saw_along_its_row_and_its_column():
    torch.manual_seed(0)
    for layer, far in ((LSTMBlock(2), (4, 0)), (RowsLSTM(2), (0, 5))):
        image = torch.zeros(1, 2, 9, 11, requires_grad=True)
        layer(image)[0, :, 4, 5].sum().backward()
        reached = image.grad[0].abs().sum(0) > 0
        assert reached[:, 5].all() and reached[far]
    # In the neighbouring row, the kernels of the input and of the state reach two columns to either side.
    assert reached[3].nonzero().flatten().tolist() == [3, 4, 5, 6, 7]


def test_the_rows_lstm_equals_a_plain_loop():
    torch.manual_seed(1)
    layer, image = RowsLSTM(3), torch.randn(1, 3, 4, 5)
    expected = torch.zeros(1, 3, 4, 5)
    for inputs, states, order in zip(layer.inputs, layer.states, (range(4), range(3, -1, -1)), strict=True):
        hidden = cell = torch.zeros(1, 1, 5, 3)
        for row in order:
            gates = inputs(image[:, :, row].transpose(1, 2)[:, None]) + states(hidden)
            entry, forget, shown = (torch.sigmoid(gates[:, place : place + 1]) for place in (0, 1, 3))
            cell = forget * cell + entry * torch.tanh(gates[:, 2:3])
            hidden = shown * torch.tanh(cell)
            expected[:, :, row] += hidden[:, 0].transpose(1, 2)
    torch.testing.assert_close(layer(image), expected)


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
