"""FC baseline: HybridGNet's encoder and a fully connected decoder to all coordinates.

Gaggion et al. (IEEE TMI 2022), section 4.2.2, treat the landmarks as one vector, without connectivity. The paper does
not state the depth of the decoder. This implementation has one hidden layer between the code and the coordinates.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cxrfactory.anatomy.graph import LandmarkGraph, landmark_graph
from cxrfactory.models.baselines.code_segmenter import CodeSegmenter
from cxrfactory.models.encoder import CHANNELS
from cxrfactory.models.hybridgnet import REACH
from cxrfactory.tables.weights import NetworkSettings

HIDDEN = 256


class FullyConnected(CodeSegmenter):
    """Predict landmarks with a fully connected decoder; the parameters are those of :class:`CodeSegmenter`."""

    parts: ClassVar[Mapping[str, str]] = {"encoder": "encoder", "hidden": "hidden", "output": "output"}

    def __init__(
        self,
        graph: LandmarkGraph,
        input_size: int = 1024,
        latent: int = 64,
        channels: tuple[int, ...] = CHANNELS,
        normalise: str = "none",
    ) -> None:
        super().__init__(graph, input_size, latent, channels, normalise)
        self.hidden = nn.Linear(latent, HIDDEN)
        self.output = nn.Linear(HIDDEN, 2 * graph.nodes)
        nn.init.normal_(self.output.weight, std=1e-2)
        nn.init.zeros_(self.output.bias)

    def positions_of(self, z: Float[Tensor, "*b latent"]) -> Float[Tensor, "*b n 2"]:
        """Add the decoder's output, in tenths of the side as in HybridGNet, to the mean shape."""
        moved = self.output(torch.relu(self.hidden(z)))
        return self.mean_shape + REACH * moved.unflatten(-1, (self.graph.nodes, 2))


def build(settings: NetworkSettings) -> FullyConnected:
    """Make the network from its settings (:meth:`CodeSegmenter.settings`); other settings are ignored."""
    return FullyConnected(
        landmark_graph(settings["graph"]),
        input_size=int(settings["input_size"]),
        latent=int(settings["latent"]),
        channels=tuple(settings.get("channels", CHANNELS)),
        normalise=settings.get("normalise", "none"),
    )
