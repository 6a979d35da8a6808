import math

import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.models.losses import ALONG, SCALE, contour_error, kl_divergence, landmark_loss


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


def test_a_circle_that_is_too_large_is_wrong_across_and_one_that_is_turned_along():
    angle = torch.arange(44) / 44 * 2 * math.pi
    circle = 0.3 * torch.stack([torch.cos(angle), torch.sin(angle)], -1)[None]
    larger = float(contour_error(circle * 1.2 + 0.5, circle + 0.5, [slice(0, 44)]))
    assert math.isclose(larger, SCALE * (math.hypot(0.06, 1e-3) - 1e-3), rel_tol=1e-4)
    turn = 2 * math.asin(0.1)  # a chord of a fifth of the radius, half the turn away from the tangent
    rotation = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    turned = float(contour_error(circle @ rotation.T + 0.5, circle + 0.5, [slice(0, 44)]))
    across, along = 0.06 * math.sin(turn / 2), 0.06 * math.cos(turn / 2)
    expected = SCALE * (math.hypot(across, 1e-3) + ALONG * math.hypot(along, 1e-3) - (1 + ALONG) * 1e-3)
    assert math.isclose(turned, expected, rel_tol=1e-4)


def test_contours_beyond_the_annotation_take_no_loss():
    graph = landmark_graph("lungs-heart")
    positions = torch.rand(2, 120, 2, requires_grad=True)
    pooling = torch.from_numpy(graph.pooling()).float()
    landmark_loss(positions, [], torch.rand(2, 94, 2), pooling, list(graph.slices.values())).backward()
    assert positions.grad[:, :94].abs().min() > 0
    assert positions.grad[:, 94:].abs().max() == 0


def test_every_image_of_a_batch_has_its_own_annotation_at_both_resolutions():
    graph = landmark_graph("lungs-heart")
    pooling = torch.from_numpy(graph.pooling()).float()
    contours = list(graph.slices.values())
    target = torch.rand(3, 120, 2)
    target[0, 94:] = torch.nan  # lungs alone
    target[1, :94] = torch.nan  # the heart alone
    target[2] = torch.nan  # nothing
    for given in ([], contours):
        positions = torch.rand(3, 120, 2, requires_grad=True)
        coarse = torch.rand(3, 60, 2, requires_grad=True)
        loss = landmark_loss(positions, [coarse], target, pooling, given)
        loss.backward()
        assert loss.isfinite()
        for found, lungs in ((positions.grad, 94), (coarse.grad, 47)):
            assert found.isfinite().all()
            assert found[0, :lungs].abs().min() > 0
            assert found[1, lungs:].abs().min() > 0
            assert found[0, lungs:].abs().max() == found[1, :lungs].abs().max() == found[2].abs().max() == 0
        nothing = landmark_loss(positions, [coarse], target[2:].expand(3, -1, -1), pooling, given)
        assert nothing == 0


def test_a_mixed_batch_costs_what_its_parts_cost():
    graph = landmark_graph("lungs-heart")
    pooling = torch.from_numpy(graph.pooling()).float()
    positions, target = torch.rand(2, 120, 2), torch.rand(2, 120, 2)
    target[1, 94:] = torch.nan
    contours = list(graph.slices.values())
    together = contour_error(positions, target, contours)
    alone = [contour_error(positions[i : i + 1], target[i : i + 1], contours) for i in range(2)]
    torch.testing.assert_close(together, (120 * alone[0] + 94 * alone[1]) / 214)
    part = landmark_loss(positions[1:], [], target[1:, :94], pooling)  # the first nodes alone
    torch.testing.assert_close(landmark_loss(positions[1:], [], target[1:], pooling), part)
