"""Interfaces of the segmentation networks: landmarks, with or without a latent code, or pixels.

A network of the registry derives from :class:`LatentNetwork`, :class:`LandmarkNetwork` or :class:`PixelNetwork`. What
only some networks learn from a training set is described by a protocol: :class:`FitsShapes`, :class:`KeepsExamples` or
:class:`LearnsGreyValues`.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.errors import CxrError
from cxrfactory.models.ring_conv import use_rings
from cxrfactory.tables.weights import NetworkSettings


class SegmentationNetwork(nn.Module, ABC):
    """Base class of the networks in the registry.

    Attributes
    ----------
    input_size
        Side of the input in pixels, or (rows, columns).
    organs
        Names of the organs that the network segments, in its own order.
    definition
        What the organs include, a key of :data:`cxrfactory.anatomy.graph.DEFINITIONS`.
    """

    input_size: int | tuple[int, int]
    organs: tuple[str, ...]
    definition: str

    def for_inference(self) -> Self:
        """Return the network itself, in evaluation mode and ready for inference."""
        return self.eval()

    @abstractmethod
    def settings(self) -> NetworkSettings:
        """Return what its builder needs to make this network again; it is part of the weights card."""


class PixelNetwork(SegmentationNetwork):
    """A network from an image ``[b, 1, h, w]`` to logits ``[b, organs, h, w]``, with one sigmoid per organ."""


class LandmarkNetwork(SegmentationNetwork):
    """A network from an image ``[b, 1, s, s]`` to a tuple whose first item is positions ``[b, nodes, 2]``.

    Positions are (x, y) as fractions of the side, in the order of ``graph``.

    Attributes
    ----------
    graph
        Landmark graph that names the landmarks.
    """

    graph: LandmarkGraph

    @property
    def organs(self) -> tuple[str, ...]:
        """Names of the organs, in the order of the graph."""
        return self.graph.organs

    @property
    def definition(self) -> str:
        """What the organs include: the definition of the graph."""
        return self.graph.definition


@dataclass(frozen=True)
class Encoded:
    """What the decoder needs from the encoder.

    Attributes
    ----------
    maps
        Feature maps by the number of their block or level.
    mu, logvar
        Mean and log-variance of the latent distribution, ``[b, latent]``.
    logits
        Logits of the dense head ``[b, regions, h, w]``; None for a network without one.
    """

    maps: dict[int, Tensor]
    mu: Tensor
    logvar: Tensor
    logits: Tensor | None = None

    def code(self, noise: Float[Tensor, "b latent"] | None) -> Float[Tensor, "b latent"]:
        """Draw a code by reparametrisation with standard normal ``noise``; without noise, return the mean."""
        return self.mu if noise is None else self.mu + noise * torch.exp(0.5 * self.logvar)


class LatentNetwork(LandmarkNetwork):
    """A landmark network with an image encoder and a latent code from which the landmarks are decoded.

    Attributes
    ----------
    latent
        Size of the latent code.
    igsc
        Numbers of the encoder blocks whose feature maps the decoder reads through skip connections.
    encoder, normaliser
        The image encoder, and the normalisation of the grey values before it.
    mean_shape, pooling
        Buffers: the mean of the training shapes ``[nodes, 2]``, and the matrix from nodes to pooled nodes.
    """

    latent: int
    igsc: tuple[int, ...] = ()

    def encode(self, image: Float[Tensor, "b 1 s s"], also: Collection[int] = ()) -> Encoded:
        """Run the encoder once, and keep only the feature maps of the blocks in ``igsc`` and ``also``.

        Raises
        ------
        CxrError
            If the image's side differs from the input size.
        """
        self.check_side(image)
        maps, mu, logvar = self.encoder(self.normaliser(image), {*self.igsc, *also})
        return Encoded(maps, mu.float(), logvar.float())

    @abstractmethod
    def decode(self, encoded: Encoded, z: Float[Tensor, "b k latent"]) -> tuple[Float[Tensor, "b k n 2"], list[Tensor]]:
        """Decode ``k`` latent codes per image to positions, and to intermediate positions with their own loss."""

    def forward(
        self, image: Float[Tensor, "b 1 s s"], noise: Float[Tensor, "b latent"] | None = None
    ) -> tuple[Tensor, list[Tensor], Tensor, Tensor]:
        """Return positions ``[b, n, 2]``, intermediate positions, the latent mean and the log-variance.

        With ``noise`` (standard normal), the code is drawn by reparametrisation; without it, the mean is decoded.
        """
        encoded = self.encode(image)
        positions, intermediate = self.decode(encoded, encoded.code(noise).unsqueeze(1))
        return positions[:, 0], [each[:, 0] for each in intermediate], encoded.mu, encoded.logvar

    def check_side(self, image: Float[Tensor, "b 1 s s"]) -> None:
        """Refuse an image of another side than the input size.

        Raises
        ------
        CxrError
            If the side differs.
        """
        if image.shape[-2:] != (self.input_size, self.input_size):
            raise CxrError(f"image is {tuple(image.shape[-2:])}; this model expects {self.input_size} squared")

    def fold(self) -> None:
        """Fold the normalisations into the convolutions."""
        for block in self.encoder.blocks:
            block.fold()

    def for_inference(self) -> Self:
        """Fold the normalisations into the convolutions, in evaluation mode and with channels last."""
        self.eval()
        self.fold()
        use_rings(self, self.graph)
        return self.to(memory_format=torch.channels_last)

    def to_bf16(self) -> None:
        """Convert to bf16 the convolutions that lose little by it."""
        self.encoder.to_bf16()

    def encoder_settings(self) -> NetworkSettings:
        """Return the settings that all networks with a latent code share."""
        return {
            "graph": self.graph.name,
            "input_size": self.input_size,
            "latent": self.latent,
            "channels": [block.conv1.out_channels for block in self.encoder.blocks],
            "normalise": self.normalise,
        }


def check_input_size(input_size: int) -> None:
    """Reject a side that the encoder cannot halve five times.

    Raises
    ------
    CxrError
        If the side is not a positive multiple of 32.
    """
    if input_size < 32 or input_size % 32:
        raise CxrError(f"model input_size is {input_size}; expected a positive multiple of 32")


@runtime_checkable
class LearnsRegions(Protocol):
    """A landmark network that also learns masks.

    Attributes
    ----------
    regions
        Names of the regions of its dense answer, in their order. The first are those of the graph's organs.
    """

    regions: tuple[str, ...]

    def dense_answer(self, encoded: Encoded, code: Float[Tensor, "b latent"]) -> Float[Tensor, "b r h w"]:
        """Return the logits of the regions, from what the encoder found and one latent code per image."""


@runtime_checkable
class HasDenseHead(LearnsRegions, Protocol):
    """A landmark network whose landmarks are drawn to the answer of its dense head, :attr:`Encoded.logits`.

    Attributes
    ----------
    shape_stage, start_stage
        Places, among the intermediate positions of ``decode``, of the shape that the latent code alone gives, and of
        the landmarks before the dense head is read for the first time. Both have all nodes.
    """

    shape_stage: int
    start_stage: int


@dataclass(frozen=True)
class Rebuilt:
    """Answer of an autoencoder.

    Attributes
    ----------
    answer
        What was rebuilt, of the shape of the input.
    mu, logvar
        Mean and log-variance of the code, ``[b, latent]``.
    """

    answer: Tensor
    mu: Tensor
    logvar: Tensor


@runtime_checkable
class Rebuilds(Protocol):
    """Autoencoders of images and of landmarks, which only serve to start other networks.

    Attributes
    ----------
    latent
        Size of each code.
    """

    latent: int

    def rebuild_images(self, images: Tensor, noise: Tensor | None = None) -> tuple[Rebuilt, Tensor]:
        """Rebuild images ``[b, 1, s, s]``; the second item is what the answer should equal."""

    def rebuild_shapes(self, positions: Tensor, noise: Tensor | None = None) -> tuple[Rebuilt, Rebuilt]:
        """Rebuild landmarks ``[b, n, 2]``, as a graph and as a vector."""


@runtime_checkable
class StartsFromParts(Protocol):
    """A network whose parts can start from those of another network.

    Attributes
    ----------
    parts
        Name of the part in the network that is trained, to its name in the other network.
    """

    parts: Mapping[str, str]


@runtime_checkable
class FitsShapes(Protocol):
    """A network that learns more than the mean shape from the training shapes."""

    def fit_shapes(self, targets: list[Float[np.ndarray, "m 2"]]) -> None:
        """Fit landmarks, (x, y) as fractions of the side, one array per image."""


@runtime_checkable
class KeepsExamples(Protocol):
    """A segmenter that keeps labelled images instead of being trained."""

    def learn_atlases(self, images: UInt8[np.ndarray, "n s s"], targets: list[Float[np.ndarray, "m 2"]]) -> None:
        """Keep 8-bit images with their landmarks, (x, y) as fractions of the side."""


@runtime_checkable
class LearnsGreyValues(Protocol):
    """A normalisation that is fitted to the training images."""

    def learn(self, images: Float[Tensor, "n 1 s s"]) -> Any:
        """Fit images with values in [0, 1]."""
