"""UNeXt: a convolutional U-Net whose two deepest levels are shifted MLPs.

Valanarasu and Patel, "UNeXt: MLP-based rapid medical image segmentation network" (MICCAI 2022), section 2: three
convolutional and two tokenised MLP stages down, the same up, and skip connections by addition.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from cxrfactory.models.pixel.segmenter import PixelSegmenter, positive
from cxrfactory.models.pixel.zoo.parts import ChannelNorm, build_zoo, conv_norm, double
from cxrfactory.tables.weights import NetworkSettings

NAME = "unext"
GROUPS = 5  # groups of channels, which are shifted by -2, -1, 0, 1 and 2 tokens
# Channels of the five levels in units of ``width``, which is 16 in the paper: 16, 32, 128, 160, 256.
LEVELS = (1, 2, 8, 10, 16)


def build(settings: NetworkSettings) -> PixelSegmenter:
    """Make the network from its settings: ``width`` (channels of the first level) and the shared ones."""
    return build_zoo(NAME, settings, {"width": 16}, _body)


def _body(outputs: int, options: NetworkSettings, _size: tuple[int, int]) -> tuple[nn.Module, int]:
    width = positive(NAME, "width", options["width"])
    return UNeXt(outputs, [width * level for level in LEVELS]), 32


def shifted(x: Tensor, axis: int) -> Tensor:
    """Shift five groups of channels of ``[b, c, h, w]`` by -2 to 2 along an axis; zeros fill the gap."""
    reach, side = GROUPS // 2, x.shape[axis]
    padding = (0, 0, reach, reach) if axis == 2 else (reach, reach, 0, 0)
    groups = torch.tensor_split(nn.functional.pad(x, padding), GROUPS, dim=1)
    return torch.cat([group.narrow(axis, shift, side) for shift, group in enumerate(groups)], dim=1)


class ShiftedMlp(nn.Module):
    """Tokenised MLP block (section 2.2): shift and mix along the width, then along the height, beside the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.first, self.second = nn.Conv2d(channels, channels, 1), nn.Conv2d(channels, channels, 1)
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        y = self.first(shifted(self.norm(x), axis=3))
        y = nn.functional.gelu(self.depthwise(y))
        return x + self.second(shifted(y, axis=2))


class Tokens(nn.Module):
    """Overlapping embedding at half the size, a shifted MLP and a normalisation."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
        self.embed_norm, self.block, self.norm = ChannelNorm(outputs), ShiftedMlp(outputs), ChannelNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        return self.norm(self.block(self.embed_norm(self.embed(x))))


class UNeXt(nn.Module):
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
        convolved, tokens = [1, *channels[:3]], channels[2:]
        self.convolutions = nn.ModuleList(conv_norm(a, b, 3) for a, b in pairwise(convolved))
        self.tokens = nn.ModuleList(Tokens(a, b) for a, b in pairwise(tokens))
        up = [*reversed(channels), channels[0]]
        self.up = nn.ModuleList(conv_norm(a, b, 3) for a, b in pairwise(up))
        self.mixers = nn.ModuleList(nn.Sequential(ShiftedMlp(c), ChannelNorm(c)) for c in (channels[3], channels[2]))
        self.head = nn.Conv2d(channels[0], outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits ``[b, outputs, h, w]`` of an image ``[b, 1, h, w]``."""
        skips = []
        for convolution in self.convolutions:
            x = nn.functional.relu(nn.functional.max_pool2d(convolution(x), 2))
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
