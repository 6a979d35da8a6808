"""DeepLab v3 with the layout and the number of parameters of ChronoRoot's."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_STAGES = ((64, 3), (128, 4), (256, 23), (512, 3))  # channels and number of the units of ResNet-101
_DILATIONS = (1, 1, 2, 4)  # of the stages' 3 x 3 convolutions, so that features stay at an eighth of the picture
_RATES = (6, 12, 18)  # dilations of the pyramid
_DEPTH = 256


class _ShiftNorm(nn.BatchNorm2d):
    """A batch normalisation with a learned shift and no learned scale."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, affine=False)
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        momentum = 0.0 if self.momentum is None else self.momentum
        return F.batch_norm(x, self.running_mean, self.running_var, None, self.shift, self.training, momentum, self.eps)


class _Unit(nn.Module):
    """A bottleneck of ResNet v2: normalised first; its inner convolutions have a bias and no normalisation."""

    def __init__(self, inputs: int, inner: int, dilation: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * inner
        self.norm = _ShiftNorm(inputs)
        self.conv1 = nn.Conv2d(inputs, inner, 1)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, padding=dilation, dilation=dilation)
        self.conv3 = nn.Conv2d(inner, outputs, 1)
        self.short = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else None
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        before = F.relu(self.norm(x))
        short = x[:, :, :: self.stride, :: self.stride] if self.short is None else self.short(before)
        return short + self.conv3(F.relu(self.conv2(F.relu(self.conv1(before)))))


def _normed(inputs: int, size: int, dilation: int = 1) -> nn.Sequential:
    padding = dilation * (size // 2)
    conv = nn.Conv2d(inputs, _DEPTH, size, padding=padding, dilation=dilation, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(_DEPTH), nn.ReLU())


class DeepLab(nn.Module):
    """DeepLab v3 on ResNet-101 with 58,009,410 trained parameters.

    The number is that of the published network, whose ResNet v2 differs from the usual one: normalisations before the
    units have no learned scale, and the convolutions within units have a bias and no normalisation. Its features are
    at an eighth of the picture's sides; the pyramid has the dilations 6, 12 and 18, a 1 x 1 convolution and the mean
    over the picture. The answer is enlarged bilinearly. Because of the mean over the picture, an answer depends on the
    whole picture.
    """

    def __init__(self) -> None:
        super().__init__()
        self.root = nn.Conv2d(1, 64, 7, stride=2, padding=3)
        units, channels = [], 64
        for place, ((inner, count), dilation) in enumerate(zip(_STAGES, _DILATIONS, strict=True)):
            for unit in range(count):
                units.append(_Unit(channels, inner, dilation, 2 if place == 0 and unit == count - 1 else 1))
                channels = 4 * inner
        self.units = nn.Sequential(*units)
        self.norm = _ShiftNorm(channels)
        self.pyramid = nn.ModuleList([_normed(channels, 1), *(_normed(channels, 3, rate) for rate in _RATES)])
        self.whole = _normed(channels, 1)
        self.joined = _normed(_DEPTH * (len(_RATES) + 2), 1)
        self.last = nn.Conv2d(_DEPTH, 2, 1)

    @property
    def shift(self) -> nn.Parameter:
        """What is added to the last two numbers of a pixel, background and root."""
        return self.last.bias

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``[n, 1, h, w]`` of pictures ``[n, 1, h, w]`` whose sides are multiples of 8.

        In training mode, ``n`` must be at least 2.
        """
        size: Sequence[int] = x.shape[-2:]
        features = F.relu(self.norm(self.units(F.max_pool2d(self.root(x), 3, 2, padding=1))))
        mean = self.whole(features.mean(dim=(2, 3), keepdim=True)).expand(-1, -1, *features.shape[-2:])
        pair = self.last(self.joined(torch.cat([*(branch(features) for branch in self.pyramid), mean], dim=1)))
        return F.interpolate(pair[:, 1:] - pair[:, :1], size=tuple(size), mode="bilinear", align_corners=False)
