"""TopFormer-Base: tokens of a light convolutional pyramid, a transformer over all of them, and injection back.

Zhang et al., "TopFormer: token pyramid transformer for mobile semantic segmentation" (CVPR 2022), section 3 and table 1
of its supplement (the Base variant).
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from cxrfactory.errors import CxrError
from cxrfactory.models.pixel.segmenter import PixelSegmenter
from cxrfactory.models.pixel.zoo.inverted_residual import Rows, inverted_residuals, scaled
from cxrfactory.models.pixel.zoo.parts import build_zoo, conv_norm, resize
from cxrfactory.tables.weights import NetworkSettings

NAME = "topformer"
STEM = 16
PYRAMID: tuple[Rows, ...] = (  # from 1/2 to 1/4, 1/8, 1/16 and 1/32
    ((3, 1, 16, 1), (3, 4, 32, 2), (3, 3, 32, 1)),
    ((5, 3, 64, 2), (5, 3, 64, 1)),
    ((3, 3, 128, 2), (3, 3, 128, 1)),
    ((5, 6, 160, 2), (5, 6, 160, 1), (3, 6, 160, 1)),
)
BLOCKS, HEADS, KEYS, VALUES = 4, 8, 16, 32  # transformer blocks, heads, and sizes of a head's keys and values
MERGED = 256  # channels after the injection


def build(settings: NetworkSettings) -> PixelSegmenter:
    """Make the network from its settings: ``width`` (1 gives the Base variant, 0.5 half its channels)."""
    return build_zoo(NAME, settings, {"width": 1.0}, _body)


def _body(outputs: int, options: NetworkSettings, _size: tuple[int, int]) -> tuple[nn.Module, int]:
    return TopFormer(outputs, factor(NAME, options["width"])), 64


def factor(model: str, value: object) -> float:
    """Return ``value`` if it is a factor of the channels from 0.1 to 4.

    Raises
    ------
    CxrError
        If it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.1 <= value <= 4:
        raise CxrError(f"{model}: width is {value!r}; expected a factor of the channels from 0.1 to 4")
    return float(value)


class Mlp(nn.Module):
    """Feed-forward part with a depthwise convolution between its two projections."""

    def __init__(self, channels: int, ratio: int) -> None:
        super().__init__()
        hidden = channels * ratio
        self.expand, self.project = conv_norm(channels, hidden), conv_norm(hidden, channels)
        self.filter = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        return self.project(nn.functional.relu6(self.filter(self.expand(x))))


class Attention(nn.Module):
    """Self-attention between all positions; projections are 1 x 1 convolutions with batch normalisation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.queries, self.keys = conv_norm(channels, HEADS * KEYS), conv_norm(channels, HEADS * KEYS)
        self.values, self.project = conv_norm(channels, HEADS * VALUES), conv_norm(HEADS * VALUES, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        queries, keys, values = (
            layer(x).flatten(2).unflatten(1, (HEADS, -1)).transpose(2, 3)
            for layer in (self.queries, self.keys, self.values)
        )
        mixed = nn.functional.scaled_dot_product_attention(queries, keys, values)
        mixed = mixed.transpose(2, 3).flatten(1, 2).unflatten(2, x.shape[-2:])
        return self.project(nn.functional.relu6(mixed))


class Block(nn.Module):
    """Transformer block: attention and feed-forward part, each beside the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention, self.mlp = Attention(channels), Mlp(channels, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        x = x + self.attention(x)
        return x + self.mlp(x)


class Injection(nn.Module):
    """Semantics injection (section 3.3): global features weight the local tokens, and are added to them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.local, self.gate, self.added = (conv_norm(channels, MERGED) for _ in range(3))

    def forward(self, local: Tensor, semantics: Tensor) -> Tensor:
        """Weight the features of the first argument by those of the second, which may be smaller."""
        size = local.shape[-2:]
        gate = resize(nn.functional.hardsigmoid(self.gate(semantics)), size)
        return self.local(local) * gate + resize(self.added(semantics), size)


class TopFormer(nn.Module):
    """The network.

    Parameters
    ----------
    outputs
        Number of output maps.
    width
        Factor of the pyramid's channels.
    """

    def __init__(self, outputs: int, width: float = 1.0) -> None:
        super().__init__()
        self.stem = conv_norm(1, STEM, 3, 2, act=nn.ReLU())
        stages, inputs, self.channels = [], STEM, []
        for rows in PYRAMID:
            stages.append(inverted_residuals(inputs, scaled(rows, width)))
            inputs = scaled(rows, width)[-1][2]
            self.channels.append(inputs)
        self.stages = nn.ModuleList(stages)
        self.blocks = nn.Sequential(*(Block(sum(self.channels)) for _ in range(BLOCKS)))
        self.injections = nn.ModuleList(Injection(channels) for channels in self.channels[1:])
        self.merge, self.head = conv_norm(MERGED, MERGED, act=nn.ReLU()), nn.Conv2d(MERGED, outputs, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Compute the logits ``[b, outputs, h, w]`` of an image ``[b, 1, h, w]``."""
        x, tokens = self.stem(image), []
        for stage in self.stages:
            x = stage(x)
            tokens.append(x)
        size = (x.shape[-2] // 2, x.shape[-1] // 2)
        semantics = self.blocks(torch.cat([adaptive_avg_pool2d(token, size) for token in tokens], 1))
        parts = semantics.split(self.channels, 1)
        levels = [inject(*pair) for inject, *pair in zip(self.injections, tokens[1:], parts[1:], strict=True)]
        merged = levels[0]
        for level in levels[1:]:
            merged = merged + resize(level, merged.shape[-2:])
        return resize(self.head(self.merge(merged)), image.shape[-2:])
