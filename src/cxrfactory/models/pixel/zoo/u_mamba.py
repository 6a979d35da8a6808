"""U-Mamba: nnU-Net's layout of residual blocks, with selective state-space blocks in the encoder.

Ma, Li and Wang, "U-Mamba: enhancing long-range dependency for biomedical image segmentation" (2024), section 2: two
residual blocks a level down, one a level up, and a Mamba block at the bottleneck (the variant Bot) or at every level of
the encoder (Enc). The residual blocks come from ``dynamic-network-architectures``, and the scan is plain PyTorch
(:mod:`cxrfactory.models.pixel.zoo.selective_scan`): the variant Enc is for a GPU. Deep supervision is left out.
"""

import torch
from torch import Tensor, nn

from cxrfactory.models.pixel.segmenter import PixelSegmenter, positive
from cxrfactory.models.pixel.zoo.nnunet import LargeEnough, channels_of, levels_of
from cxrfactory.models.pixel.zoo.parts import Size, build_zoo, one_of, zoo_package
from cxrfactory.models.pixel.zoo.selective_scan import STATES, SelectiveScan
from cxrfactory.tables.weights import NetworkSettings

NAME = "u-mamba"
WHERE = ("bottleneck", "encoder")
FILTER = 4  # tokens that the causal filter reads


def build(settings: NetworkSettings) -> PixelSegmenter:
    """Make the network from its settings: ``width`` (channels of the first level) and ``mamba``.

    ``mamba`` says where Mamba blocks are: ``bottleneck``, or ``encoder`` for all its levels.
    """
    return build_zoo(NAME, settings, {"width": 32, "mamba": "bottleneck"}, _body)


def _body(outputs: int, options: NetworkSettings, size: Size) -> tuple[nn.Module, int]:
    levels = levels_of(size)
    channels = channels_of(positive(NAME, "width", options["width"]), levels)
    network = UMamba(outputs, channels, one_of(NAME, "mamba", options["mamba"], WHERE) == "encoder")
    multiple = 2 ** (levels - 1)
    return LargeEnough(NAME, network, multiple), multiple


class Mamba(nn.Module):
    """Mamba block on the pixels of ``[b, c, h, w]`` as one sequence, row by row (figure 1 of the paper)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = 2 * channels
        self.norm = nn.LayerNorm(channels)
        self.expand, self.project = nn.Linear(channels, 2 * inner, bias=False), nn.Linear(inner, channels, bias=False)
        self.filter = nn.Conv1d(inner, inner, FILTER, padding=FILTER - 1, groups=inner)
        self.scan = SelectiveScan(inner, STATES)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        tokens = self.norm(x.flatten(2).transpose(1, 2))
        y, gate = self.expand(tokens).transpose(1, 2).chunk(2, 1)
        y = self.scan(nn.functional.silu(self.filter(y)[..., : y.shape[-1]]))
        y = self.project((y * nn.functional.silu(gate)).transpose(1, 2))
        return y.transpose(1, 2).unflatten(2, x.shape[-2:])


class UMamba(nn.Module):
    """The network.

    Parameters
    ----------
    outputs
        Number of output maps.
    channels
        Channels of the levels.
    everywhere
        Whether every level of the encoder has a Mamba block, and not only the deepest one.
    """

    def __init__(self, outputs: int, channels: list[int], everywhere: bool) -> None:
        super().__init__()
        blocks = zoo_package(NAME, "dynamic_network_architectures.building_blocks.residual")

        def residual(count: int, inputs: int, width: int, stride: int) -> nn.Module:
            return blocks.StackedResidualBlocks(
                count,
                nn.Conv2d,
                inputs,
                width,
                3,
                stride,
                conv_bias=True,
                norm_op=nn.InstanceNorm2d,
                norm_op_kwargs={"eps": 1e-5, "affine": True},
                nonlin=nn.LeakyReLU,
                nonlin_kwargs={"inplace": True},
            )

        first = channels[0]
        self.stem = residual(1, 1, first, 1)
        self.down = nn.ModuleList(
            residual(2, inputs, width, 1 if level == 0 else 2)
            for level, (inputs, width) in enumerate(zip([first, *channels[:-1]], channels, strict=True))
        )
        last = len(channels) - 1
        self.mamba = nn.ModuleList(
            Mamba(width) if everywhere or level == last else nn.Identity() for level, width in enumerate(channels)
        )
        steps = list(zip(reversed(channels[1:]), reversed(channels[:-1]), strict=True))
        self.enlarge = nn.ModuleList(nn.ConvTranspose2d(below, width, 2, 2) for below, width in steps)
        self.up = nn.ModuleList(residual(1, 2 * width, width, 1) for _, width in steps)
        self.head = nn.Conv2d(first, outputs, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Compute the logits ``[b, outputs, h, w]`` of an image ``[b, 1, h, w]``."""
        x, skips = self.stem(image), []
        for down, mamba in zip(self.down, self.mamba, strict=True):
            x = mamba(down(x))
            skips.append(x)
        skips.pop()
        for enlarge, up in zip(self.enlarge, self.up, strict=True):
            x = up(torch.cat([enlarge(x), skips.pop()], 1))
        return self.head(x)
