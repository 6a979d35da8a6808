import pytest
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.models.chebyshev import ChebConv, chebyshev_basis
from cxrfactory.models.hybridgnet import HybridGNet
from cxrfactory.models.ring_conv import RingConv, use_rings


@pytest.mark.parametrize("graph", ["heart", "lungs", "lungs-heart-clavicles"])
@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("order", [1, 2, 6])
def test_it_is_the_trained_layer_up_to_rounding(graph, pooled, order):
    torch.manual_seed(0)
    graph = landmark_graph(graph)
    counts = graph.pooled_counts if pooled else [where.stop - where.start for where in graph.slices.values()]
    trained = ChebConv(chebyshev_basis(graph.pooled_adjacency() if pooled else graph.adjacency(), order), 5, 3)
    torch.nn.init.normal_(trained.bias)
    ring = RingConv(trained, counts)
    for shape in ((2, sum(counts), 5), (2, 3, sum(counts), 5)):
        x = torch.randn(shape)
        torch.testing.assert_close(ring(x), trained(x), atol=1e-5, rtol=1e-5)
    assert sum(each.numel() for each in ring.parameters()) == sum(each.numel() for each in trained.parameters())


def test_sums_begin_with_the_bias_and_go_outwards_in_one_order():
    """Sums in this order, in single precision, equal the layer's to the bit, for one image and among others."""
    torch.manual_seed(0)
    graph = landmark_graph("lungs-heart")
    counts = [where.stop - where.start for where in graph.slices.values()]
    trained = ChebConv(chebyshev_basis(graph.adjacency(), 6), 8, 4)
    torch.nn.init.normal_(trained.bias)
    ring, x = RingConv(trained, counts), torch.randn(7, graph.nodes, 8)
    with torch.inference_mode():
        terms = (x.reshape(-1, 8) @ ring.weight).reshape(7, graph.nodes, 6, 4)
        parts = []
        for part in terms.split(counts, dim=1):
            total = part[:, :, 0] + ring.bias
            for step in range(1, 6):
                total = total + part[:, :, step].roll(step, 1) + part[:, :, step].roll(-step, 1)
            parts.append(total)
        assert torch.equal(ring(x), torch.cat(parts, 1))
        assert torch.equal(ring(x)[3], ring(x[3:4])[0])
    wanted = x.requires_grad_()
    ring(wanted).sum().backward()
    assert wanted.grad.abs().sum() > 0


def test_cycles_shorter_than_the_reach_wrap_around():
    torch.manual_seed(0)
    cycle = torch.roll(torch.eye(3), 1, 0) + torch.roll(torch.eye(3), -1, 0)
    trained = ChebConv(chebyshev_basis(cycle.numpy(), 6), 4, 2)
    x = torch.randn(1, 3, 4)
    torch.testing.assert_close(RingConv(trained, [3])(x), trained(x), atol=1e-5, rtol=1e-5)


def test_every_graph_convolution_of_a_network_is_replaced():
    network = HybridGNet(landmark_graph("lungs-heart"), 64)
    use_rings(network, network.graph)
    assert not [each for each in network.modules() if isinstance(each, ChebConv)]
    assert len([each for each in network.modules() if isinstance(each, RingConv)]) == 8
