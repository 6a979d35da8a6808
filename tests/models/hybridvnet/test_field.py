import numpy as np
import torch

from cxrfactory.models.hybridvnet.field import CHANNELS, REACH, PlaceField, read_field


def test_the_answer_has_the_size_of_the_finest_map():
    torch.manual_seed(0)
    field = PlaceField((16, 32, 64))
    maps = [torch.randn(2, 16, 4, 8, 8), torch.randn(2, 32, 4, 4, 4), torch.randn(2, 64, 2, 2, 2)]
    found = field(maps)
    assert found.shape == (2, field.channels, 4, 8, 8)
    assert field.channels == CHANNELS + 3
    maps[2] = maps[2] + 1  # the coarsest map is read too
    assert not torch.allclose(field(maps), found)


def test_a_node_reads_the_cell_that_it_lies_in():
    field = torch.zeros(1, CHANNELS + 3, 2, 4, 8)
    field[0, 5, 1, 2, 6] = 3.0
    middle = torch.tensor([[[6.5 / 8, 2.5 / 4, 1.5 / 2], [0.5 / 8, 0.5 / 4, 0.5 / 2]]])
    read = read_field(field, middle, middle[0])
    assert read.shape == (2, 1, CHANNELS + 3)
    np.testing.assert_allclose(read[:, 0, 5], [3, 0], atol=1e-6)


def test_a_node_reads_how_far_the_place_that_is_shown_is_from_its_own():
    """A heart that lies 0.05 to the right of the mean one: cells lead back, and only a node there is at its place."""
    field = torch.zeros(1, CHANNELS + 3, 4, 4, 4)
    field[0, -3] = -0.05 / REACH
    places = torch.tensor([[0.4, 0.5, 0.5], [0.6, 0.5, 0.5]])
    right = places + torch.tensor([0.05, 0.0, 0.0])
    np.testing.assert_allclose(read_field(field, right[None], places)[:, 0, -3:], 0, atol=1e-6)
    apart = read_field(field, places[None], places)[:, 0, -3:]
    np.testing.assert_allclose(apart, [[-0.5, 0, 0]] * 2, atol=1e-6)


def test_no_gradient_flows_to_the_nodes():
    field = torch.randn(1, CHANNELS + 3, 4, 4, 4, requires_grad=True)
    nodes = torch.full((1, 5, 3), 0.4, requires_grad=True)
    read_field(field, nodes, nodes[0].detach()).sum().backward()
    assert nodes.grad is None
    assert field.grad.abs().sum() > 0
