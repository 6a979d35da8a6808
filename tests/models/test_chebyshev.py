import numpy as np
import pytest
import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.models.chebyshev import ChebConv, chebyshev_basis


def test_basis_follows_the_recurrence_of_the_eigenvalues():
    adjacency = landmark_graph("lungs").adjacency()
    basis = chebyshev_basis(adjacency, 5)
    values, vectors = np.linalg.eigh(basis[1])
    for order, matrix in enumerate(basis):
        expected = vectors @ np.diag(np.cos(order * np.arccos(np.clip(values, -1, 1)))) @ vectors.T
        np.testing.assert_allclose(matrix, expected, atol=1e-6)


def test_layer_equals_torch_geometric():
    geometric = pytest.importorskip("torch_geometric.nn", reason="torch-geometric is the oracle of this test")
    adjacency = landmark_graph("lungs-heart").adjacency()
    torch.manual_seed(1)
    ours = ChebConv(chebyshev_basis(adjacency, 6), 8, 5)
    theirs = geometric.ChebConv(8, 5, 6)
    with torch.no_grad():
        for order, linear in enumerate(theirs.lins):
            linear.weight.copy_(ours.weight[order * 8 : (order + 1) * 8].T)
        theirs.bias.copy_(ours.bias.normal_())
    edges = torch.from_numpy(np.argwhere(adjacency).T.copy())
    x = torch.randn(3, 120, 8)
    np.testing.assert_allclose(ours(x).detach(), theirs(x, edges).detach(), atol=2e-5)


def test_leading_dimensions_are_independent():
    layer = ChebConv(chebyshev_basis(landmark_graph("lungs").adjacency(), 3), 2, 4)
    x = torch.randn(2, 3, 94, 2)
    torch.testing.assert_close(layer(x)[1, 2], layer(x[1, 2]))
