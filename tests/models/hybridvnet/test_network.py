import numpy as np
import pytest
import torch

from cxrfactory.errors import CxrError
from cxrfactory.models.hybridvnet.frame import frame_of
from cxrfactory.models.hybridvnet.graph import graph_from, read_graph, write_graph
from cxrfactory.models.hybridvnet.inputs import collated, sample
from cxrfactory.models.hybridvnet.network import HybridVNet, NetworkSettings
from cxrfactory.models.hybridvnet.pca import PcaVNet, rigid_onto, rotations, shape_modes
from cxrfactory.models.hybridvnet.weights import build, restored, settings_of, stored_arrays
from tests.models.hybridvnet.eggs import Egg, egg_graph, rotation

SMALL = NetworkSettings(
    grid=(8, 32, 32), plane_side=32, stack_channels=(8, 8, 8), plane_channels=(8, 8, 8), widths=(8, 8, 8, 8)
)


@pytest.fixture(scope="module")
def graph():
    return egg_graph()


@pytest.fixture(scope="module")
def eggs():
    rng = np.random.default_rng(5)
    return [Egg(rng), Egg(rng, views=("4ch",)), Egg(rng, views=())]


def inputs_of(eggs, settings=SMALL):
    return collated([sample(egg.pictures, frame_of(egg.pictures, egg.centre, 144.0), settings) for egg in eggs])


def small(graph, model="hybridvnet", settings=SMALL):
    torch.manual_seed(0)
    network = build(model, graph, settings).eval()
    network.fit_shapes(np.stack([graph.reference_mm / 144 + 0.5, graph.reference_mm / 130 + 0.5]))
    return network


def test_answers_have_all_nodes_and_all_levels(graph, eggs):
    answer = small(graph)(inputs_of(eggs))
    assert answer.positions.shape == (3, 642, 3)
    assert [each.shape[1] for each in answer.coarse] == [12, 42, 162]
    assert answer.mu.shape == (3, SMALL.latent) == (3, 56)


def test_missing_views_are_a_learned_code_and_their_pictures_do_not_count(graph, eggs):
    network = small(graph)
    with torch.no_grad():
        network.encoder.missing.normal_()
    inputs = inputs_of(eggs)
    mu = network(inputs).mu
    np.testing.assert_allclose(mu[2, 32:].detach(), network.encoder.missing.flatten().detach())
    np.testing.assert_allclose(mu[1, 32:48].detach(), network.encoder.missing[:2].flatten().detach())
    inputs.planes[2] = 1.0
    torch.testing.assert_close(network(inputs).mu, mu)
    inputs.planes[0] = 0.3
    assert not torch.allclose(network(inputs).mu[0], mu[0])


def test_single_view_network_reads_the_stack_alone(graph, eggs):
    settings = NetworkSettings(**{**SMALL.__dict__, "views": ()})
    network = small(graph, settings=settings)
    assert network.latent == 32
    assert not any(name.startswith("encoder.planes") for name in network.state_dict())
    assert network(inputs_of(eggs, settings)).positions.shape == (3, 642, 3)


@pytest.mark.parametrize("model", ["hybridvnet", "pca"])
def test_weights_and_graph_restore_the_network(graph, eggs, model):
    network = small(graph, model)
    again = restored(model, settings_of(network), stored_arrays(network))
    inputs = inputs_of(eggs)
    assert torch.equal(again(inputs).positions, network(inputs).positions)
    assert isinstance(again, HybridVNet if model == "hybridvnet" else PcaVNet)


def test_unknown_model_is_refused(graph):
    with pytest.raises(CxrError, match="model is 'atlas'; expected one of hybridvnet, pca"):
        build("atlas", graph, SMALL)


def test_last_layer_has_no_bias_and_the_order_is_six(graph):
    network = small(graph)
    assert network.heads[-1].bias is None
    assert all(layer.order == 6 for layer in [*network.convolutions, *network.heads])


def test_graph_file_is_read_again(graph, tmp_path):
    write_graph(tmp_path / "g.npz", graph)
    again = read_graph(tmp_path / "g.npz")
    assert again.kind == "surface"
    np.testing.assert_array_equal(again.faces, graph.faces)
    for one, other in zip(
        [*again.adjacencies, *again.up, *again.down], [*graph.adjacencies, *graph.up, *graph.down], strict=True
    ):
        assert abs(one - other).max() == 0
    (tmp_path / "bad.npz").write_bytes(b"PK")
    with pytest.raises(CxrError, match=r"bad\.npz: not a graph of a mesh"):
        read_graph(tmp_path / "bad.npz")
    with pytest.raises(KeyError):
        graph_from({}, "surface")


def test_coarse_nodes_are_neighbours_if_their_fine_nodes_are(graph):
    """On nested spheres, the coarsest level is the icosahedron: 12 nodes with five neighbours each."""
    assert (graph.adjacencies[-1].sum(axis=1) == 5).all()
    assert all((each != each.T).nnz == 0 for each in graph.adjacencies)


def test_rotations_are_those_of_their_vectors():
    found = rotations(torch.tensor([[0.0, 0.0, 0.7], [0.2, 0.0, 0.0]])).numpy()
    np.testing.assert_allclose(found[0], rotation([0, 0, 0.7]), atol=1e-6)
    np.testing.assert_allclose(found[1], rotation([0.2, 0, 0]), atol=1e-6)


def test_rigid_alignment_is_found_again():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(30, 3))
    turn, shift = rotation([0.4, -1.0, 2.0]), np.array([1.0, 2.0, 3.0])
    found, moved = rigid_onto(points, points @ turn.T + shift)
    np.testing.assert_allclose(found, turn, atol=1e-9)
    np.testing.assert_allclose(moved, shift, atol=1e-9)


def test_modes_of_one_kind_of_change_are_one_mode():
    rng = np.random.default_rng(0)
    base, change = rng.normal(size=(50, 3)), rng.normal(size=(50, 3))
    change[:, :] = base * (0.2, 0.0, 0.0)  # stretching along an axis leaves directions and centre
    shapes = np.stack([base + amount * change for amount in rng.normal(size=12)])
    moved = np.stack([each @ rotation(rng.normal(size=3)).T + rng.normal(size=3) for each in shapes])
    _, modes = shape_modes(moved, 40)
    assert len(modes) == 11
    sizes = np.linalg.norm(modes.reshape(11, -1), axis=1)
    assert sizes[1] < 0.06 * sizes[0]
