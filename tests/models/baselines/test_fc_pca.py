import json

import numpy as np
import pytest
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.errors import CxrError
from cxrfactory.models.baselines import fc, pca

SETTINGS = {"graph": "lungs-heart", "input_size": 64, "latent": 12, "channels": [4, 4, 8, 8, 8, 8]}


def make(module, **changes):
    torch.manual_seed(1)
    return module.build(SETTINGS | changes)


def shapes(count, nodes=120, seed=0):
    rng = np.random.default_rng(seed)
    return [each.astype(np.float32) for each in rng.uniform(0.1, 0.9, (count, nodes, 2))]


@pytest.mark.parametrize("module", [fc, pca])
@pytest.mark.parametrize("graph", ["lungs", "lungs-heart", "lungs-heart-clavicles"])
def test_interface_is_hybridgnets(module, graph):
    network = make(module, graph=graph).eval()
    nodes = landmark_graph(graph).nodes
    images = torch.rand(3, 1, 64, 64)
    positions, stages, mu, logvar = network(images)
    assert positions.shape == (3, nodes, 2)
    assert stages == []
    assert mu.shape == logvar.shape == (3, 12)
    assert network.pooling.shape[1] == nodes
    encoded = network.encode(images)
    many, _ = network.decode(encoded, torch.stack([encoded.mu, torch.randn(3, 12)], dim=1))
    assert many.shape == (3, 2, nodes, 2)
    torch.testing.assert_close(many[:, 0], positions)


@pytest.mark.parametrize("module", [fc, pca])
def test_settings_make_the_same_network_again(module):
    network = make(module, normalise="equalise")
    assert network.settings()["normalise"] == "equalise"
    again = module.build(json.loads(json.dumps(network.settings())))
    again.load_state_dict(network.state_dict())
    assert again.settings() == network.settings()
    images = torch.rand(2, 1, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(again.eval()(images)[0], network.eval()(images)[0], rtol=0, atol=0)


@pytest.mark.parametrize("module", [fc, pca])
def test_noise_draws_and_its_absence_decodes_the_mean(module):
    network = make(module).eval()
    if module is pca:
        network.fit_shapes(shapes(20))
    images = torch.rand(2, 1, 64, 64)
    with torch.inference_mode():
        mean, _, _, logvar = network(images)
        torch.testing.assert_close(network(images, torch.zeros(2, 12))[0], mean)
        assert (network(images, torch.ones(2, 12))[0] - mean).abs().max() > 1e-6
    assert torch.isfinite(logvar).all()


@pytest.mark.parametrize("module", [fc, pca])
def test_inference_form_gives_the_same(module):
    network = make(module)
    if module is pca:
        network.fit_shapes(shapes(20))
    images = torch.rand(2, 1, 64, 64)
    with torch.inference_mode():
        before = network.eval()(images)[0]
        torch.testing.assert_close(network.for_inference()(images)[0], before, atol=1e-5, rtol=0)


def test_untrained_networks_start_at_the_mean_shape():
    for module in (fc, pca):
        network = make(module).eval()
        network.mean_shape.copy_(torch.from_numpy(shapes(1)[0]))
        with torch.inference_mode():
            assert (network(torch.rand(1, 1, 64, 64))[0] - network.mean_shape).abs().max() < 0.05


def test_all_modes_reproduce_every_training_shape():
    whole = shapes(9)
    network = make(pca)
    network.fit_shapes(whole)
    target = torch.from_numpy(np.stack(whole))
    torch.testing.assert_close(network.positions_of(network.codes_of(target)), target, atol=1e-5, rtol=0)


def test_few_modes_are_the_best_in_least_squares():
    whole = shapes(40)
    network = make(pca, latent=5)
    network.fit_shapes(whole)
    target = torch.from_numpy(np.stack(whole))
    left = (network.positions_of(network.codes_of(target)) - target).square().sum().item()
    flat = np.stack(whole).reshape(40, -1).astype(np.float64)
    values = np.linalg.svd(flat - flat.mean(axis=0), compute_uv=False)
    assert left == pytest.approx((values[5:] ** 2).sum(), rel=1e-4)


def test_codes_of_the_training_shapes_have_unit_variance():
    whole = shapes(60)
    network = make(pca)
    network.fit_shapes(whole)
    codes = network.codes_of(torch.from_numpy(np.stack(whole)))
    torch.testing.assert_close(codes.std(dim=0), torch.ones(12), atol=1e-3, rtol=0)
    torch.testing.assert_close(codes.mean(dim=0), torch.zeros(12), atol=1e-3, rtol=0)


def test_modes_beyond_the_rank_stay_zero_and_partial_shapes_do_not_count():
    network = make(pca)
    network.fit_shapes([*shapes(4), *shapes(5, nodes=94)])
    used = network.modes.abs().amax(dim=1) > 0
    assert used.tolist() == [True] * 3 + [False] * 9


def test_modes_are_part_of_the_weights_and_not_trained():
    network = make(pca)
    assert "modes" in network.state_dict()
    assert "modes" not in dict(network.named_parameters())


def test_errors_are_one_line():
    with pytest.raises(CxrError, match="1 training shapes annotate the graph 'lungs-heart'"):
        make(pca).fit_shapes([*shapes(1), *shapes(3, nodes=94)])
    with pytest.raises(CxrError, match="at most 188 modes"):
        make(pca, graph="lungs", latent=189)
    with pytest.raises(CxrError, match="input_size is 70"):
        make(fc, input_size=70)
    with pytest.raises(CxrError, match="expects 64 squared"):
        make(fc)(torch.rand(1, 1, 32, 32))


@pytest.mark.parametrize("module", [fc, pca])
def test_the_common_loop_trains_it(module, tmp_path):
    """A few steps of the landmark loss through the interface alone bring the loss down."""
    from cxrfactory.models.losses import kl_divergence, landmark_loss

    network = make(module)
    target = shapes(8, seed=2)
    if module is pca:
        network.fit_shapes(target)
    images = torch.rand(8, 1, 64, 64)
    truth = torch.from_numpy(np.stack(target))
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(15):
        positions, stages, mu, logvar = network(images, torch.zeros(8, 12))
        loss = landmark_loss(positions, stages, truth, network.pooling) + 1e-5 * kl_divergence(mu, logvar)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
