"""The trunk of HybridUNet: a U-Net whose decoder serves a dense head and a landmark head.

Ronneberger et al. (MICCAI 2015) with five levels. The image enters at half its resolution, four pixels as four
channels, so that fine detail is read at a quarter of the cost. On the CPU, a folded trunk runs through
:mod:`cxrfactory.models.packed_conv`, which takes three quarters of the time and differs by rounding only.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cxrfactory.models.packed_conv import (
    PackedWeights,
    add_convolved,
    convolved,
    interleaved,
    is_packable,
    of_enlarged,
)

MULTIPLES = (1, 2, 4, 8, 8)  # channels of the five levels, in widths
STEP = 2  # the first level has one cell for 2 x 2 pixels
LEVELS = len(MULTIPLES)
# Smallest part of the side that divides it: the cells of the first level are halved four times.
DIVISOR = STEP * 2 ** (LEVELS - 1)


class ConvBlock(nn.Module):
    """Two 3 x 3 convolutions, each with batch normalisation and ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.packed: dict[str, PackedWeights] = {}  # empty until the block is folded

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h w"]:
        """Apply the block; the resolution does not change."""
        x = x.to(self.conv1.weight.dtype)
        if self.packed and is_packable(x):
            return self._second(convolved(x, self.packed["whole"], self.conv1.bias))
        x = torch.relu_(self.norm1(self.conv1(x)))
        return torch.relu_(self.norm2(self.conv2(x)))

    def joined(self, skip: Float[Tensor, "b s h w"], below: Float[Tensor, "b i-s h/2 w/2"]) -> Float[Tensor, "b o h w"]:
        """Apply the block to a map and a map of half the side, which is enlarged by nearest neighbours."""
        below = below.to(skip.dtype)
        if self.packed and is_packable(skip) and skip.dtype == self.conv1.weight.dtype:
            parts = convolved(below, self.packed["below"], None, "none")
            return self._second(add_convolved(interleaved(parts), skip, self.packed["skip"], self.conv1.bias))
        finer = nn.functional.interpolate(below, scale_factor=2.0, mode="nearest")
        return self(torch.cat([skip, finer], dim=1))

    def _second(self, x: Float[Tensor, "b o h w"]) -> Float[Tensor, "b o h w"]:
        return convolved(x, self.packed["second"], self.conv2.bias)

    def fold(self, skip: int = 0) -> None:
        """Fold the normalisations into the convolutions, for inference; ``skip`` channels come before enlarged ones."""
        self.conv1, self.norm1 = fuse_conv_bn_eval(self.conv1, self.norm1), nn.Identity()
        self.conv2, self.norm2 = fuse_conv_bn_eval(self.conv2, self.norm2), nn.Identity()
        self.packed = {
            "whole": PackedWeights(lambda: self.conv1.weight),
            "skip": PackedWeights(lambda: self.conv1.weight[:, :skip]),
            "below": PackedWeights(lambda: of_enlarged(self.conv1.weight[:, skip:])),
            "second": PackedWeights(lambda: self.conv2.weight),
        }


class Trunk(nn.Module):
    """Compute the feature maps of the decoder, and the bottom of the encoder.

    Parameters
    ----------
    inputs
        Number of channels of the image.
    width
        Channels of the first level.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.channels = tuple(width * multiple for multiple in MULTIPLES)
        above = (inputs * STEP**2, *self.channels[:-1])
        self.down = nn.ModuleList(ConvBlock(first, last) for first, last in zip(above, self.channels, strict=True))
        self.up = nn.ModuleList(
            ConvBlock(here + below, here) for here, below in zip(self.channels, self.channels[1:], strict=False)
        )

    def forward(self, image: Float[Tensor, "b i s s"]) -> tuple[list[Tensor], Tensor]:
        """Return the decoder's maps, level by level from the finest (``[b, width, s / 2, s / 2]``), and the bottom."""
        x = nn.functional.pixel_unshuffle(image, STEP).contiguous(memory_format=torch.channels_last)
        skips = []
        for level, block in enumerate(self.down):
            x = block(x)
            skips.append(x)
            if level < LEVELS - 1:
                x = nn.functional.max_pool2d(x, 2)
        maps = []
        for level in range(LEVELS - 2, -1, -1):
            x = self.up[level].joined(skips[level], x)
            maps.append(x)
        return maps[::-1], skips[-1]

    def fold(self) -> None:
        """Fold the normalisations into the convolutions, for inference."""
        for block in self.down:
            block.fold()
        for block, channels in zip(self.up, self.channels, strict=False):
            block.fold(channels)

    def to_bf16(self) -> None:
        """Convert all blocks to bf16 except the first and the last, which read the image and give the border."""
        for block in (*self.down[1:], *self.up[1:]):
            block.to(torch.bfloat16)
