import itertools

import numpy as np
import pytest
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.errors import CxrError
from cxrfactory.models.hybridgnet import HybridGNet, build, sample_window
from cxrfactory.models.registry import segmenter_from_card


def make(size=64, igsc=(6, 5), graph="lungs-heart", seed=0, passes=0):
    torch.manual_seed(seed)
    network = HybridGNet(landmark_graph(graph), size, igsc, passes=passes)
    for layer in network.modules():  # a trained network's statistics are not those of a fresh one
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 2)
    return network


def test_size_at_1024_is_the_papers():
    with torch.device("meta"):
        settings = {"graph": "lungs-heart", "input_size": 1024, "igsc": [6, 5], "latent": 64}
    network = build(settings)
    assert round(sum(each.numel() for each in network.parameters()) / 1e6, 1) == 17.5


@pytest.mark.parametrize("igsc", [(6, 5), (5, 4), (6,), ()])
@pytest.mark.parametrize("graph", ["lungs", "lungs-heart", "lungs-heart-clavicles"])
def test_shapes_and_supervised_stages(igsc, graph):
    network = make(96, igsc, graph).eval()
    positions, stages, mu, logvar = network(torch.rand(2, 1, 96, 96))
    nodes = landmark_graph(graph).nodes
    assert positions.shape == (2, nodes, 2)
    assert mu.shape == logvar.shape == (2, 64)
    assert [each.shape[1] for each in stages] == [sum(landmark_graph(graph).pooled_counts), nodes][: len(igsc)]


def test_coordinates_tell_a_skip_connection_where_its_node_is():
    settings = make().settings()
    assert "coordinates" not in settings  # cards of earlier versions stay as they are
    network = build(settings | {"coordinates": True}).eval()
    assert build(network.settings()).settings() == network.settings()
    plain = sum(each.numel() for each in make().parameters())
    assert sum(each.numel() for each in network.parameters()) - plain == 6 * 2 * (16 + 16)  # orders, x and y, widths
    with torch.no_grad():
        network.conv5.weight.zero_()
        network.conv5.bias.zero_()
        network.conv5.weight[16 + 128] = (
            1.0  # x of the node itself: channels of the node and of the map stand before it
        )
        network.norms[4] = torch.nn.Identity()
        network.conv6.weight.normal_()
        encoded = network.encode(torch.rand(1, 1, 64, 64))
        positions, stages = network.decode(encoded, encoded.mu.unsqueeze(1))
        place = stages[-1][0, 0, :, 0] - 0.5
        seen = torch.relu(place).unsqueeze(-1).expand(-1, 16)
        torch.testing.assert_close(positions[0, 0], network.mean_shape + 0.1 * network.conv6(seen))


@pytest.mark.parametrize("passes", [1, 2, 3])
def test_a_pass_corrects_where_the_one_before_ended(passes):
    network = make(passes=passes).eval()
    with torch.inference_mode():
        encoded = network.encode(torch.rand(2, 1, 64, 64))
        positions, stages = network.decode(encoded, encoded.mu.unsqueeze(1))
        assert [each.shape[2] for each in stages] == [60] + [120] * passes
        assert [bool((one != other).any()) for one, other in itertools.pairwise([*stages[1:], positions])] == [
            True
        ] * passes
        # A last layer that says nothing leaves everything where the second stage put it.
        torch.nn.init.zeros_(network.conv6.weight)
        torch.nn.init.zeros_(network.conv6.bias)
        positions, stages = network.decode(encoded, encoded.mu.unsqueeze(1))
        assert torch.equal(positions, stages[1])
        # And a second stage that says nothing, where the first put it.
        torch.nn.init.zeros_(network.position2.weight)
        torch.nn.init.zeros_(network.position2.bias)
        positions, stages = network.decode(encoded, encoded.mu.unsqueeze(1))
        offset = stages[0] - network.pooling @ network.mean_shape
        torch.testing.assert_close(positions, network.mean_shape + network.unpooling @ offset, atol=1e-6, rtol=0)


def test_fewer_passes_are_the_first_of_many():
    many, few = make(passes=3).eval(), make(passes=2).eval()
    image = torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(few(image)[0], many(image)[1][-1], atol=1e-6, rtol=0)


def test_passes_need_windows():
    with pytest.raises(CxrError, match="model passes is 2 with igsc"):
        make(igsc=(6,), passes=2)


def test_inference_depends_on_the_image_alone():
    network = make(passes=2).eval()
    images = torch.rand(5, 1, 64, 64)
    with torch.inference_mode():
        together = network(images)[0]
        alone = torch.cat([network(each[None])[0] for each in images])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)


def test_folding_changes_nothing_but_speed():
    images = torch.rand(2, 1, 64, 64)
    plain, folded = make().eval(), make().for_inference()
    with torch.inference_mode():
        torch.testing.assert_close(plain(images)[0], folded(images)[0], atol=1e-5, rtol=0)


def test_many_codes_decode_as_each_alone():
    network = make().eval()
    with torch.inference_mode():
        encoded = network.encode(torch.rand(2, 1, 64, 64))
        z = torch.randn(2, 3, 64)
        together = network.decode(encoded, z)[0]
        for sample in range(3):
            alone = network.decode(encoded, z[:, sample : sample + 1])[0][:, 0]
            torch.testing.assert_close(together[:, sample], alone, atol=1e-6, rtol=0)


def test_window_is_the_mean_of_nine_samples():
    features = torch.rand(1, 4, 9, 7)
    inside = torch.rand(1, 20, 2) * 0.5 + 0.25
    found = sample_window(features, inside)
    expected = torch.zeros(1, 20, 4)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            grid = (inside + torch.tensor([dx / 7, dy / 9])) * 2 - 1
            each = torch.nn.functional.grid_sample(features, grid[:, :, None], align_corners=False)
            expected += each[..., 0].transpose(1, 2) / 9
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_skip_connections_read_where_the_position_points():
    features = torch.zeros(1, 1, 8, 8)
    features[0, 0, 2, 5] = 9.0  # row 2, column 5
    centre = torch.tensor([[[5.5 / 8, 2.5 / 8], [2.5 / 8, 5.5 / 8]]])  # (x, y)
    torch.testing.assert_close(sample_window(features, centre)[0, :, 0], torch.tensor([1.0, 0.0]))


@pytest.mark.parametrize("size", [0, 16, 100, 1000])
def test_odd_input_sizes_are_refused(size):
    with pytest.raises(CxrError, match="multiple of 32"):
        HybridGNet(landmark_graph("lungs"), size)


def test_skip_blocks_are_checked():
    with pytest.raises(CxrError, match="igsc"):
        HybridGNet(landmark_graph("lungs"), 64, (7,))


def test_weights_of_another_graph_are_refused_by_name():
    lungs = make(graph="lungs")
    tensors = {name: value.numpy() for name, value in lungs.state_dict().items()}
    card = {"segmenter": "hybridgnet", "settings": make().settings()}
    with pytest.raises(CxrError, match=r"w\.safetensors: \d+ tensors do not fit.*lungs-heart.*found .*expected"):
        segmenter_from_card(card, tensors, "w.safetensors")


def test_card_makes_the_same_network_again():
    network = make()
    tensors = {name: value.numpy() for name, value in network.state_dict().items()}
    again = segmenter_from_card({"segmenter": "hybridgnet", "settings": network.settings()}, tensors)
    image = torch.rand(1, 1, 64, 64)
    np.testing.assert_array_equal(network.eval()(image)[0].detach(), again.eval()(image)[0].detach())
