"""ChronoRoot's small networks of roots: U-Net, ResUNet and DSResUNet.

The layouts are those of the paper's supplement and of its published networks, with the published numbers of trained
parameters. All convolutions are 3 x 3 with zero padding, unless stated. Upsampling repeats each pixel twice along both
axes and convolves the result. Skips are added. The last convolution gives two numbers a pixel, background and root,
that a batch normalisation scales; the networks here return their difference, whose sigmoid is the root's share of the
paper's softmax.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

LEVELS = (16, 32, 64, 128)  # channels from full resolution to an eighth of it
_START_SCALE, _START_SHIFT = 2.0, 1.5  # of the last normalisation: roots begin as rare as they are


class ConvNorm(nn.Module):
    """A convolution without bias and a batch normalisation.

    Parameters
    ----------
    inputs, outputs
        Numbers of channels.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[n, outputs, h, w]`` from ``[n, inputs, h, w]``."""
        return self.norm(self.conv(x))

    def fold(self) -> None:
        """Put the normalisation, with its stored statistics, into the convolution; for inference only."""
        self.conv, self.norm = fuse_conv_bn_eval(self.conv, self.norm), nn.Identity()


class Rise(nn.Module):
    """Upsampling by repetition and a convolution, either with a batch normalisation or with a bias.

    Parameters
    ----------
    inputs, outputs
        Numbers of channels.
    normed
        Whether a batch normalisation follows.
    """

    def __init__(self, inputs: int, outputs: int, normed: bool) -> None:
        super().__init__()
        self.conv: nn.Module = nn.Conv2d(inputs, outputs, 3, padding=1, bias=not normed)
        self.norm: nn.Module = nn.BatchNorm2d(outputs) if normed else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[n, outputs, 2 h, 2 w]`` from ``[n, inputs, h, w]``.

        Of the three columns of the kernel that lie over repeated pixels, two lie over the same one. A transposed
        convolution with the 4 x 4 sums of the weights therefore gives the same with less than half of the
        multiplications.
        """
        if isinstance(self.conv, nn.ConvTranspose2d):
            return self.conv(x)
        return self.norm(F.conv_transpose2d(x, _joined(self.conv.weight), self.conv.bias, stride=2, padding=1))

    def fold(self) -> None:
        """Store the sums of the weights, with the normalisation put into them; for inference only."""
        conv = self.conv
        if not isinstance(conv, nn.Conv2d):
            return
        if isinstance(self.norm, nn.BatchNorm2d):
            conv = fuse_conv_bn_eval(conv, self.norm)
        joined = nn.ConvTranspose2d(conv.in_channels, conv.out_channels, 4, stride=2, padding=1)
        with torch.no_grad():
            joined.weight.copy_(_joined(conv.weight))
            if conv.bias is not None and joined.bias is not None:
                joined.bias.copy_(conv.bias)
        self.conv, self.norm = joined.train(self.training), nn.Identity()


def _joined(weight: Tensor) -> Tensor:
    """Return the kernel ``[inputs, outputs, 4, 4]`` of the transposed convolution for ``[outputs, inputs, 3, 3]``."""
    rows = _summed(weight.transpose(0, 1))
    return _summed(rows.transpose(2, 3)).transpose(2, 3)


def _summed(weights: Tensor) -> Tensor:
    """Return the four sums of the three entries of the last but one axis that a transposed convolution needs."""
    first, middle, last = weights.unbind(dim=2)
    return torch.stack([last, middle + last, first + middle, first], dim=2)


class UNet(nn.Module):
    """The paper's U-Net with 488,212 trained parameters.

    Each level has two convolutions, each with batch normalisation and ELU. A skip takes the second convolution's result
    before its ELU; ELU follows the addition. Pooling takes means. The convolutions after upsampling have a batch
    normalisation too.

    Parameters
    ----------
    dropout
        Share of the values that are dropped in training before each upsampling.
    """

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        down = zip((1, *LEVELS[:-1]), LEVELS, strict=True)
        self.down = nn.ModuleList(nn.ModuleList([ConvNorm(i, o), ConvNorm(o, o)]) for i, o in down)
        places = list(zip(LEVELS[:0:-1], LEVELS[-2::-1], strict=True))
        self.rise = nn.ModuleList(Rise(i, o, normed=True) for i, o in places)
        self.up = nn.ModuleList(nn.ModuleList([ConvNorm(o, o), ConvNorm(o, o)]) for _, o in places)
        self.last = _last(LEVELS[0])
        self.dropout = nn.Dropout(dropout)

    @property
    def shift(self) -> nn.Parameter:
        """What is added to the last two numbers of a pixel, background and root."""
        return self.last.norm.bias

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``[n, 1, h, w]`` of pictures ``[n, 1, h, w]`` whose sides are multiples of 8."""
        skips = []
        for place, (first, second) in enumerate(self.down):
            if place:
                x = F.avg_pool2d(x, 2)
            skips.append(second(F.elu_(first(x))))
            x = F.elu(skips[-1])
        for rise, (first, second), skip in zip(self.rise, self.up, skips[-2::-1], strict=True):
            x = F.elu_(rise(self.dropout(x)).add_(skip))
            x = F.elu_(second(F.elu_(first(x))))
        return _difference(self.last(x))


class ResidualBlock(nn.Module):
    """Two times batch normalisation, ELU and convolution, plus a 1 x 1 convolution of the input.

    Parameters
    ----------
    inputs, outputs
        Numbers of channels.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2: nn.Module = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.short = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[n, outputs, h, w]`` from ``[n, inputs, h, w]``."""
        inner = F.elu_(self.norm2(self.conv1(F.elu_(self.norm1(x)))))
        return self.conv2(inner) + self.short(x)

    def fold(self) -> None:
        """Put the second normalisation, with its stored statistics, into the first convolution; for inference only."""
        self.conv1, self.norm2 = fuse_conv_bn_eval(self.conv1, self.norm2), nn.Identity()


class _ResidualStage(nn.Module):
    """Residual blocks down and up over levels, with maximum pooling, and a last convolution to two numbers a pixel."""

    def __init__(self, inputs: int, levels: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        down = zip((inputs, *levels[:-1]), levels, strict=True)
        self.down = nn.ModuleList(ResidualBlock(i, o) for i, o in down)
        places = list(zip(levels[:0:-1], levels[-2::-1], strict=True))
        self.rise = nn.ModuleList(Rise(i, o, normed=False) for i, o in places)
        self.up = nn.ModuleList(ResidualBlock(o, o) for _, o in places)
        self.last = _last(levels[0])
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for place, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if place else x)
            skips.append(x)
        for rise, block, skip in zip(self.rise, self.up, skips[-2::-1], strict=True):
            x = block(rise(self.dropout(x)).add_(skip))
        return _difference(self.last(x))


class ResUNet(nn.Module):
    """The paper's ResUNet with 505,046 trained parameters.

    A level is a residual block (:class:`ResidualBlock`). Pooling takes maxima. The convolutions after upsampling have a
    bias and no normalisation, and, as in the published network, no ELU follows the additions, because each residual
    block begins with one.

    Parameters
    ----------
    dropout
        Share of the values that are dropped in training before each upsampling.
    """

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.stage = _ResidualStage(1, LEVELS, dropout)

    @property
    def shift(self) -> nn.Parameter:
        """What is added to the last two numbers of a pixel, background and root."""
        return self.stage.last.norm.bias

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``[n, 1, h, w]`` of pictures ``[n, 1, h, w]`` whose sides are multiples of 8."""
        return self.stage(x)


class DSResUNet(nn.Module):
    """The paper's deeply supervised ResUNet with 532,336 trained parameters.

    A ResUNet, and a second small one of the levels 16 and 32 that sees the picture and the first one's probabilities of
    background and root. In training, both answers take part in the loss.

    Parameters
    ----------
    dropout
        Share of the values that are dropped in training before each upsampling.
    """

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.first = _ResidualStage(1, LEVELS, dropout)
        self.second = _ResidualStage(3, LEVELS[:2], dropout)

    @property
    def shift(self) -> nn.Parameter:
        """What is added to the last two numbers of a pixel, background and root."""
        return self.second.last.norm.bias

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Return logits ``[n, 1, h, w]`` of pictures ``[n, 1, h, w]`` whose sides are multiples of 8.

        In training mode, the first stage's logits are returned as well, after the final ones.
        """
        early = self.first(x)
        share = torch.sigmoid(early)
        logits = self.second(torch.cat([x, 1 - share, share], dim=1))
        return (logits, early) if self.training else logits


def _last(inputs: int) -> ConvNorm:
    """Return the last convolution, whose normalisation starts with a small probability of root."""
    layer = ConvNorm(inputs, 2)
    with torch.no_grad():
        layer.norm.weight.fill_(_START_SCALE)
        layer.norm.bias.copy_(torch.tensor([_START_SHIFT, -_START_SHIFT]))
    return layer


def _difference(pair: Tensor) -> Tensor:
    """Return logits whose sigmoid is the second channel's share of the softmax of two channels."""
    return pair[:, 1:] - pair[:, :1]
