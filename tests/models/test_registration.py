import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn
from torch.nn import functional

from cxrfactory.models.registration import WITHIN, Alignment, Description, RegistrationNet, Target, enlarge
from tests.rca.networks import tiny_network

SIDE = 32
IDENTITY = torch.eye(2, 3)[None]


@pytest.fixture(scope="module")
def network():
    return tiny_network(moving=0.01, input_size=SIDE)


def images(count, seed=0):
    """Smooth random pictures [count, 1, 32, 32]."""
    coarse = torch.rand(count, 1, 6, 6, generator=torch.Generator().manual_seed(seed))
    return functional.interpolate(coarse, size=SIDE, mode="bicubic").clamp(0, 1)


def no_displacement(count=1, cells=8):
    return torch.zeros(count, 2, cells, cells)


@pytest.mark.parametrize("side", [8, 20, 33])
def test_the_identity_is_the_centres_of_pixels(side):
    grid = Alignment(IDENTITY, no_displacement()).grid(side)[0].numpy()
    centres = (2 * np.arange(side) + 1) / side - 1
    np.testing.assert_allclose(grid[..., 0], np.tile(centres, (side, 1)), atol=1e-6)  # x along columns
    np.testing.assert_allclose(grid[..., 1], np.tile(centres[:, None], side), atol=1e-6)  # y along rows


def test_an_affine_map_warps_as_scipy_does():
    side = 24
    image = np.random.default_rng(0).random((side, side))
    affine = torch.tensor([[[0.9, 0.2, 0.15], [-0.1, 1.2, -0.3]]], dtype=torch.float64)
    grid = Alignment(affine, no_displacement().double()).grid(side)
    found = functional.grid_sample(torch.from_numpy(image)[None, None], grid, align_corners=False)[0, 0]
    # In pixels, u = (x + 1) side / 2 - 1/2, and scipy's order is (row, column).
    exchange = np.array([[0, 1], [1, 0]])
    matrix, shift = affine[0, :, :2].numpy(), affine[0, :, 2].numpy()
    centre = np.full(2, (side - 1) / 2)
    offset = centre - matrix @ centre + shift * side / 2
    expected = ndimage.affine_transform(
        image, exchange @ matrix @ exchange, exchange @ offset, order=1, mode="grid-constant", cval=0
    )
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_displacement_is_added_in_the_fixed_frame():
    field = no_displacement(cells=SIDE)
    field[:, 0], field[:, 1, 3, 5] = 0.25, -0.5
    turn = torch.tensor([[[0.0, -1, 0], [1, 0, 0]]])
    added = (Alignment(turn, field).grid(SIDE) - Alignment(turn, no_displacement()).grid(SIDE))[0]
    torch.testing.assert_close(added[..., 0], torch.full((SIDE, SIDE), 0.25))
    assert added[3, 5, 1] == pytest.approx(-0.5)  # [row, column], though the turn moves that point elsewhere
    assert torch.count_nonzero(added[..., 1].abs() > 1e-6) == 1


def test_a_field_of_cells_is_interpolated_between_their_centres():
    cells = torch.arange(4.0).expand(1, 2, 4, 4)
    fine = enlarge(cells, 8)[0, 0, 0]
    torch.testing.assert_close(fine, torch.tensor([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]))
    assert enlarge(cells, 4) is cells


def test_an_untrained_network_is_nearly_the_identity():
    net = tiny_network(input_size=SIDE)
    with torch.inference_mode():
        found = net(images(3), images(3, seed=1)).grid(SIDE)
    torch.testing.assert_close(
        found, Alignment(IDENTITY, no_displacement()).grid(SIDE).expand_as(found), atol=0.01, rtol=0
    )


def test_descriptions_are_chosen_repeated_and_joined(network):
    with torch.inference_mode():
        whole = network.describe(images(4))
        parts = [network.describe(each[None]) for each in images(4)]
    assert len(whole) == 4
    assert [each.shape[-1] for each in whole.maps] == [SIDE // 4, SIDE // 8, SIDE // 16]
    for one, other in zip(Description.join(parts).maps, whole.maps, strict=True):
        torch.testing.assert_close(one, other)
    repeated = whole[[2, 0, 2]]
    assert len(repeated) == 3
    for one, other in zip(repeated.maps, whole.maps, strict=True):
        torch.testing.assert_close(one, other[[2, 0, 2]])


def test_pairs_are_aligned_each_for_itself(network):
    with torch.inference_mode():
        whole = network.describe(images(3))
        together = network.align(whole[[0, 1, 2]], whole[[1, 2, 0]])
        alone = [network.align(whole[[one]], whole[[other]]) for one, other in ((0, 1), (1, 2), (2, 0))]
        direct = network(images(3), images(3)[[1, 2, 0]])
    for name in ("affine", "displacement"):
        torch.testing.assert_close(getattr(together, name), torch.cat([getattr(each, name) for each in alone]))
        torch.testing.assert_close(getattr(together, name), getattr(direct, name))
    assert (together.displacement[0] - together.displacement[1]).abs().max() > 0.01
    assert together.displacement.shape == (3, 2, SIDE // 4, SIDE // 4)


def test_folding_keeps_the_answer():
    plain, folded = tiny_network(moving=0.01, input_size=SIDE), tiny_network(moving=0.01, input_size=SIDE)
    for net in (plain, folded):
        for number, module in enumerate(each for each in net.modules() if isinstance(each, nn.BatchNorm2d)):
            generator = torch.Generator().manual_seed(number)
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
            nn.init.uniform_(module.bias, -0.2, 0.2, generator=generator)
    folded.train()
    assert folded.for_inference() is folded
    assert not [each for each in folded.modules() if isinstance(each, nn.BatchNorm2d)]
    with torch.inference_mode():
        one, other = (net(images(2), images(2, seed=1)) for net in (plain, folded))
        torch.testing.assert_close(one.displacement, other.displacement, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(one.affine, other.affine, atol=1e-5, rtol=1e-4)
        summaries = [net.summary(net.describe(images(2))) for net in (plain, folded)]
    torch.testing.assert_close(*summaries, atol=1e-5, rtol=1e-4)
    assert one.displacement.abs().max() > 0.01


def test_a_network_is_built_again_from_its_settings():
    first = tiny_network(input_size=48, channels=(2, 3, 4, 5, 6))
    assert first.settings() == {"input_size": 48, "channels": [2, 3, 4, 5, 6]}
    second = RegistrationNet(**first.settings())
    assert second.settings() == first.settings()
    shapes = [{name: value.shape for name, value in net.state_dict().items()} for net in (first, second)]
    assert shapes[0] == shapes[1]


def test_a_negative_is_another_picture(network):
    with torch.inference_mode():
        film, negative = (network.summary(network.describe(each)) for each in (images(1), 1 - images(1)))
    assert (film - negative).abs().max() > 0.01


def described(net, summaries):
    """Descriptions of given summaries: maps of that mean and deviation."""
    _, _, _, middle, coarse = net.channels
    pattern = torch.randn(1, 1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    pattern = (pattern - pattern.mean()) / pattern.std()
    means_and_deviations = summaries.double().split([coarse, coarse, middle, middle], dim=1)
    coarse_mean, coarse_std, middle_mean, middle_std = (each[..., None, None] for each in means_and_deviations)
    maps = [middle_mean + middle_std * pattern, coarse_mean + coarse_std * pattern]
    return Description((torch.zeros(len(summaries), 1, 8, 8), *(each.float() for each in maps)))


def samples(count, features, seed):
    mixed = torch.randn(features, features, generator=torch.Generator().manual_seed(7)) * 0.1
    return (
        torch.randn(count, features, generator=torch.Generator().manual_seed(seed)) @ mixed + 25
    )  # deviations stay positive, far away too


def test_summaries_are_mean_and_deviation_of_the_coarser_maps():
    net = tiny_network()
    wanted = samples(3, len(net.usual), 0).abs()
    torch.testing.assert_close(net.summary(described(net, wanted)), wanted, atol=1e-5, rtol=1e-5)


def test_typicality_is_one_within_and_falls_with_the_square_of_the_distance():
    net = tiny_network()
    features = len(net.usual)
    train, held_out = samples(400, features, 1), samples(300, features, 2)
    net.learn_usual(train, held_out)
    with torch.inference_mode():
        assert net.typicality(described(net, train.mean(dim=0, keepdim=True))).item() == 1
        kept = net.typicality(described(net, held_out)) == 1
        assert WITHIN <= kept.float().mean() < 1  # the one percent that reaches the limit
        direction = held_out[:1] - train.mean(dim=0)
        far = torch.cat([train.mean(dim=0) + step * direction for step in (5.0, 10.0, 20.0)])
        distance, typicality = net.distance(described(net, far)), net.typicality(described(net, far))
    torch.testing.assert_close(distance, distance[0] * torch.tensor([1.0, 2.0, 4.0]), rtol=1e-3, atol=0)
    torch.testing.assert_close(typicality, (net.limit / distance) ** 2)
    assert typicality[0] < 1
    torch.testing.assert_close(typicality, typicality[0] / torch.tensor([1.0, 4.0, 16.0]), rtol=2e-3, atol=0)


def test_distance_is_mahalanobis_by_the_shrunk_covariance():
    net = tiny_network()
    train, held_out = samples(200, len(net.usual), 1), samples(50, len(net.usual), 2)
    net.learn_usual(train, held_out)
    values = train.double().numpy()
    spread = np.cov(values.T)
    spread += 0.3 * np.trace(spread) / len(spread) * np.eye(len(spread))
    away = held_out.double().numpy() - values.mean(axis=0)
    expected = np.sqrt(np.einsum("ni,ij,nj->n", away, np.linalg.inv(spread), away))
    with torch.inference_mode():
        found = net.distance(described(net, held_out)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    np.testing.assert_allclose(net.limit.item(), np.quantile(expected, WITHIN), rtol=1e-3)


def test_before_anything_is_learned_all_is_typical():
    net = tiny_network()
    with torch.inference_mode():
        assert (net.typicality(net.describe(images(2))) == 1).all()


def test_a_target_kept_ready_gives_the_same_alignment():
    net = tiny_network(moving=0.05, input_size=SIDE).for_inference()
    with torch.inference_mode():
        moving, fixed = net.describe(images(3)), net.describe(images(3, seed=1))
        plain = net.align(moving, fixed)
        ready = net.align(moving, Target.join([net.target(fixed[[each]]) for each in range(3)]))
    assert plain.displacement.abs().max() > 1e-4
    torch.testing.assert_close(ready.affine, plain.affine)
    torch.testing.assert_close(ready.displacement, plain.displacement, rtol=1e-4, atol=1e-6)
