"""Losses of HybridVNet: errors at every level, the variational term, and regularisers of surfaces and tetrahedra."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import sparse
from torch import Tensor, nn

from cxrfactory.geometry.mesh.surface import edges
from cxrfactory.models.hybridvnet.graph import MeshGraph
from cxrfactory.models.hybridvnet.network import Answer
from cxrfactory.models.losses import kl_divergence
from cxrfactory.models.sparse import FixedMatrix

_CORNER_PAIRS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms besides the squared error of the last level.

    Attributes
    ----------
    kl
        Divergence of the code from its prior.
    deep
        Squared errors of the coarser levels.
    laplacian, edge, normal
        Regularisers of the faces, on relative positions.
    tetrahedra
        Mean variance of the six edge lengths of a tetrahedron, in squared mm.
    """

    kl: float = 1e-5
    deep: float = 1.0
    laplacian: float = 0.01
    edge: float = 0.0
    normal: float = 0.0
    tetrahedra: float = 0.0


def tetrahedra_variance(positions: Float[Tensor, "b n 3"], tetrahedra: Int[Tensor, "t 4"]) -> Float[Tensor, ""]:
    """Average, over tetrahedra, the variance of the six edge lengths (equation 4 of the paper)."""
    corners = positions[:, tetrahedra]
    lengths = torch.stack([_length(corners[:, :, a] - corners[:, :, b]) for a, b in _CORNER_PAIRS], dim=-1)
    return lengths.var(dim=-1, correction=0).mean()


def normal_difference(positions: Float[Tensor, "b n 3"], neighbours: Int[Tensor, "pairs 4"]) -> Float[Tensor, ""]:
    """Average ``1 - cos`` of the angle between the normals of two faces that share an edge.

    Parameters
    ----------
    positions
        Nodes.
    neighbours
        Rows (a, b, c, d): the edge a b, and the third corners c and d of its two faces (:func:`face_pairs`).
    """
    a, b, c, d = (positions[:, neighbours[:, corner]] for corner in range(4))
    one, other = torch.linalg.cross(b - a, c - a), torch.linalg.cross(d - a, b - a)
    return (1 - nn.functional.cosine_similarity(one, other, dim=-1, eps=1e-12)).mean()


def face_pairs(faces: Int[np.ndarray, "f 3"]) -> Int[np.ndarray, "pairs 4"]:
    """Return edges that exactly two faces share, with the third corner of each face; see :func:`normal_difference`."""
    sides = np.concatenate([np.sort(faces[:, pair], axis=1) for pair in ([0, 1], [1, 2], [2, 0])])
    third = np.concatenate([faces[:, 2], faces[:, 0], faces[:, 1]])
    order = np.lexsort(sides.T[::-1])
    sides, third = sides[order], third[order]
    same = (sides[1:] == sides[:-1]).all(1)
    first = np.flatnonzero(same & ~np.r_[False, same[:-1]] & ~np.r_[same[1:], False])
    return np.column_stack([sides[first], third[first], third[first + 1]])


class MeshLoss(nn.Module):
    """The sum of all terms for a graph.

    Parameters
    ----------
    graph
        Graph of the mesh.
    weights
        Weights of the terms.
    side_mm
        Side of the frame to which positions are relative.
    """

    def __init__(self, graph: MeshGraph, weights: LossWeights, side_mm: float) -> None:
        super().__init__()
        self.weights, self.side_mm = weights, side_mm
        self.down = nn.ModuleList(FixedMatrix(each) for each in graph.down)
        neighbours = _neighbours(graph)
        degree = np.maximum(np.asarray(neighbours.sum(axis=1)).ravel(), 1)
        differences = sparse.diags(1 / degree) @ neighbours - sparse.diags(
            (neighbours.sum(axis=1).A1 > 0).astype(float)
        )
        self.differences = FixedMatrix(differences)
        for name, places in (
            ("edges", edges(graph.faces)),
            ("pairs", face_pairs(graph.faces)),
            ("tetrahedra", graph.tetrahedra),
        ):
            self.register_buffer(name, torch.from_numpy(places.astype(np.int64)), persistent=False)

    def forward(self, answer: Answer, target: Float[Tensor, "b n 3"]) -> Float[Tensor, ""]:
        """Return the loss of an answer against true positions relative to the frame."""
        weights, found = self.weights, answer.positions
        loss = nn.functional.mse_loss(found, target) + weights.kl * kl_divergence(answer.mu, answer.logvar)
        if weights.deep and answer.coarse:
            truth = target.transpose(0, 1)
            for matrix, coarse in zip(self.down, reversed(answer.coarse), strict=True):
                truth = matrix(truth)
                loss = loss + weights.deep * nn.functional.mse_loss(coarse, truth.transpose(0, 1))
        if weights.laplacian:
            loss = loss + weights.laplacian * _length(self.differences(found.transpose(0, 1))).mean()
        if weights.edge:
            loss = (
                loss + weights.edge * (found[:, self.edges[:, 0]] - found[:, self.edges[:, 1]]).square().sum(-1).mean()
            )
        if weights.normal:
            loss = loss + weights.normal * normal_difference(found, self.pairs)
        if weights.tetrahedra and len(self.tetrahedra):
            loss = loss + weights.tetrahedra * self.side_mm**2 * tetrahedra_variance(found, self.tetrahedra)
        return loss


def _neighbours(graph: MeshGraph) -> sparse.csr_matrix:
    """Return which nodes are joined by an edge of a face; inner nodes of a volume have no neighbours."""
    pairs = edges(graph.faces)
    both = np.concatenate([pairs, pairs[:, ::-1]])
    return sparse.csr_matrix((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(graph.nodes, graph.nodes))


def _length(vectors: Tensor) -> Tensor:
    return (vectors.square().sum(-1) + 1e-12).sqrt()
