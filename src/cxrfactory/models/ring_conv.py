"""Chebyshev graph convolution on closed contours, for inference: sums of neighbours instead of matrix products.

Every organ of the landmark graph is a cycle, whose scaled Laplacian is ``L - I = -(S + S^T) / 2`` with the shift ``S``
from each node to the next one. The Chebyshev polynomials of that are exact shifts, because cosines of multiples of an
angle are: ``T_k(L - I) = (-1)^k (S^k + S^-k) / 2``. So ``y = sum_k T_k x W_k`` needs one small product for each node,
and sums over the nodes at distance ``k`` on either side. This takes a third of the time of the two dense products of
:class:`cxrfactory.models.chebyshev.ChebConv` and differs from them by rounding only.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.models.chebyshev import ChebConv


class RingConv(nn.Module):
    """The same function as a trained :class:`ChebConv` on the cycles of a graph.

    Parameters
    ----------
    trained
        Layer whose weights are taken.
    counts
        Number of nodes of each cycle, in the order of the layer's nodes.
    """

    def __init__(self, trained: ChebConv, counts: Sequence[int]) -> None:
        super().__init__()
        self.reach, self.count = trained.order - 1, trained.count
        inputs, self.outputs = len(trained.weight) // trained.order, trained.weight.shape[1]
        weight = trained.weight.detach().reshape(trained.order, inputs, self.outputs).clone()
        weight[1:] *= 0.5 * (-1.0) ** torch.arange(1, trained.order).reshape(-1, 1, 1)
        self.weight = nn.Parameter(weight.permute(1, 0, 2).reshape(inputs, -1).contiguous(), requires_grad=False)
        self.bias = nn.Parameter(trained.bias.detach().clone(), requires_grad=False)
        # The nodes of each cycle follow one another with its last nodes before and its first nodes behind them, so that
        # the neighbours of all nodes at one distance are one slice.
        padded, kept, start = [], [], 0
        for count in counts:
            kept.append(torch.arange(count) + start + 2 * self.reach * len(kept))
            padded.append(start + torch.arange(-self.reach, count + self.reach) % count)
            start += count
        self.register_buffer("padded", torch.cat(padded))
        self.register_buffer("kept", torch.cat(kept))

    def forward(self, x: Float[Tensor, "*batch n c"]) -> Float[Tensor, "*batch n o"]:
        """Convolve over the graph."""
        batch, length = x.shape[:-2], len(self.padded) - 2 * self.reach
        terms = (x.reshape(-1, x.shape[-1]) @ self.weight).reshape(-1, self.count, self.weight.shape[1])
        terms = terms.index_select(1, self.padded).unflatten(2, (self.reach + 1, self.outputs))
        total = terms[:, self.reach : self.reach + length, 0] + self.bias
        for step in range(1, self.reach + 1):
            total += terms[:, self.reach - step : self.reach - step + length, step]
            total += terms[:, self.reach + step : self.reach + step + length, step]
        return total.index_select(1, self.kept).reshape(*batch, self.count, self.outputs)


def use_rings(network: nn.Module, graph: LandmarkGraph) -> None:
    """Replace the graph convolutions of a network, at full and at half resolution, by the same ones for inference."""
    counts = {graph.nodes: [where.stop - where.start for where in graph.slices.values()]}
    counts[sum(graph.pooled_counts)] = graph.pooled_counts
    for name, layer in list(network.named_children()):
        if isinstance(layer, ChebConv):
            setattr(network, name, RingConv(layer, counts[layer.count]))
