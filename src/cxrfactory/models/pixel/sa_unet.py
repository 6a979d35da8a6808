"""SA-UNet: a small U-Net with structured dropout in every convolution and spatial attention at the lowest level.

Guo et al., "SA-UNet: Spatial Attention U-Net for Retinal Vessel Segmentation" (ICPR 2020). CXLSeg uses this segmenter
(at 224 x 224, with Dice and cross-entropy). The structured dropout is DropBlock (Ghiasi et al., NeurIPS 2018).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cxrfactory.errors import CxrError
from cxrfactory.models.pixel.segmenter import PixelSegmenter, build_pixel, positive, share
from cxrfactory.tables.weights import NetworkSettings

LEVELS = 4
ATTENTION_KERNEL = 7


class DropBlock(nn.Module):
    """Set square blocks of a feature map to zero in training, separately in each channel, and rescale the rest.

    Parameters
    ----------
    chance
        Share of the map that is dropped (one minus the paper's ``keep_prob``).
    block
        Side of a block in pixels, an odd number. On a smaller map, the block has the largest odd side that fits.
    """

    def __init__(self, chance: float, block: int) -> None:
        super().__init__()
        self.chance, self.block = chance, block

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Drop blocks; in evaluation mode, return the map unchanged."""
        if not self.training or self.chance == 0:
            return x
        rows, columns = x.shape[-2:]
        block = min(self.block, rows - 1 + rows % 2, columns - 1 + columns % 2)
        # Centres lie where whole blocks fit, at the rate that drops the requested share (DropBlock, equation 1).
        inner = (rows - block + 1, columns - block + 1)
        rate = self.chance * rows * columns / block**2 / (inner[0] * inner[1])
        centres = torch.rand(*x.shape[:2], *inner, device=x.device) < rate
        margin = block // 2
        centres = nn.functional.pad(centres.float(), (margin,) * 4)
        kept = 1 - nn.functional.max_pool2d(centres, block, stride=1, padding=margin)
        kept = kept * kept[0].numel() / kept.sum(dim=(1, 2, 3), keepdim=True).clamp(min=1)
        return x * kept.to(x.dtype)


class SpatialAttention(nn.Module):
    """Weight every position by a 7 x 7 convolution of the mean and the maximum over the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, ATTENTION_KERNEL, padding=ATTENTION_KERNEL // 2, bias=False)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Multiply the map by its attention, which lies in (0, 1)."""
        summary = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        return x * torch.sigmoid(self.conv(summary))


class SAUNet(nn.Module):
    """The network.

    Parameters
    ----------
    outputs
        Number of output maps.
    width
        Channels of the first of four levels (16 in the paper); each further level has twice as many.
    drop_chance, drop_block
        Share and block side of the :class:`DropBlock` after every 3 x 3 convolution.
    """

    def __init__(self, outputs: int, width: int, drop_chance: float, drop_block: int) -> None:
        super().__init__()

        def unit(inputs: int, channels: int) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv2d(inputs, channels, 3, padding=1),
                DropBlock(drop_chance, drop_block),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
            )

        channels = [width * 2**level for level in range(LEVELS)]
        upper, bottom = channels[:-1], channels[-1]
        self.down = nn.ModuleList(
            nn.Sequential(unit(before, here), unit(here, here))
            for before, here in zip((1, *upper[:-1]), upper, strict=True)
        )
        self.bottom = nn.Sequential(unit(upper[-1], bottom), SpatialAttention(), unit(bottom, bottom))
        self.raise_ = nn.ModuleList(
            nn.ConvTranspose2d(2 * here, here, 3, stride=2, padding=1, output_padding=1) for here in reversed(upper)
        )
        self.up = nn.ModuleList(nn.Sequential(unit(2 * here, here), unit(here, here)) for here in reversed(upper))
        self.head = nn.Conv2d(width, outputs, 1)

    def forward(self, x: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b o h w"]:
        """Compute logits; the sides of the input must be multiples of 8."""
        skipped = []
        for block in self.down:
            x = block(x)
            skipped.append(x)
            x = nn.functional.max_pool2d(x, 2)
        x = self.bottom(x)
        for larger, block, skip in zip(self.raise_, self.up, reversed(skipped), strict=True):
            x = block(torch.cat([larger(x), skip], dim=1))
        return self.head(x)


def build(settings: NetworkSettings) -> PixelSegmenter:
    """Make the network from its settings: ``width``, ``drop_chance``, ``drop_block``, and the shared settings."""
    defaults = {"input_size": 224, "width": 16, "drop_chance": 0.1, "drop_block": 7}
    return build_pixel("sa-unet", settings, defaults, _body)


def _body(outputs: int, options: NetworkSettings) -> tuple[nn.Module, int]:
    name = "sa-unet"
    block = positive(name, "drop_block", options["drop_block"])
    if block % 2 == 0:
        raise CxrError(f"{name}: drop_block is {block}; expected an odd number, so that a block has a centre")
    width, chance = positive(name, "width", options["width"]), share(name, "drop_chance", options["drop_chance"])
    return SAUNet(outputs, width, chance, block), 2 ** (LEVELS - 1)
