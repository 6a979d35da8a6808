"""VM-UNet: a U-Net of two-dimensional selective state-space blocks.

Ruan et al., "VM-UNet: vision Mamba UNet for medical image segmentation" (2024), section 3; its block is that of
VMamba (Liu et al., NeurIPS 2024): four scans of the map, along rows and columns, forwards and backwards. The scan is
plain PyTorch (:mod:`cxrfactory.models.pixel.zoo.selective_scan`): at the paper's size this network is for a GPU.
"""

import torch
from torch import Tensor, nn

from cxrfactory.models.pixel.segmenter import PixelSegmenter, positive
from cxrfactory.models.pixel.zoo.parts import Size, build_zoo
from cxrfactory.models.pixel.zoo.selective_scan import STATES, SelectiveScan
from cxrfactory.models.pixel.zoo.swin_unet import Expand
from cxrfactory.tables.weights import NetworkSettings

NAME = "vmunet"
PATCH, LEVELS = 4, 4
DOWN_BLOCKS, UP_BLOCKS = (2, 2, 2, 2), (2, 2, 2, 1)


def build(settings: NetworkSettings) -> PixelSegmenter:
    """Make the network from its settings: ``embed`` (channels of the first level, a multiple of 4) and ``states``."""
    return build_zoo(NAME, settings, {"embed": 96, "states": STATES, "input_size": 256}, _body)


def _body(outputs: int, options: NetworkSettings, _size: Size) -> tuple[nn.Module, int]:
    embed, states = (positive(NAME, key, options[key]) for key in ("embed", "states"))
    return VmUNet(outputs, embed, states), PATCH * 2 ** (LEVELS - 1)


class FourScans(nn.Module):
    """Selective scans of a map ``[b, c, h, w]`` in four orders, summed."""

    def __init__(self, channels: int, states: int) -> None:
        super().__init__()
        self.scans = nn.ModuleList(SelectiveScan(channels, states) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        rows, columns = x.shape[-2:]
        by_row, by_column = x.flatten(2), x.transpose(2, 3).flatten(2)
        along, back, down, up = self.scans
        first = along(by_row) + back(by_row.flip(-1)).flip(-1)
        second = down(by_column) + up(by_column.flip(-1)).flip(-1)
        return first.unflatten(2, (rows, columns)) + second.unflatten(2, (columns, rows)).transpose(2, 3)


class Block(nn.Module):
    """Visual state-space block on ``[b, h, w, c]``: filter, four scans and a gate, beside the identity."""

    def __init__(self, channels: int, states: int) -> None:
        super().__init__()
        inner = 2 * channels
        self.norm, self.inner_norm = nn.LayerNorm(channels), nn.LayerNorm(inner)
        self.expand, self.project = nn.Linear(channels, 2 * inner, bias=False), nn.Linear(inner, channels, bias=False)
        self.filter = nn.Conv2d(inner, inner, 3, padding=1, groups=inner)
        self.scans = FourScans(inner, states)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        y, gate = self.expand(self.norm(x)).chunk(2, -1)
        y = nn.functional.silu(self.filter(y.movedim(-1, 1)))
        y = self.inner_norm(self.scans(y).movedim(1, -1))
        return x + self.project(y * nn.functional.silu(gate))


class Merge(nn.Module):
    """Patch merging of ``[b, h, w, c]``: four neighbours become one token with twice the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm, self.reduce = nn.LayerNorm(4 * channels), nn.Linear(4 * channels, 2 * channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        corners = [x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        return self.reduce(self.norm(torch.cat(corners, -1)))


class VmUNet(nn.Module):
    """The network.

    Parameters
    ----------
    outputs
        Number of output maps.
    embed
        Channels of the first level.
    states
        Number of states a channel.
    """

    def __init__(self, outputs: int, embed: int, states: int) -> None:
        super().__init__()
        channels = [embed * 2**level for level in range(LEVELS)]

        def blocks(width: int, count: int) -> nn.Sequential:
            return nn.Sequential(*(Block(width, states) for _ in range(count)))

        self.embed, self.embed_norm = nn.Conv2d(1, embed, PATCH, PATCH), nn.LayerNorm(embed)
        self.down = nn.ModuleList(map(blocks, channels, DOWN_BLOCKS))
        self.merge = nn.ModuleList(Merge(each) for each in channels[:-1])
        self.up = nn.ModuleList(map(blocks, reversed(channels), UP_BLOCKS))
        self.expand = nn.ModuleList(Expand(2 * each, each, 2) for each in reversed(channels[:-1]))
        self.last = Expand(embed, embed // PATCH, PATCH)
        self.head = nn.Conv2d(embed // PATCH, outputs, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Compute the logits ``[b, outputs, h, w]`` of an image ``[b, 1, h, w]``."""
        x, skips = self.embed_norm(self.embed(image).movedim(1, -1)), []
        for level, blocks in enumerate(self.down):
            x = blocks(x)
            if level < len(self.merge):
                skips.append(x)
                x = self.merge[level](x)
        for level, blocks in enumerate(self.up):
            if level:
                x = self.expand[level - 1](x) + skips.pop()
            x = blocks(x)
        return self.head(self.last(x).movedim(-1, 1))
