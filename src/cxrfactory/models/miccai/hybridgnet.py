"""The first HybridGNet and its dual models (Gaggion et al., MICCAI 2021, section 2 and supplement).

A convolutional encoder of five residual blocks, a latent code of 64, and a decoder of five Chebyshev layers at all
nodes, without pooling of the graph and without skip connections to it. The dual models decode masks from the same code
as well; in the second one, maps of the encoder's blocks are added to those of the mask decoder (never to the graph
decoder).

Three things differ from the article. As in this package's other landmark networks, positions are offsets in tenths of
the side from the mean shape. The masks have one sigmoid an organ, because clavicles lie over lungs, where the article
has four exclusive labels. And the input's side is free, where the article has 512.
"""

from collections.abc import Collection, Mapping
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cxrfactory.anatomy.graph import LandmarkGraph, landmark_graph
from cxrfactory.anatomy.regions import contour_regions
from cxrfactory.models.encoder import Encoder
from cxrfactory.models.hybridgnet import REACH
from cxrfactory.models.miccai.parts import CHANNELS, DenseDecoder, GraphDecoder
from cxrfactory.models.networks import Encoded, LatentNetwork, check_input_size
from cxrfactory.models.normalise import build_normaliser
from cxrfactory.models.ring_conv import use_rings
from cxrfactory.tables.weights import NetworkSettings


class HybridGNetMiccai(LatentNetwork):
    """Predict the landmarks of an image.

    Parameters
    ----------
    graph
        The landmark graph; the article's has lungs, heart and clavicles, 166 nodes.
    input_size
        Side of the square input in pixels, a multiple of 32.
    latent
        Size of the latent code.
    normalise
        Normalisation of the grey values (:mod:`cxrfactory.models.normalise`).

    Raises
    ------
    CxrError
        If the input size is not a positive multiple of 32.
    """

    parts: ClassVar[Mapping[str, str]] = {"encoder": "encoder", "decoder": "decoder"}

    def __init__(self, graph: LandmarkGraph, input_size: int = 512, latent: int = 64, normalise: str = "none") -> None:
        super().__init__()
        check_input_size(input_size)
        self.graph, self.input_size, self.latent = graph, input_size, latent
        self.normalise, self.normaliser = normalise, build_normaliser(normalise)
        self.encoder = Encoder(input_size, latent, CHANNELS)
        self.decoder = GraphDecoder(graph, latent)
        self.register_buffer("pooling", torch.from_numpy(graph.pooling()).float(), persistent=False)
        self.register_buffer("mean_shape", torch.full((graph.nodes, 2), 0.5))

    def decode(self, encoded: Encoded, z: Float[Tensor, "b k latent"]) -> tuple[Float[Tensor, "b k n 2"], list[Tensor]]:
        """Decode ``k`` codes per image; the list of intermediate positions is empty."""
        return self.mean_shape + REACH * self.decoder(z), []

    def for_inference(self) -> "HybridGNetMiccai":
        """Fold the normalisations, and convolve over rings."""
        super().for_inference()
        use_rings(self.decoder.convolutions, self.graph)
        return self

    def settings(self) -> NetworkSettings:
        """Return what :func:`build` needs to make this network again; it is part of the weights card."""
        return self.encoder_settings()


class HybridGNetDual(HybridGNetMiccai):
    """Predict landmarks, and masks of the same organs from the same code.

    Parameters
    ----------
    graph, input_size, latent, normalise
        As for :class:`HybridGNetMiccai`.
    skips
        Whether the maps of the encoder's blocks are added to those of the mask decoder.
    """

    parts: ClassVar[Mapping[str, str]] = {**HybridGNetMiccai.parts, "dense": "dense"}

    def __init__(
        self,
        graph: LandmarkGraph,
        input_size: int = 512,
        latent: int = 64,
        normalise: str = "none",
        skips: bool = False,
    ) -> None:
        super().__init__(graph, input_size, latent, normalise)
        self.regions = tuple(contour_regions(graph))
        self.dense = DenseDecoder(input_size, latent)
        self.head = nn.Conv2d(CHANNELS[0], len(self.regions), 1)
        self.skipped = tuple(range(1, len(CHANNELS))) if skips else ()

    def encode(self, image: Float[Tensor, "b 1 s s"], also: Collection[int] = ()) -> Encoded:
        """Run the encoder once; the maps that the mask decoder reads are kept."""
        return super().encode(image, (*also, *self.skipped))

    def dense_answer(self, encoded: Encoded, code: Float[Tensor, "b latent"]) -> Float[Tensor, "b r s s"]:
        """Decode the logits of the organs' masks from one code per image."""
        return self.head(self.dense(code, encoded.maps if self.skipped else None))


def build(settings: NetworkSettings) -> HybridGNetMiccai:
    """Make the network from its settings (:meth:`HybridGNetMiccai.settings`); other settings are ignored."""
    return HybridGNetMiccai(**arguments(settings))


def build_dual(settings: NetworkSettings) -> HybridGNetDual:
    """Make the dual network without skip connections."""
    return HybridGNetDual(**arguments(settings))


def build_dual_skips(settings: NetworkSettings) -> HybridGNetDual:
    """Make the dual network whose mask decoder has skip connections."""
    return HybridGNetDual(**arguments(settings), skips=True)


def arguments(settings: NetworkSettings) -> dict:
    """Return the arguments that the networks of the article share."""
    return {
        "graph": landmark_graph(settings["graph"]),
        "input_size": int(settings["input_size"]),
        "latent": int(settings["latent"]),
        "normalise": settings.get("normalise", "none"),
    }
