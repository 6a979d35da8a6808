import math

import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.models.losses import kl_divergence, landmark_loss


def test_kl_is_zero_for_the_prior_and_exact_elsewhere():
    assert float(kl_divergence(torch.zeros(3, 64), torch.zeros(3, 64))) == 0
    mu, logvar = torch.full((2, 4), 2.0), torch.full((2, 4), 1.0)
    expected = 0.5 * (math.e + 4 - 1 - 1)
    assert math.isclose(float(kl_divergence(mu, logvar)), expected, rel_tol=1e-6)


def test_organs_without_annotation_take_no_loss_and_no_gradient():
    graph = landmark_graph("lungs-heart")
    pooling = torch.from_numpy(graph.pooling()).float()
    positions = torch.rand(2, 120, 2, requires_grad=True)
    coarse = torch.rand(2, 60, 2, requires_grad=True)
    target = torch.rand(2, 94, 2)
    landmark_loss(positions, [coarse], target, pooling).backward()
    assert positions.grad[:, :94].abs().min() > 0
    assert positions.grad[:, 94:].abs().max() == 0
    assert coarse.grad[:, :47].abs().min() > 0
    assert coarse.grad[:, 47:].abs().max() == 0


def test_perfect_prediction_costs_nothing_and_a_known_one_is_exact():
    graph = landmark_graph("lungs")
    pooling = torch.from_numpy(graph.pooling()).float()
    target = torch.rand(1, 94, 2)
    assert float(landmark_loss(target, [pooling @ target, target], target, pooling)) < 1e-12
    assert math.isclose(float(landmark_loss(target + 0.1, [], target, pooling)), 0.01, rel_tol=1e-4)
