"""HybridGNet: a convolutional image encoder and a graph-convolutional landmark decoder.

Gaggion et al., "Improving anatomical plausibility in medical image segmentation via hybrid graph neural
networks" (IEEE TMI 2022), section 3: a latent code of 64, six Chebyshev layers (K = 6) with layer normalisation and
ReLU, unpooling after the third layer, up to two image-to-graph skip connections (IGSC), and deep supervision.

This implementation has two additions. First, every predicted position is an offset, in tenths of the side, from the
mean shape of the training set, which is stored with the weights. This changes the optimisation, not what the network
can represent. Second, with ``passes``, each stage corrects the positions of the stage before it. The last stage then
runs ``passes`` times and reads its windows at the positions of its previous pass.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cxrfactory.anatomy.graph import LandmarkGraph, landmark_graph
from cxrfactory.errors import CxrError
from cxrfactory.models.chebyshev import ChebConv, chebyshev_basis
from cxrfactory.models.contour_windows import sample_window
from cxrfactory.models.encoder import CHANNELS, Encoder
from cxrfactory.models.networks import Encoded, LatentNetwork, check_input_size
from cxrfactory.models.normalise import build_normaliser
from cxrfactory.tables.weights import NetworkSettings

# Node features: latent code -> three layers at half the nodes -> unpooling -> three layers -> (x, y).
WIDTHS = (32, 32, 32, 16, 16, 16)
ORDER = 6
# An output of 1 moves a node by this share of the side. The size of Adam's steps follows the learning rate, not the
# gradient. If outputs were in whole sides, one step would move every node by several pixels.
REACH = 0.1


class HybridGNet(LatentNetwork):
    """Predict the landmarks of an image.

    Parameters
    ----------
    graph
        The landmark graph.
    input_size
        Side of the square input in pixels, a multiple of 32.
    igsc
        Encoder blocks (1 to 6) that the skip connections read: ``(6, 5)`` for the paper's 2-IGSC, one number for
        1-IGSC, empty for no skip connection. The first one is before the unpooling, the second one after it.
    latent
        Size of the latent code.
    channels
        Channels after each encoder block.
    normalise
        Normalisation of the grey values: ``none`` or ``equalise`` (:mod:`cxrfactory.models.normalise`).
    passes
        How often the last stage corrects the positions at which it reads its windows. 0 gives the published network,
        in which each stage predicts the positions anew. More than one pass needs two skip connections.
    coordinates
        Whether a skip connection also reads the node's own position, as in the thesis.

    Raises
    ------
    CxrError
        If the input size is not a multiple of 32, ``igsc`` names a block that does not exist, or ``passes`` is out of
        range.
    """

    def __init__(
        self,
        graph: LandmarkGraph,
        input_size: int = 1024,
        igsc: tuple[int, ...] = (6, 5),
        latent: int = 64,
        channels: tuple[int, ...] = CHANNELS,
        normalise: str = "none",
        passes: int = 0,
        coordinates: bool = False,
    ) -> None:
        super().__init__()
        check_input_size(input_size)
        if len(igsc) > 2 or any(block not in range(1, len(channels) + 1) for block in igsc):
            raise CxrError(
                f"model igsc is {list(igsc)}; expected at most two encoder blocks, each 1 to {len(channels)}"
            )
        self.graph, self.input_size, self.igsc, self.latent = graph, input_size, tuple(igsc), latent
        if passes not in range(10) or (passes > 1 and len(igsc) < 2):
            raise CxrError(
                f"model passes is {passes} with igsc {list(igsc)}; expected 0 to 9, more than 1 only with two"
            )
        self.passes, self.coordinates = passes, coordinates
        self.normalise, self.normaliser = normalise, build_normaliser(normalise)
        self.encoder = Encoder(input_size, latent, tuple(channels))
        fine = chebyshev_basis(graph.adjacency(), ORDER)
        coarse = chebyshev_basis(graph.pooled_adjacency(), ORDER)
        self.pooled = coarse.shape[1]
        extra = [channels[block - 1] + 2 * coordinates for block in self.igsc] + [0, 0]
        self.expand = nn.Linear(latent, self.pooled * WIDTHS[0])
        self.conv1 = ChebConv(coarse, WIDTHS[0], WIDTHS[1])
        self.conv2 = ChebConv(coarse, WIDTHS[1], WIDTHS[2])
        self.position1 = ChebConv(coarse, WIDTHS[2], 2) if len(igsc) > 0 else None
        self.conv3 = ChebConv(coarse, WIDTHS[2] + extra[0], WIDTHS[3])
        self.conv4 = ChebConv(fine, WIDTHS[3], WIDTHS[4])
        self.position2 = ChebConv(fine, WIDTHS[4], 2) if len(igsc) > 1 else None
        self.conv5 = ChebConv(fine, WIDTHS[4] + extra[1], WIDTHS[5])
        self.conv6 = ChebConv(fine, WIDTHS[5], 2)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in (*WIDTHS[1:], WIDTHS[0]))
        unpooling = torch.from_numpy(graph.unpooling()).float()
        pooling = torch.from_numpy(graph.pooling()).float()
        self.register_buffer("unpooling", unpooling, persistent=False)
        self.register_buffer("pooling", pooling, persistent=False)
        self.register_buffer("mean_shape", torch.full((graph.nodes, 2), 0.5))
        for layer in (self.position1, self.position2, self.conv6):
            if layer is not None:
                nn.init.normal_(layer.weight, std=1e-2)

    def decode(self, encoded: Encoded, z: Float[Tensor, "b k latent"]) -> tuple[Float[Tensor, "b k n 2"], list[Tensor]]:
        """Decode ``k`` latent codes per image.

        Returns
        -------
        positions
            (x, y) as fractions of the side, ``[b, k, nodes, 2]``.
        intermediate
            Positions at which the skip connections read the feature maps, pass by pass, for deep supervision.
        """
        batch, samples = z.shape[:2]
        x = torch.relu(self.norms[5](self.expand(z).reshape(batch, samples, self.pooled, WIDTHS[0])))
        x = torch.relu(self.norms[0](self.conv1(x)))
        x = torch.relu(self.norms[1](self.conv2(x)))
        intermediate = []
        position = self.mean_shape
        if self.position1 is not None:
            offset = REACH * self.position1(x)
            intermediate.append(offset + self.pooling @ self.mean_shape)
            x = self._skip(x, encoded.maps[self.igsc[0]], intermediate[0])
            if self.passes:
                position = position + self.unpooling @ offset
        x = torch.relu(self.norms[2](self.conv3(x)))
        x = self.unpooling @ x
        x = torch.relu(self.norms[3](self.conv4(x)))
        if self.position2 is None:
            return position + self._last(x), intermediate
        position = position + REACH * self.position2(x)
        for _ in range(max(1, self.passes)):
            intermediate.append(position)
            correction = self._last(self._skip(x, encoded.maps[self.igsc[1]], position))
            position = (position if self.passes else self.mean_shape) + correction
        return position, intermediate

    def _last(self, x: Tensor) -> Tensor:
        """Apply the last two layers; returns offsets of the nodes as fractions of the side."""
        return REACH * self.conv6(torch.relu(self.norms[4](self.conv5(x))))

    def _skip(self, x: Tensor, features: Tensor, position: Tensor) -> Tensor:
        batch, samples, nodes = position.shape[:3]
        # As in RoIAlign, no gradient flows through the window's position; deep supervision trains the positions.
        window = sample_window(features, position.detach().reshape(batch, samples * nodes, 2))
        read = [x, window.reshape(batch, samples, nodes, -1)]
        return torch.cat([*read, position.detach() - 0.5] if self.coordinates else read, dim=-1)

    def settings(self) -> NetworkSettings:
        """Return what :func:`build` needs to make this network again; it is part of the weights card."""
        settings = self.encoder_settings() | {"igsc": list(self.igsc), "passes": self.passes}
        return settings | ({"coordinates": True} if self.coordinates else {})


def build(settings: NetworkSettings) -> HybridGNet:
    """Make the network from its settings (see :meth:`HybridGNet.settings`)."""
    return HybridGNet(
        landmark_graph(settings["graph"]),
        input_size=int(settings["input_size"]),
        igsc=tuple(settings["igsc"]),
        latent=int(settings["latent"]),
        channels=tuple(settings.get("channels", CHANNELS)),
        normalise=settings.get("normalise", "none"),
        passes=int(settings.get("passes", 0)),
        coordinates=bool(settings.get("coordinates", False)),
    )
