import numpy as np
import pytest
import torch

from cxrfactory.models.hybridvnet.losses import (
    LossWeights,
    MeshLoss,
    face_pairs,
    normal_difference,
    tetrahedra_variance,
)
from cxrfactory.models.hybridvnet.network import Answer
from tests.models.hybridvnet.eggs import FACES, egg_graph

NOTHING = LossWeights(kl=0, deep=0, laplacian=0, edge=0, normal=0, tetrahedra=0)
REGULAR = torch.tensor([[[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]])


def answer(positions, coarse=()):
    code = torch.zeros(len(positions), 4)
    return Answer(positions, list(coarse), code, code)


def test_regular_tetrahedra_have_no_variance_and_others_that_of_their_edges():
    cells = torch.tensor([[0, 1, 2, 3]])
    assert tetrahedra_variance(REGULAR, cells) == pytest.approx(0, abs=1e-9)
    corner = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]])
    expected = np.var([1, 1, 1, 2**0.5, 2**0.5, 2**0.5])
    assert tetrahedra_variance(corner, cells) == pytest.approx(expected, rel=1e-5)


def test_normals_of_a_flat_and_of_a_folded_pair():
    points = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, -1, 0]]])
    pairs = torch.from_numpy(face_pairs(np.array([[0, 1, 2], [0, 3, 1]])))
    assert pairs.tolist() == [[0, 1, 2, 3]]
    assert normal_difference(points, pairs) == pytest.approx(0, abs=1e-6)
    points[0, 3] = torch.tensor([0.0, 0, 1])
    assert normal_difference(points, pairs) == pytest.approx(1, abs=1e-6)


def test_every_edge_of_a_closed_surface_is_a_pair():
    pairs = face_pairs(FACES)
    assert len(pairs) == len(FACES) * 3 // 2
    assert (pairs[:, 2] != pairs[:, 3]).all()


def test_edges_of_three_faces_are_no_pair():
    assert not len(face_pairs(np.array([[0, 1, 2], [0, 1, 3], [0, 1, 4]])))


@pytest.fixture
def graph():
    return egg_graph()


@pytest.fixture
def truth(graph):
    return torch.from_numpy(graph.reference_mm / 144 + 0.5)[None]


def test_perfect_answer_has_no_loss_without_regularisers(graph, truth):
    assert MeshLoss(graph, NOTHING, 144.0)(answer(truth), truth) == 0


def test_deep_supervision_compares_each_level_with_the_pooled_truth(graph, truth):
    loss = MeshLoss(graph, LossWeights(kl=0, deep=0.5, laplacian=0), 144.0)
    levels = [truth]
    for way in graph.down:
        levels.append(torch.from_numpy(way @ levels[-1][0].numpy())[None])
    coarse = levels[:0:-1]
    assert loss(answer(truth, coarse), truth) == pytest.approx(0, abs=1e-12)
    coarse[1] = coarse[1] + 0.1
    assert loss(answer(truth, coarse), truth) == pytest.approx(0.5 * 0.01, rel=1e-4)


@pytest.mark.parametrize("name", ["laplacian", "edge", "normal"])
def test_regularisers_prefer_the_smooth_shape(graph, truth, name):
    loss = MeshLoss(graph, LossWeights(**{"kl": 0, "deep": 0, "laplacian": 0, name: 1.0}), 144.0)
    rough = truth + 0.02 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))
    assert loss(answer(rough), rough) > 1.5 * loss(answer(truth), truth) > 0


def test_kl_term_is_that_of_the_code(graph, truth):
    loss = MeshLoss(graph, LossWeights(kl=2.0, deep=0, laplacian=0), 144.0)
    shifted = Answer(truth, [], torch.ones(1, 4), torch.zeros(1, 4))
    assert loss(shifted, truth) == pytest.approx(2 * 0.5)
