"""Swin-UNet: a U-Net of windowed self-attention without convolutions between its levels.

Cao et al., "Swin-Unet: Unet-like pure transformer for medical image segmentation" (ECCV workshops 2022), section 3:
patches of 4 x 4, two Swin blocks a level (from ``timm``), patch merging down, patch expanding up, skip connections by
concatenation and projection.
"""

import torch
from torch import Tensor, nn

from cxrfactory.models.pixel.segmenter import PixelSegmenter, positive
from cxrfactory.models.pixel.zoo.parts import Size, build_zoo, check_multiple, check_size, zoo_package
from cxrfactory.tables.weights import NetworkSettings

NAME = "swin-unet"
LEVELS, BLOCKS, PATCH = 4, 2, 4
HEADS = (3, 6, 12, 24)
DOWN = PATCH * 2 ** (LEVELS - 1)


def build(settings: NetworkSettings) -> PixelSegmenter:
    """Make the network from its settings: ``embed`` (channels of the first level, a multiple of 3), ``window``.

    The network reads only images of its ``input_size``, whose sides are multiples of 32. Windows of 7 divide the levels
    of 224 pixels evenly; other levels are padded to whole windows.
    """
    return build_zoo(NAME, settings, {"embed": 96, "window": 7, "input_size": 224}, _body)


def _body(outputs: int, options: NetworkSettings, size: Size) -> tuple[nn.Module, int]:
    check_multiple(NAME, size, DOWN)
    embed, window = (positive(NAME, key, options[key]) for key in ("embed", "window"))
    return SwinUNet(outputs, size, embed, window), 1


class Expand(nn.Module):
    """Patch expanding (section 3.5): a linear layer and a rearrangement of ``[b, h, w, c]`` to larger sides.

    Parameters
    ----------
    inputs, outputs
        Channels.
    scale
        Factor of the sides.
    """

    def __init__(self, inputs: int, outputs: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.spread, self.norm = nn.Linear(inputs, outputs * scale**2, bias=False), nn.LayerNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        b, rows, columns, _ = x.shape
        x = self.spread(x).view(b, rows, columns, self.scale, self.scale, -1).transpose(2, 3)
        return self.norm(x.reshape(b, rows * self.scale, columns * self.scale, -1))


class SwinUNet(nn.Module):
    """The network.

    Parameters
    ----------
    outputs
        Number of output maps.
    size
        (rows, columns) of the input.
    embed
        Channels of the first level.
    window
        Side of the attention windows.
    """

    def __init__(self, outputs: int, size: Size, embed: int, window: int) -> None:
        super().__init__()
        swin = zoo_package(NAME, "timm.models.swin_transformer")
        self.size = size
        channels = [embed * 2**level for level in range(LEVELS)]

        def blocks(level: int) -> nn.Sequential:
            grid = tuple(side // PATCH // 2**level for side in size)
            return nn.Sequential(
                *(
                    swin.SwinTransformerBlock(
                        channels[level], grid, HEADS[level], window_size=window, shift_size=step % 2 * (window // 2)
                    )
                    for step in range(BLOCKS)
                )
            )

        self.embed, self.embed_norm = nn.Conv2d(1, embed, PATCH, PATCH), nn.LayerNorm(embed)
        self.down = nn.ModuleList(blocks(level) for level in range(LEVELS))
        self.merge = nn.ModuleList(swin.PatchMerging(each, 2 * each) for each in channels[:-1])
        self.deepest_norm = nn.LayerNorm(channels[-1])
        up = list(reversed(range(LEVELS - 1)))
        self.expand = nn.ModuleList(Expand(2 * channels[level], channels[level], 2) for level in up)
        self.join = nn.ModuleList(nn.Linear(2 * channels[level], channels[level]) for level in up)
        self.up = nn.ModuleList(blocks(level) for level in up)
        self.norm, self.last = nn.LayerNorm(embed), Expand(embed, embed, PATCH)
        self.head = nn.Conv2d(embed, outputs, 1, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        """Compute the logits ``[b, outputs, h, w]`` of an image ``[b, 1, h, w]``."""
        check_size(NAME, image, self.size)
        x, skips = self.embed_norm(self.embed(image).movedim(1, -1)), []
        for level, blocks in enumerate(self.down):
            x = blocks(x)
            if level < len(self.merge):
                skips.append(x)
                x = self.merge[level](x)
        x = self.deepest_norm(x)
        for expand, join, blocks in zip(self.expand, self.join, self.up, strict=True):
            x = blocks(join(torch.cat([expand(x), skips.pop()], -1)))
        return self.head(self.last(self.norm(x)).movedim(-1, 1))
