"""Chebyshev graph convolution on one fixed graph: as two dense matrix products, or by recurrence on a sparse matrix.

Defferrard et al. (2016) with the normalised Laplacian and an assumed largest eigenvalue of 2. The graph is fixed, so
the polynomials of its Laplacian are a constant buffer. With 120 nodes, this is faster than sparse message passing.
"""

import numpy as np
import torch
from jaxtyping import Float
from scipy import sparse
from torch import Tensor, nn

from cxrfactory.models.sparse import FixedMatrix


def chebyshev_basis(adjacency: Float[np.ndarray, "n n"], order: int) -> Float[np.ndarray, "order n n"]:
    """Return T_0 .. T_(order-1) of the scaled Laplacian ``L - I`` with ``L = I - D^-1/2 A D^-1/2``.

    Parameters
    ----------
    adjacency
        Symmetric matrix in which every node has at least one edge.
    order
        Number of polynomials (K in the papers).
    """
    degree = adjacency.sum(axis=1)
    scale = 1 / np.sqrt(degree)
    scaled = -(scale[:, None] * adjacency * scale[None, :])
    basis = [np.eye(len(adjacency)), scaled]
    while len(basis) < order:
        basis.append(2 * scaled @ basis[-1] - basis[-2])
    return np.stack(basis[:order])


class ChebConv(nn.Module):
    """Apply ``y = sum_k T_k(L) x W_k + b`` to node features ``[..., nodes, channels]``.

    Parameters
    ----------
    basis
        Result of :func:`chebyshev_basis`. It is not stored in the weights file, since the name of the graph defines it.
    inputs, outputs
        Number of input and output channels.
    """

    def __init__(self, basis: Float[np.ndarray, "order n n"], inputs: int, outputs: int) -> None:
        super().__init__()
        self.order, self.count = basis.shape[0], basis.shape[1]
        flat = torch.from_numpy(basis.reshape(-1, self.count)).float()
        self.register_buffer("basis", flat, persistent=False)
        self.weight = nn.Parameter(torch.empty(self.order * inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x: Float[Tensor, "*batch n c"]) -> Float[Tensor, "*batch n o"]:
        """Convolve over the graph."""
        batch, channels = x.shape[:-2], x.shape[-1]
        # With the nodes first, there is one large product instead of one small product per sample.
        flat = x.reshape(-1, self.count, channels).transpose(0, 1).reshape(self.count, -1)
        terms = (self.basis @ flat).reshape(self.order, self.count, -1, channels)
        terms = terms.permute(2, 1, 0, 3).reshape(-1, self.order * channels)
        return torch.addmm(self.bias, terms, self.weight).reshape(*batch, self.count, -1)


def scaled_laplacian(adjacency: sparse.spmatrix) -> sparse.csr_matrix:
    """Return ``L - I`` with ``L = I - D^-1/2 A D^-1/2`` of a sparse adjacency, as in :func:`chebyshev_basis`."""
    scale = sparse.diags(1 / np.sqrt(np.asarray(adjacency.sum(axis=1)).ravel()))
    return sparse.csr_matrix(-(scale @ adjacency @ scale))


class SparseChebConv(nn.Module):
    """The convolution of :class:`ChebConv` on a graph of thousands of nodes, for features ``[nodes, batch, channels]``.

    The sum of polynomials is evaluated by Clenshaw's recurrence, which multiplies the graph's matrix with the output
    channels alone; a layer has at least as many input channels.

    Parameters
    ----------
    laplacian
        Result of :func:`scaled_laplacian`; several layers may share one.
    order
        Number of polynomials.
    inputs, outputs
        Number of input and output channels.
    bias
        Whether a constant is added.
    """

    def __init__(self, laplacian: FixedMatrix, order: int, inputs: int, outputs: int, bias: bool = True) -> None:
        super().__init__()
        self.order = order
        self._laplacian = (laplacian,)  # in a tuple, so that the shared matrix is stored once, by its owner
        self.weight = nn.Parameter(torch.empty(order * inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x: Float[Tensor, "n b c"]) -> Float[Tensor, "n b o"]:
        """Convolve over the graph."""
        laplacian, outputs = self._laplacian[0], self.weight.shape[1]
        # One matrix for each polynomial: from the rows of the weight, k * inputs + channel.
        weight = self.weight.reshape(self.order, -1, outputs).transpose(0, 1).reshape(-1, self.order * outputs)
        terms = (x @ weight).unflatten(-1, (self.order, outputs)).unbind(-2)
        last = following = None
        for term in reversed(terms[1:]):
            current = term
            if last is not None:
                current = current + 2 * laplacian(last)
            if following is not None:
                current = current - following
            last, following = current, last
        convolved = terms[0]
        if last is not None:
            convolved = convolved + laplacian(last)
        if following is not None:
            convolved = convolved - following
        return convolved if self.bias is None else convolved + self.bias
