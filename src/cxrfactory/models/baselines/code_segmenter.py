"""What the FC and PCA baselines share with HybridGNet: the encoder, the interface and the training."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.models.encoder import CHANNELS, Encoder
from cxrfactory.models.networks import Encoded, LatentNetwork, check_input_size
from cxrfactory.models.normalise import build_normaliser
from cxrfactory.tables.weights import NetworkSettings


class CodeSegmenter(LatentNetwork, ABC):
    """Predict landmarks from an image's latent code, without graph convolutions and without skip connections.

    Subclasses define :meth:`positions_of`.

    Parameters
    ----------
    graph
        The landmark graph. It names the nodes; the network does not use its edges.
    input_size
        Side of the square input in pixels, a multiple of 32.
    latent
        Size of the latent code.
    channels
        Channels of the encoder's blocks; five for the encoder of :mod:`cxrfactory.models.miccai`.
    normalise
        Normalisation of the grey values (:mod:`cxrfactory.models.normalise`).

    Raises
    ------
    CxrError
        If the input size is not a positive multiple of 32.
    """

    def __init__(
        self,
        graph: LandmarkGraph,
        input_size: int = 1024,
        latent: int = 64,
        channels: tuple[int, ...] = CHANNELS,
        normalise: str = "none",
    ) -> None:
        super().__init__()
        check_input_size(input_size)
        self.graph, self.input_size, self.latent = graph, input_size, latent
        self.normalise, self.normaliser = normalise, build_normaliser(normalise)
        self.encoder = Encoder(input_size, latent, tuple(channels))
        self.register_buffer("pooling", torch.from_numpy(graph.pooling()).float(), persistent=False)
        self.register_buffer("mean_shape", torch.full((graph.nodes, 2), 0.5))

    @abstractmethod
    def positions_of(self, z: Float[Tensor, "*b latent"]) -> Float[Tensor, "*b n 2"]:
        """Compute (x, y) of every node as fractions of the side, from latent codes."""

    def decode(self, encoded: Encoded, z: Float[Tensor, "b k latent"]) -> tuple[Float[Tensor, "b k n 2"], list[Tensor]]:
        """Decode ``k`` codes per image; the list of intermediate positions is empty."""
        return self.positions_of(z), []

    def settings(self) -> NetworkSettings:
        """Return what ``build`` needs to make this network again; it is part of the weights card."""
        return self.encoder_settings()
