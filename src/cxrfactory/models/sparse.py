"""Constant sparse matrices that are applied to node features, on CPU or CUDA."""

import warnings

import numpy as np
import torch
from jaxtyping import Float
from scipy import sparse
from torch import Tensor, nn


class FixedMatrix(nn.Module):
    """Multiply features of nodes by a constant matrix, which is not stored in the weights: the graph defines it.

    Parameters
    ----------
    matrix
        Sparse matrix [rows, columns].
    """

    def __init__(self, matrix: sparse.spmatrix) -> None:
        super().__init__()
        stored = sparse.coo_matrix(sparse.csr_matrix(matrix))
        self.rows, self.columns = stored.shape
        self.register_buffer(
            "places", torch.from_numpy(np.stack([stored.row, stored.col]).astype(np.int64)), persistent=False
        )
        self.register_buffer("values", torch.from_numpy(stored.data.astype(np.float32)), persistent=False)
        self._ready: tuple[tuple, Tensor, Tensor] | None = None

    def forward(self, x: Float[Tensor, "columns *rest"]) -> Float[Tensor, "rows *rest"]:
        """Return ``matrix @ x`` over the first dimension."""
        flat = _Product.apply(x.reshape(self.columns, -1), *self._both())
        return flat.reshape(self.rows, *x.shape[1:])

    def _both(self) -> tuple[Tensor, Tensor]:
        """Return the matrix and its transpose in compressed rows; they are made again if the buffers have changed."""
        key = (self.values.data_ptr(), self.places.data_ptr(), self.values._version, self.places._version)
        if self._ready is None or self._ready[0] != key:
            size = (self.rows, self.columns)
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Sparse")
                matrix = torch.sparse_coo_tensor(self.places, self.values, size).coalesce()
                self._ready = key, matrix.to_sparse_csr(), matrix.t().coalesce().to_sparse_csr()
        return self._ready[1:]


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, matrix: Tensor, transposed: Tensor) -> Tensor:
        ctx.transposed = transposed
        return matrix @ x

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        return ctx.transposed @ gradient, None, None
