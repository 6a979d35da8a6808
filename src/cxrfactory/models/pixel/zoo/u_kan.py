"""U-KAN: a convolutional U-Net whose deepest levels are Kolmogorov-Arnold layers.

Li et al., "U-KAN makes strong backbone for medical image segmentation and generation" (AAAI 2025), section 3.2. A
Kolmogorov-Arnold layer (Liu et al., "KAN: Kolmogorov-Arnold networks", ICLR 2025, section 2.2) learns one function per
pair of an input and an output: a weighted SiLU and a cubic spline on a fixed grid over [-1, 1].
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from cxrfactory.models.pixel.segmenter import PixelSegmenter, positive
from cxrfactory.models.pixel.zoo.parts import ChannelNorm, build_zoo, double
from cxrfactory.tables.weights import NetworkSettings

NAME = "u-kan"
INTERVALS, ORDER = 5, 3
LEVELS = (8, 16, 64, 80, 128)  # channels in units of ``width``, which is 4 in the paper: 32, 64, 256, 320, 512
LAYERS = 3  # Kolmogorov-Arnold layers a block


def build(settings: NetworkSettings) -> PixelSegmenter:
    """Make the network from its settings: ``width`` (an eighth of the channels of the first level)."""
    return build_zoo(NAME, settings, {"width": 4}, _body)


def _body(outputs: int, options: NetworkSettings, _size: tuple[int, int]) -> tuple[nn.Module, int]:
    width = positive(NAME, "width", options["width"])
    return UKan(outputs, [width * level for level in LEVELS]), 32


class KanLinear(nn.Module):
    """A Kolmogorov-Arnold layer on ``[..., inputs]``.

    Parameters
    ----------
    inputs, outputs
        Number of inputs and outputs.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        knots = torch.arange(-ORDER, INTERVALS + ORDER + 1) * (2 / INTERVALS) - 1
        self.register_buffer("knots", knots, persistent=False)
        self.base = nn.Linear(inputs, outputs, bias=False)
        self.spline = nn.Parameter(torch.randn(outputs, inputs, INTERVALS + ORDER) * 0.1 / INTERVALS)
        self.scale = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(outputs, inputs), a=5**0.5))

    def splines(self, x: Tensor) -> Tensor:
        """Compute the values of the basis splines, ``[..., inputs, 8]``, by the recursion of Cox and de Boor."""
        x, knots = x[..., None], self.knots
        basis = ((x >= knots[:-1]) & (x < knots[1:])).to(x.dtype)
        for order in range(1, ORDER + 1):
            rise = (x - knots[: -order - 1]) / (knots[order:-1] - knots[: -order - 1])
            fall = (knots[order + 1 :] - x) / (knots[order + 1 :] - knots[1:-order])
            basis = rise * basis[..., :-1] + fall * basis[..., 1:]
        return basis

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        curves = nn.functional.linear(self.splines(x).flatten(-2), (self.spline * self.scale[..., None]).flatten(1))
        return self.base(nn.functional.silu(x)) + curves


class KanBlock(nn.Module):
    """Tokenised KAN block: three layers, each with a depthwise convolution, beside the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.layers = nn.ModuleList(KanLinear(channels, channels) for _ in range(LAYERS))
        self.filters = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, channels, 3, padding=1, groups=channels), nn.BatchNorm2d(channels), nn.ReLU()
            )
            for _ in range(LAYERS)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        y = self.norm(x)
        for layer, filters in zip(self.layers, self.filters, strict=True):
            y = filters(layer(y.movedim(1, -1)).movedim(-1, 1))
        return x + y


class Tokens(nn.Module):
    """Overlapping embedding at half the size, a KAN block and a normalisation."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
        self.embed_norm, self.block, self.norm = ChannelNorm(outputs), KanBlock(outputs), ChannelNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        return self.norm(self.block(self.embed_norm(self.embed(x))))


def convolutions(inputs: int, middle: int, outputs: int) -> nn.Sequential:
    """Make two 3 x 3 convolutions with batch normalisation and ReLU."""
    layers: list[nn.Module] = []
    for a, b in ((inputs, middle), (middle, outputs)):
        layers += [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU()]
    return nn.Sequential(*layers)


class UKan(nn.Module):
    """The network.

    Parameters
    ----------
    outputs
        Number of output maps.
    channels
        Channels of the five levels.
    """

    def __init__(self, outputs: int, channels: list[int]) -> None:
        super().__init__()
        self.down = nn.ModuleList(convolutions(a, b, b) for a, b in pairwise([1, *channels[:3]]))
        self.tokens = nn.ModuleList(Tokens(a, b) for a, b in pairwise(channels[2:]))
        self.up = nn.ModuleList(convolutions(a, a, b) for a, b in pairwise([*reversed(channels), channels[0]]))
        self.mixers = nn.ModuleList(nn.Sequential(KanBlock(c), ChannelNorm(c)) for c in (channels[3], channels[2]))
        self.head = nn.Conv2d(channels[0], outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits ``[b, outputs, h, w]`` of an image ``[b, 1, h, w]``."""
        skips = []
        for down in self.down:
            x = nn.functional.max_pool2d(down(x), 2)
            skips.append(x)
        for tokens in self.tokens:
            x = tokens(x)
            skips.append(x)
        skips.pop()  # the deepest level is not skipped
        for step, up in enumerate(self.up):
            x = nn.functional.relu(double(up(x)))
            if skips:
                x = x + skips.pop()
            if step < len(self.mixers):
                x = self.mixers[step](x)
        return self.head(x)
