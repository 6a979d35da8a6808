"""PIDNet-S: three branches for details, context and boundaries.

Xu, Xiong and Bhattacharyya, "PIDNet: a real-time semantic segmentation network inspired by PID controllers" (CVPR
2023), sections 3.1 to 3.4 and figures 3 to 6. The two auxiliary heads and the boundary loss of section 3.5 serve the
training on Cityscapes and are left out: the network has the one output that all segmenters here have.
"""

import torch
from torch import Tensor, nn

from cxrfactory.models.pixel.segmenter import PixelSegmenter, positive
from cxrfactory.models.pixel.zoo.parts import build_zoo, check_batch, conv_norm, norm_conv, resize
from cxrfactory.tables.weights import NetworkSettings

NAME = "pidnet"
POOLS = ((5, 2), (9, 4), (17, 8))  # window and stride of the context module's poolings; the fourth one is global


def build(settings: NetworkSettings) -> PixelSegmenter:
    """Make the network from its settings: ``width`` (channels of the first stage) and the shared ones."""
    return build_zoo(NAME, settings, {"width": 32}, _body)


def _body(outputs: int, options: NetworkSettings, _size: tuple[int, int]) -> tuple[nn.Module, int]:
    return PidNet(outputs, positive(NAME, "width", options["width"])), 64


class Residual(nn.Module):
    """Convolutions beside the identity, or beside a 1 x 1 convolution where the shape changes; no final activation."""

    def __init__(self, inputs: int, layers: list[nn.Module], outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        same = inputs == outputs and stride == 1
        self.identity = nn.Identity() if same else conv_norm(inputs, outputs, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        return self.layers(x) + self.identity(x)


def basic(inputs: int, outputs: int, stride: int = 1) -> Residual:
    """Make a residual block of two 3 x 3 convolutions."""
    layers = [conv_norm(inputs, outputs, 3, stride, act=nn.ReLU()), conv_norm(outputs, outputs, 3)]
    return Residual(inputs, layers, outputs, stride)


def bottleneck(inputs: int, middle: int, stride: int = 1) -> Residual:
    """Make a residual block of 1 x 1, 3 x 3 and 1 x 1 convolutions with ``2 * middle`` outputs."""
    first, second = conv_norm(inputs, middle, act=nn.ReLU()), conv_norm(middle, middle, 3, stride, act=nn.ReLU())
    return Residual(inputs, [first, second, conv_norm(middle, 2 * middle)], 2 * middle, stride)


def stage(inputs: int, outputs: int, blocks: int, stride: int = 1) -> nn.Sequential:
    """Make basic blocks with a ReLU between them."""
    layers: list[nn.Module] = [basic(inputs, outputs, stride)]
    for _ in range(blocks - 1):
        layers += [nn.ReLU(), basic(outputs, outputs)]
    return nn.Sequential(*layers)


class PixelAttention(nn.Module):
    """Pag (section 3.2): the detail branch takes from the context where the two agree."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.detail, self.context = conv_norm(channels, channels // 2), conv_norm(channels, channels // 2)

    def forward(self, detail: Tensor, context: Tensor) -> Tensor:
        """Mix the details with the context, which may be smaller."""
        size = detail.shape[-2:]
        agreement = (self.detail(detail) * resize(self.context(context), size)).sum(1, keepdim=True).sigmoid()
        return (1 - agreement) * detail + agreement * resize(context, size)


class ContextPyramid(nn.Module):
    """PAPPM (section 3.3): poolings of several windows in parallel, each added to the unpooled features."""

    def __init__(self, inputs: int, middle: int, outputs: int) -> None:
        super().__init__()
        pools: list[nn.Module] = [nn.AvgPool2d(window, stride, window // 2) for window, stride in POOLS]
        self.pools = nn.ModuleList([*pools, nn.AdaptiveAvgPool2d(1)])
        self.squeezes = nn.ModuleList(norm_conv(inputs, middle) for _ in self.pools)
        self.unpooled = norm_conv(inputs, middle)
        self.mix = norm_conv(4 * middle, 4 * middle, 3, groups=4)
        self.merge, self.shortcut = norm_conv(5 * middle, outputs), norm_conv(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        size, unpooled = x.shape[-2:], self.unpooled(x)
        pooled = [
            resize(squeeze(pool(x)), size) + unpooled for pool, squeeze in zip(self.pools, self.squeezes, strict=True)
        ]
        mixed = self.mix(torch.cat(pooled, 1))
        return self.merge(torch.cat([unpooled, mixed], 1)) + self.shortcut(x)


class BoundaryFusion(nn.Module):
    """Light-Bag (section 3.4): details count at boundaries, context elsewhere."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.detail, self.context = conv_norm(channels, channels), conv_norm(channels, channels)

    def forward(self, detail: Tensor, context: Tensor, boundary: Tensor) -> Tensor:
        """Fuse the three branches, which have one size."""
        weight = boundary.sigmoid()
        return self.detail((1 - weight) * context + detail) + self.context(context + weight * detail)


class PidNet(nn.Module):
    """The network.

    Parameters
    ----------
    outputs
        Number of output maps.
    width
        Channels of the first stage; 32 in PIDNet-S.
    """

    def __init__(self, outputs: int, width: int) -> None:
        super().__init__()
        w = width
        self.stem = nn.Sequential(
            conv_norm(1, w, 3, 2, act=nn.ReLU()), conv_norm(w, w, 3, 2, act=nn.ReLU()), stage(w, w, 2), nn.ReLU()
        )
        # Context (I), at 1/8, 1/16, 1/32 and 1/64 of the size.
        self.context = nn.ModuleList([stage(w, 2 * w, 2, 2), stage(2 * w, 4 * w, 3, 2), stage(4 * w, 8 * w, 3, 2)])
        self.deepest = nn.Sequential(bottleneck(8 * w, 8 * w, 2), nn.ReLU(), bottleneck(16 * w, 8 * w))
        self.pyramid = ContextPyramid(16 * w, 3 * w, 4 * w)
        # Details (P) and boundaries (D), both at 1/8.
        self.detail = nn.ModuleList([stage(2 * w, 2 * w, 2), stage(2 * w, 2 * w, 2), bottleneck(2 * w, 2 * w)])
        self.boundary = nn.ModuleList([basic(2 * w, w), bottleneck(w, w), bottleneck(2 * w, 2 * w)])
        self.squeezes = nn.ModuleList([conv_norm(4 * w, 2 * w), conv_norm(8 * w, 2 * w)])
        self.attention = nn.ModuleList([PixelAttention(2 * w), PixelAttention(2 * w)])
        self.differences = nn.ModuleList([conv_norm(4 * w, w, 3), conv_norm(8 * w, 2 * w, 3)])
        self.fusion = BoundaryFusion(4 * w)
        self.head = nn.Sequential(
            norm_conv(4 * w, 4 * w, 3), nn.BatchNorm2d(4 * w), nn.ReLU(), nn.Conv2d(4 * w, outputs, 1)
        )

    def forward(self, image: Tensor) -> Tensor:
        """Compute the logits ``[b, outputs, h, w]`` of an image ``[b, 1, h, w]``."""
        check_batch(NAME, image, self.training)
        relu = nn.functional.relu
        context = relu(self.context[0](self.stem(image)))
        size = context.shape[-2:]
        detail, boundary = self.detail[0](context), self.boundary[0](context)
        for step in range(2):
            context = relu(self.context[step + 1](context))
            detail = self.attention[step](detail, self.squeezes[step](context))
            boundary = boundary + resize(self.differences[step](context), size)
            detail, boundary = self.detail[step + 1](relu(detail)), self.boundary[step + 1](relu(boundary))
        context = resize(self.pyramid(self.deepest(context)), size)
        return resize(self.head(self.fusion(detail, context, boundary)), image.shape[-2:])
