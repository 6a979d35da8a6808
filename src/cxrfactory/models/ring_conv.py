"""Chebyshev graph convolution on closed contours, for inference: sums of neighbours instead of matrix products.

Every organ of the landmark graph is a cycle, whose scaled Laplacian is ``L - I = -(S + S^T) / 2`` with the shift ``S``
from each node to the next one. The Chebyshev polynomials of that are exact shifts, because cosines of multiples of an
angle are: ``T_k(L - I) = (-1)^k (S^k + S^-k) / 2``. So ``y = sum_k T_k x W_k`` needs one small product for each node,
and sums over the nodes at distance ``k`` on either side, which are sums of rows of a table. This takes a fifth of the
time of the two dense products of :class:`cxrfactory.models.chebyshev.ChebConv` and differs from them by rounding only.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
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
        # Rows of products that each node sums, of one image: its own, and at each distance those of the node before and
        # of the node behind it.
        nodes, start = [], 0
        for count in counts:
            own = torch.arange(count)
            steps = [own, *(side for step in range(1, trained.order) for side in (own - step, own + step))]
            nodes.append(start + torch.stack(steps, dim=1) % count)
            start += count
        order = torch.tensor([0, *(step for step in range(1, trained.order) for _ in range(2))])
        self.register_buffer("summed", torch.cat(nodes) * trained.order + order, persistent=False)
        self._places: dict[tuple[int, torch.device], tuple[Tensor, Tensor]] = {}

    def forward(self, x: Float[Tensor, "*batch n c"]) -> Float[Tensor, "*batch n o"]:
        """Convolve over the graph."""
        rows = x.reshape(-1, x.shape[-1])
        indices, starts = self._bags(len(rows) // self.count, x.device)
        total = nn.functional.embedding_bag(indices, self._table(rows), starts, mode="sum")
        return total.reshape(*x.shape[:-1], self.outputs)

    def _table(self, rows: Float[Tensor, "r c"]) -> Float[Tensor, "t o"]:
        """Return the products of all nodes with the weights of each distance, and behind them the bias."""
        if torch.is_grad_enabled():
            return torch.cat([(rows @ self.weight).reshape(-1, self.outputs), self.bias.reshape(1, -1)])
        table = rows.new_empty(len(rows) * (self.reach + 1) + 1, self.outputs)
        torch.mm(rows, self.weight, out=table[:-1].view(len(rows), -1))
        table[-1] = self.bias
        return table

    def _bags(self, images: int, device: torch.device) -> tuple[Int[Tensor, " i"], Int[Tensor, " n"]]:
        """Return the rows that all nodes of a number of images sum, node by node, and where each node's rows begin."""
        if (images, device) not in self._places:
            with torch.inference_mode(False):
                own = self.count * (self.reach + 1)
                first = torch.arange(images, device=device).reshape(-1, 1, 1) * own
                summed = (first + self.summed).reshape(images * self.count, -1)
                bias = torch.full_like(summed[:, :1], images * own)  # each sum begins with the last row
                indices = torch.cat([bias, summed], dim=1)
                starts = torch.arange(len(indices), device=device) * indices.shape[1]
                self._places[images, device] = (indices.flatten().int(), starts.int())
        return self._places[images, device]


def use_rings(network: nn.Module, graph: LandmarkGraph) -> None:
    """Replace the graph convolutions of a network, at full and at half resolution, by the same ones for inference."""
    counts = {graph.nodes: [where.stop - where.start for where in graph.slices.values()]}
    counts[sum(graph.pooled_counts)] = graph.pooled_counts
    for name, layer in list(network.named_children()):
        if isinstance(layer, ChebConv):
            setattr(network, name, RingConv(layer, counts[layer.count]))
