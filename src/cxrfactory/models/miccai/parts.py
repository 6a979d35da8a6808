"""Parts of the networks of Gaggion et al., MICCAI 2021: decoders of graphs and masks, and the autoencoders' encoders.

Layers and widths are those of the article's supplement (tables 1 to 4). It has no normalisation between the graph's
convolutions, does not say how maps are enlarged (here: each cell is repeated) nor how large the last kernel of the
dense decoder is (here: 1 x 1), and sums skip connections "between corresponding blocks" (here: after the decoder's
block, which is the only place where the numbers of channels are equal).
"""

import itertools
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.models.chebyshev import ChebConv, chebyshev_basis
from cxrfactory.models.encoder import FIRST_LOGVAR, ResidualBlock

CHANNELS = (8, 16, 32, 64, 64)  # of the image encoder's five blocks
WIDTH = 16  # channels of a node
ORDER = 6  # Chebyshev polynomials of a layer


class CodeLayer(nn.Module):
    """Fully connected layers to the mean and the log-variance of a code, as the image encoder has them."""

    def __init__(self, inputs: int, latent: int) -> None:
        super().__init__()
        self.mu = nn.Linear(inputs, latent)
        self.logvar = nn.Linear(inputs, latent)
        nn.init.zeros_(self.logvar.weight)
        nn.init.constant_(self.logvar.bias, FIRST_LOGVAR)

    def forward(self, x: Float[Tensor, "b inputs"]) -> tuple[Float[Tensor, "b latent"], Float[Tensor, "b latent"]]:
        """Return mean and log-variance."""
        return self.mu(x), self.logvar(x)


class GraphEncoder(nn.Module):
    """Four Chebyshev layers and a fully connected one, from positions to a code (table 3)."""

    def __init__(self, graph: LandmarkGraph, latent: int) -> None:
        super().__init__()
        basis = chebyshev_basis(graph.adjacency(), ORDER)
        self.convolutions = nn.ModuleList(ChebConv(basis, inputs, WIDTH) for inputs in (2, WIDTH, WIDTH, WIDTH))
        self.code = CodeLayer(graph.nodes * WIDTH, latent)

    def forward(self, positions: Float[Tensor, "b n 2"]) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of the code ``[b, latent]``."""
        x = positions
        for layer in self.convolutions:
            x = torch.relu(layer(x))
        return self.code(x.flatten(1))


class GraphDecoder(nn.Module):
    """A fully connected layer and five Chebyshev layers, from a code to two numbers a node (table 4)."""

    def __init__(self, graph: LandmarkGraph, latent: int) -> None:
        super().__init__()
        self.nodes = graph.nodes
        basis = chebyshev_basis(graph.adjacency(), ORDER)
        self.expand = nn.Linear(latent, graph.nodes * WIDTH)
        self.convolutions = nn.ModuleList(ChebConv(basis, WIDTH, outputs) for outputs in (*[WIDTH] * 4, 2))
        nn.init.normal_(self.convolutions[-1].weight, std=1e-2)

    def forward(self, z: Float[Tensor, "*b latent"]) -> Float[Tensor, "*b n 2"]:
        """Decode codes."""
        x = torch.relu(self.expand(z)).unflatten(-1, (self.nodes, WIDTH))
        for layer in self.convolutions[:-1]:
            x = torch.relu(layer(x))
        return self.convolutions[-1](x)


class VectorEncoder(nn.Module):
    """A hidden layer and a fully connected one, from positions without their graph to a code."""

    def __init__(self, nodes: int, hidden: int, latent: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(2 * nodes, hidden)
        self.code = CodeLayer(hidden, latent)

    def forward(self, positions: Float[Tensor, "b n 2"]) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of the code ``[b, latent]``."""
        return self.code(torch.relu(self.hidden(positions.flatten(1))))


class DenseDecoder(nn.Module):
    """A fully connected layer and four residual blocks, each on maps of twice the side (table 2, all but its last row).

    Parameters
    ----------
    side
        Side of the image encoder's input in pixels.
    latent
        Size of the code.
    channels
        Channels of the image encoder's blocks, from the first to the last; the decoder mirrors them.
    """

    def __init__(self, side: int, latent: int, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__()
        bottom = side // 2 ** (len(channels) - 1)
        self.shape = (channels[-1], bottom, bottom)
        self.expand = nn.Linear(latent, channels[-1] * bottom**2)
        widths = [channels[-1], *reversed(channels[:-1])]
        self.blocks = nn.ModuleList(ResidualBlock(*both) for both in itertools.pairwise(widths))

    def forward(
        self, z: Float[Tensor, "b latent"], skips: Mapping[int, Tensor] | None = None
    ) -> Float[Tensor, "b c s s"]:
        """Decode codes to maps at the input's side; ``skips`` are the encoder's maps by the number of their block."""
        x = self.expand(z).unflatten(-1, self.shape)
        for number, block in zip(range(len(self.blocks), 0, -1), self.blocks, strict=True):
            x = block(nn.functional.interpolate(x, scale_factor=2.0))
            if skips is not None:
                x = x + skips[number]
        return x
