"""A U-Net with HybridGNet's encoder: six residual blocks down, five up, and skip connections by concatenation.

Gaggion et al. (IEEE TMI 2022), section 4.2.4, compare HybridGNet with a U-Net that has the same encoder and the
mirrored decoder, so that both are of comparable complexity. The decoder's upsampling is bilinear.
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cxrfactory.models.encoder import CHANNELS, ResidualBlock
from cxrfactory.models.pixel.segmenter import PixelSegmenter, build_pixel, positive
from cxrfactory.tables.weights import NetworkSettings


class HybridGNetUNet(nn.Module):
    """The network; its blocks are those of :class:`cxrfactory.models.encoder.Encoder`.

    Parameters
    ----------
    outputs
        Number of output maps.
    channels
        Channels of the encoder's blocks, first to last.
    """

    def __init__(self, outputs: int, channels: tuple[int, ...] = CHANNELS) -> None:
        super().__init__()
        pairs = zip((1, *channels[:-1]), channels, strict=True)
        self.down = nn.ModuleList(ResidualBlock(before, here) for before, here in pairs)
        mirrored = channels[::-1]
        self.up = nn.ModuleList(ResidualBlock(below + here, here) for below, here in pairwise(mirrored))
        self.head = nn.Conv2d(channels[0], outputs, 1)

    def forward(self, x: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b o h w"]:
        """Compute logits; the sides of the input must be multiples of 32."""
        skipped = []
        for block in self.down[:-1]:
            x = block(x)
            skipped.append(x)
            x = nn.functional.max_pool2d(x, 2)
        x = self.down[-1](x)
        for block, skip in zip(self.up, reversed(skipped), strict=True):
            larger = nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = block(torch.cat([larger, skip], dim=1))
        return self.head(x)


def build(settings: NetworkSettings) -> PixelSegmenter:
    """Make the network from its settings: ``channels`` of the encoder's blocks, and the shared settings."""
    return build_pixel("unet-hybridgnet", settings, {"channels": list(CHANNELS)}, _body)


def _body(outputs: int, options: NetworkSettings) -> tuple[nn.Module, int]:
    channels = tuple(positive("unet-hybridgnet", "channels", each) for each in options["channels"])
    return HybridGNetUNet(outputs, channels), 2 ** (len(channels) - 1)
