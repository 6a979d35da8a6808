import numpy as np
import pytest
import torch
from scipy import sparse

from cxrfactory.models.chebyshev import ChebConv, SparseChebConv, chebyshev_basis, scaled_laplacian
from cxrfactory.models.sparse import FixedMatrix


@pytest.fixture
def ring():
    """Adjacency of 9 nodes: a ring with one chord."""
    adjacency = np.zeros((9, 9))
    for a, b in [*((node, (node + 1) % 9) for node in range(9)), (0, 4)]:
        adjacency[a, b] = adjacency[b, a] = 1
    return adjacency


def test_product_and_its_gradient_are_those_of_the_dense_matrix():
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(5, 7)) * (rng.random((5, 7)) < 0.4)
    matrix = FixedMatrix(sparse.csr_matrix(dense))
    x = torch.randn(7, 2, 3, requires_grad=True)
    wanted = torch.einsum("rc,cbk->rbk", torch.from_numpy(dense).float(), x)
    torch.testing.assert_close(matrix(x), wanted)
    weight = torch.randn(5, 2, 3)
    (found,) = torch.autograd.grad((matrix(x) * weight).sum(), x)
    (expected,) = torch.autograd.grad((wanted * weight).sum(), x)
    torch.testing.assert_close(found, expected)


def test_matrix_is_not_stored_and_follows_other_values():
    matrix = FixedMatrix(sparse.eye(3))
    assert matrix.state_dict() == {}
    assert matrix(torch.ones(3, 1)).sum() == 3
    matrix.values.mul_(2)
    assert matrix(torch.ones(3, 1)).sum() == 6


@pytest.mark.parametrize("order", [1, 2, 6])
def test_recurrence_equals_the_dense_polynomials(ring, order):
    torch.manual_seed(0)
    dense = ChebConv(chebyshev_basis(ring, order), 4, 5)
    laplacian = FixedMatrix(scaled_laplacian(sparse.csr_matrix(ring)))
    recurrent = SparseChebConv(laplacian, order, 4, 5)
    recurrent.load_state_dict({name: value for name, value in dense.state_dict().items() if name != "basis"})
    x = torch.randn(3, 9, 4)
    torch.testing.assert_close(recurrent(x.transpose(0, 1)).transpose(0, 1), dense(x))
