"""HybridVNet: branches for each view, one joint code, and a graph-convolutional decoder of the mesh.

Gaggion et al. (2023), "Multi-view hybrid graph convolutional network for volume-to-mesh reconstruction in
cardiovascular MRI": a code of 32 for the short-axis stack and of 8 for each long-axis view, Chebyshev layers (K = 6)
with layer normalisation and ReLU, four fixed unpoolings of a quadric contraction, deep supervision, and a last layer
without bias.

This implementation differs in four things. Positions are offsets from the mean shape of the training set, each level
corrects the positions of the coarser one, and the coarsest starts with principal modes of the training shapes. A view
that is missing is replaced by a learned code, so that one network serves any subset of the long-axis views. Encoders
also read places of feature maps (:class:`~cxrfactory.models.hybridvnet.encoder.Places`). At the finest levels, the
decoder reads the stack around each node and the long-axis planes that are near it, as HybridGNet's skip connections
do; ``windows: 0`` leaves this out.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from cxrfactory.models.chebyshev import SparseChebConv, scaled_laplacian
from cxrfactory.models.hybridvnet.encoder import PLANE_CHANNELS, STACK_CHANNELS, PlaneEncoder, StackEncoder
from cxrfactory.models.hybridvnet.graph import MeshGraph
from cxrfactory.models.hybridvnet.pictures import VIEWS
from cxrfactory.models.hybridvnet.sampling import PLANE_FACTS
from cxrfactory.models.hybridvnet.windows import PlaneWindows, Windows
from cxrfactory.models.sparse import FixedMatrix

ORDER = 6
WIDTHS = (64, 48, 32, 16, 8)  # channels of the nodes from the coarsest level to the finest
SHARE_OF_VIEWS = 0.5  # of a mode's size, with which the code of a long-axis view starts
REACH = 0.1  # an output of 1 moves a node by this share of the frame's side


@dataclass(frozen=True)
class NetworkSettings:
    """Sizes of the network and of what it reads.

    Attributes
    ----------
    grid
        Grid (z, h, w) on which the encoder sees the stack in the frame.
    side_mm
        Side of the frame.
    plane_side, plane_mm
        Rows and columns of a long-axis plane as its encoder sees it, and its side.
    views
        Long-axis views that are read; none for the single-view network.
    finer
        Stack and planes are sampled with so many times the rows and columns that the encoders see; the decoder reads
        them so around the nodes.
    stack_latent, plane_latent
        Sizes of the codes of the stack and of each view.
    stack_channels, plane_channels, widths
        Channels of the encoders' blocks and of the decoder's levels.
    windows
        Number of the finest levels at which the decoder reads the stack and the planes around each node; 0 gives the
        published network.
    """

    grid: tuple[int, int, int] = (12, 48, 48)
    side_mm: float = 144.0
    plane_side: int = 48
    plane_mm: float = 176.0
    views: tuple[str, ...] = VIEWS
    finer: int = 2
    stack_latent: int = 32
    plane_latent: int = 8
    stack_channels: tuple[int, ...] = STACK_CHANNELS
    plane_channels: tuple[int, ...] = PLANE_CHANNELS
    widths: tuple[int, ...] = WIDTHS
    windows: int = 2

    @property
    def latent(self) -> int:
        """Size of the joint code."""
        return self.stack_latent + self.plane_latent * len(self.views)

    @property
    def sampled(self) -> tuple[int, int, int]:
        """Grid (z, h, w) on which the stack is sampled."""
        depth, height, width = self.grid
        return depth, self.finer * height, self.finer * width


@dataclass(frozen=True)
class Inputs:
    """A batch of sampled pictures.

    Attributes
    ----------
    stack
        ``[b, 2, z, h, w]``: grey values, and what has been imaged.
    planes
        ``[b, views, 2, s, s]``, zeros for a missing view.
    facts
        ``[b, views, facts]``: places of the planes.
    present
        ``[b, views]``: whether the view is there.
    """

    stack: Float[Tensor, "b 2 z h w"]
    planes: Float[Tensor, "b v 2 s s"]
    facts: Float[Tensor, "b v f"]
    present: Bool[Tensor, "b v"]

    def to(self, device: torch.device) -> "Inputs":
        """Return the same batch on a device."""
        return self._each(lambda values: values.to(device))

    def repeated(self, count: int) -> "Inputs":
        """Return a batch of one case as a batch of the same case so many times."""
        return self._each(lambda values: values.expand(count, *values.shape[1:]))

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Inputs":
        return Inputs(*(change(values) for values in (self.stack, self.planes, self.facts, self.present)))


@dataclass(frozen=True)
class Answer:
    """Positions of all nodes and of coarser levels (coarsest first), relative to the frame, and the code."""

    positions: Float[Tensor, "b n 3"]
    coarse: list[Float[Tensor, "b m 3"]]
    mu: Float[Tensor, "b latent"]
    logvar: Float[Tensor, "b latent"]


class ViewEncoder(nn.Module):
    """The branches of all views, and their joint code."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.settings = settings
        self.stack = StackEncoder(settings.grid, settings.stack_latent, settings.stack_channels)
        self.planes = nn.ModuleList(
            PlaneEncoder(settings.plane_side, PLANE_FACTS, settings.plane_latent, settings.plane_channels)
            for _ in settings.views
        )
        self.missing = nn.Parameter(torch.zeros(len(settings.views), settings.plane_latent))

    def forward(self, inputs: Inputs) -> tuple[Float[Tensor, "b latent"], Float[Tensor, "b latent"]]:
        """Return mean and log-variance of the joint code."""
        finer = self.settings.finer
        mu, logvar = self.stack(nn.functional.avg_pool3d(inputs.stack, (1, finer, finer)))
        means, variances = [mu.float()], [logvar.float()]
        for view, branch in enumerate(self.planes):
            there = torch.nonzero(inputs.present[:, view])[:, 0]
            mean = self.missing[view].expand(len(mu), -1)
            variance = torch.zeros_like(mean)
            if len(there):
                found, spread = branch(
                    nn.functional.avg_pool2d(inputs.planes[there, view], finer), inputs.facts[there, view]
                )
                mean, variance = mean.index_copy(0, there, found.float()), variance.index_copy(0, there, spread.float())
            means.append(mean)
            variances.append(variance)
        return torch.cat(means, dim=1), torch.cat(variances, dim=1)


class _Reader(nn.Module):
    """Correct the nodes of a level by what the stack shows around them."""

    def __init__(self, laplacian: FixedMatrix, width: int, read: int) -> None:
        super().__init__()
        self.mix = nn.Linear(width + read, 2 * width)
        self.convolution = SparseChebConv(laplacian, ORDER, 2 * width, width)
        self.norm = nn.LayerNorm(width)
        self.head = SparseChebConv(laplacian, ORDER, width, 3, bias=False)
        nn.init.normal_(self.head.weight, std=1e-2)

    def forward(self, x: Float[Tensor, "n b c"], window: Float[Tensor, "n b w"]) -> tuple[Tensor, Tensor]:
        x = torch.relu(self.mix(torch.cat([x, window], dim=-1)))
        x = torch.relu(self.norm(self.convolution(x)))
        return x, self.head(x)


class HybridVNet(nn.Module):
    """Predict the nodes of a mesh.

    Parameters
    ----------
    graph
        Graph of the mesh.
    settings
        Sizes.
    """

    def __init__(self, graph: MeshGraph, settings: NetworkSettings) -> None:
        super().__init__()
        self.graph, self.settings = graph, settings
        self.latent = settings.latent
        self.encoder = ViewEncoder(settings)
        widths = settings.widths
        levels = len(graph.adjacencies)
        self.laplacians = nn.ModuleList(FixedMatrix(scaled_laplacian(each)) for each in reversed(graph.adjacencies))
        self.up = nn.ModuleList(FixedMatrix(each) for each in reversed(graph.up))
        self.down = nn.ModuleList(FixedMatrix(each) for each in graph.down)
        self.expand = nn.Linear(self.latent, graph.adjacencies[-1].shape[0] * (widths[0] + 3))
        inputs = (widths[0], *widths[: levels - 1])
        self.convolutions = nn.ModuleList(
            SparseChebConv(self.laplacians[level], ORDER, inputs[level], widths[level]) for level in range(levels)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths[:levels])
        self.heads = nn.ModuleList(
            SparseChebConv(self.laplacians[level], ORDER, widths[level], 3, bias=False) for level in range(levels)
        )
        self.windows = Windows(settings.side_mm)
        self.plane_windows = PlaneWindows(settings.side_mm, settings.plane_mm, len(settings.views))
        read = self.windows.channels + self.plane_windows.channels
        self.readers = nn.ModuleDict(
            {
                str(level): _Reader(self.laplacians[level], widths[level], read)
                for level in range(levels - settings.windows, levels)
            }
        )
        for head in self.heads:
            nn.init.normal_(head.weight, std=1e-2)
        self.register_buffer("mean_shape", torch.full((graph.nodes, 3), 0.5))

    def fit_shapes(self, shapes: Float[np.ndarray, "cases n 3"]) -> None:
        """Learn from positions relative to their frames, before the first step.

        The mean shape is kept. The layer that expands the code starts with the principal modes of the coarsest level,
        one for each number of the stack's code and the first ones again for each view's.
        """
        with torch.no_grad():
            self.mean_shape.copy_(torch.from_numpy(shapes.mean(0)))
            coarse = torch.from_numpy(shapes).transpose(0, 1)
            for matrix in self.down:
                coarse = matrix(coarse)
            apart = coarse.transpose(0, 1).flatten(1)
            _, sizes, directions = torch.linalg.svd(apart - apart.mean(0), full_matrices=False)
            modes = directions * sizes[:, None] / max(1, len(shapes) - 1) ** 0.5 / REACH  # one standard deviation each
            weight = self.expand.weight.reshape(len(coarse), -1, self.latent)[:, :3]
            bias = self.expand.bias.reshape(len(coarse), -1)[:, :3]
            weight.zero_()
            bias.zero_()
            first = 0
            for count in (self.settings.stack_latent, *(self.settings.plane_latent for _ in self.settings.views)):
                kept = min(count, len(shapes) - 1)
                share = 1.0 if first == 0 else SHARE_OF_VIEWS
                weight[..., first : first + kept] = share * modes[:kept].T.reshape(len(coarse), 3, kept)
                first += count

    def decode(
        self, code: Float[Tensor, "b latent"], inputs: Inputs
    ) -> tuple[Float[Tensor, "b n 3"], list[Float[Tensor, "b m 3"]]]:
        """Return positions relative to the frame, and those of the coarser levels, the coarsest first."""
        coarsest = self.laplacians[0].rows
        x = self.expand(code).reshape(len(code), coarsest, -1).transpose(0, 1).contiguous()
        means = [self.mean_shape]
        for matrix in self.down:
            means.append(matrix(means[-1]))
        means = means[::-1]
        x, offset = x[..., 3:], REACH * x[..., :3]
        positions = []
        last = len(self.convolutions) - 1
        for level, (convolution, norm, head) in enumerate(zip(self.convolutions, self.norms, self.heads, strict=True)):
            if level:
                x, offset = self.up[level - 1](x), self.up[level - 1](offset)
            x = torch.relu(norm(convolution(x)))
            offset = offset + REACH * head(x)
            if str(level) in self.readers:
                window = self._read(inputs, (means[level][:, None] + offset).transpose(0, 1))
                x, moved = self.readers[str(level)](x, window)
                offset = offset + REACH * moved
            positions.append((means[level][:, None] + offset).transpose(0, 1))
            if level == last:
                return positions[-1], positions[:-1]
        raise AssertionError("a graph has at least one level")

    def _read(self, inputs: Inputs, positions: Float[Tensor, "b n 3"]) -> Float[Tensor, "n b c"]:
        """Return what stack and planes show around nodes."""
        read = self.windows(inputs.stack, positions)
        if not self.settings.views:
            return read
        return torch.cat([read, self.plane_windows(inputs.planes, inputs.facts, inputs.present, positions)], dim=-1)

    def answer(
        self,
        mu: Float[Tensor, "b latent"],
        logvar: Float[Tensor, "b latent"],
        inputs: Inputs,
        noise: Float[Tensor, "b latent"] | None = None,
    ) -> Answer:
        """Decode a code that is drawn with ``noise`` (standard normal); without it, decode the mean."""
        positions, coarse = self.decode(mu if noise is None else mu + noise * torch.exp(0.5 * logvar), inputs)
        return Answer(positions, coarse, mu, logvar)

    def forward(self, inputs: Inputs, noise: Float[Tensor, "b latent"] | None = None) -> Answer:
        """Return positions relative to the frame; see :meth:`answer`."""
        return self.answer(*self.encoder(inputs), inputs, noise)
