"""TransUNet: a ResNet-50 with a ViT-B/16 on its features and a U-Net decoder (the variant R50-ViT-B/16).

Chen et al., "TransUNet: transformers make strong encoders for medical image segmentation" (2021), section 3. The parts
come from ``timm``: ResNetV2-50 with group normalisation and weight standardisation (three stages of 3, 4 and 9 blocks),
and the blocks of its vision transformer.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from cxrfactory.models.pixel.segmenter import PixelSegmenter, positive
from cxrfactory.models.pixel.zoo.parts import (
    Size,
    build_zoo,
    check_multiple,
    check_size,
    conv_norm,
    double,
    zoo_package,
)
from cxrfactory.tables.weights import NetworkSettings

NAME = "transunet"
PATCH = 16
STAGES = (3, 4, 9)  # blocks of the ResNet's stages
HEAD_WIDTH = 64


def build(settings: NetworkSettings) -> PixelSegmenter:
    """Make the network from its settings: ``embed``, ``depth``, ``width`` and the shared ones.

    ``embed`` is the number of channels of the tokens, a multiple of 64. ``depth`` is the number of transformer blocks.
    ``width`` is the number of channels of the ResNet's stem, a multiple of 32. The network reads only images of its
    ``input_size``, whose sides are multiples of 16.
    """
    return build_zoo(NAME, settings, {"embed": 768, "depth": 12, "width": 64, "input_size": 224}, _body)


def _body(outputs: int, options: NetworkSettings, size: Size) -> tuple[nn.Module, int]:
    check_multiple(NAME, size, PATCH)
    embed, depth, width = (positive(NAME, key, options[key]) for key in ("embed", "depth", "width"))
    return TransUNet(outputs, size, embed, depth, width), 1


class TransUNet(nn.Module):
    """The network.

    Parameters
    ----------
    outputs
        Number of output maps.
    size
        (rows, columns) of the input.
    embed, depth
        Channels and number of the transformer's blocks.
    width
        Channels of the ResNet's stem.
    """

    def __init__(self, outputs: int, size: Size, embed: int, depth: int, width: int) -> None:
        super().__init__()
        resnet = zoo_package(NAME, "timm.models.resnetv2")
        transformer = zoo_package(NAME, "timm.models.vision_transformer")
        layers = zoo_package(NAME, "timm.layers")
        self.size = size
        channels = [width, 4 * width, 8 * width, 16 * width]
        network = resnet.ResNetV2(
            STAGES,
            channels=tuple(channels[1:]),
            stem_chs=width,
            in_chans=1,
            num_classes=0,
            global_pool="",
            stem_type="same",
            preact=False,
            conv_layer=layers.StdConv2dSame,
        )
        self.stem, self.stages = network.stem, network.stages
        self.embed = nn.Conv2d(channels[-1], embed, 1)
        tokens = size[0] // PATCH * (size[1] // PATCH)
        self.position = nn.Parameter(torch.randn(1, tokens, embed) * 0.02)
        self.blocks = nn.Sequential(
            *(transformer.Block(embed, embed // HEAD_WIDTH, qkv_bias=True) for _ in range(depth))
        )
        self.norm = nn.LayerNorm(embed)
        up = [8 * width, *(int(each * width) for each in (4, 2, 1, 0.25))]
        self.bridge = conv_norm(embed, up[0], 3, act=nn.ReLU())
        skips = [*reversed(channels[:-1]), 0]
        self.up = nn.ModuleList(
            nn.Sequential(conv_norm(a + skip, b, 3, act=nn.ReLU()), conv_norm(b, b, 3, act=nn.ReLU()))
            for (a, b), skip in zip(pairwise(up), skips, strict=True)
        )
        self.head = nn.Conv2d(up[-1], outputs, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """Compute the logits ``[b, outputs, h, w]`` of an image ``[b, 1, h, w]``."""
        check_size(NAME, image, self.size)
        x, skips = image, []
        for name, layer in self.stem.named_children():
            if name == "pool":
                skips.append(x)
            x = layer(x)
        for stage in self.stages:
            x = stage(x)
            skips.append(x)
        skips.pop()
        x = self.embed(x)
        grid = x.shape[-2:]
        tokens = self.norm(self.blocks(x.flatten(2).transpose(1, 2) + self.position))
        x = self.bridge(tokens.transpose(1, 2).unflatten(2, grid))
        for step, up in enumerate(self.up):
            x = double(x)
            x = up(torch.cat([x, skips.pop()], 1) if step < len(self.up) - 1 else x)
        return self.head(x)
