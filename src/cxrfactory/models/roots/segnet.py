"""SegNet with the layout and the number of parameters of ChronoRoot's."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

# Channels of the convolutions between two poolings, as in the convolutions of VGG-16.
_DOWN = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
# Channels between two unpoolings; the last convolution of all but the first block halves them.
_UP = ((512, 512, 512), (512, 512, 256), (256, 256, 128), (128, 64), (64, 32))


class _Layer(nn.Module):
    """A convolution with bias, a batch normalisation and ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))

    def fold(self) -> None:
        self.conv, self.norm = fuse_conv_bn_eval(self.conv, self.norm), nn.Identity()


class SegNet(nn.Module):
    """SegNet with 29,460,450 trained parameters.

    The encoder has the 13 convolutions of VGG-16 with batch normalisation; the decoder mirrors it, puts values back to
    the places of the encoder's maxima, and ends with 32 channels and a 1 x 1 convolution.
    """

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        channels = 1
        for blocks, where in ((_DOWN, self.down), (_UP, self.up)):
            for block in blocks:
                where.append(
                    nn.Sequential(*(_Layer(i, o) for i, o in zip((channels, *block[:-1]), block, strict=True)))
                )
                channels = block[-1]
        self.last = nn.Conv2d(channels, 2, 1)

    @property
    def shift(self) -> nn.Parameter:
        """What is added to the last two numbers of a pixel, background and root."""
        return self.last.bias

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``[n, 1, h, w]`` of pictures ``[n, 1, h, w]`` whose sides are multiples of 32."""
        places: list[Tensor] = []
        for block in self.down:
            x, where = F.max_pool2d(block(x), 2, return_indices=True)
            places.append(where)
        for block, where in zip(self.up, reversed(places), strict=True):
            x = block(F.max_unpool2d(x, where, 2))
        pair = self.last(x)
        return torch.sub(pair[:, 1:], pair[:, :1])
