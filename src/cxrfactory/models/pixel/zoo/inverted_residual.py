"""Inverted residual blocks of MobileNetV2 (Sandler et al., CVPR 2018), of which TopFormer and SeaFormer are made."""

from torch import Tensor, nn

from cxrfactory.models.pixel.zoo.parts import conv_norm

Rows = tuple[tuple[int, int, int, int], ...]  # kernel, expansion, outputs, stride of each block


class InvertedResidual(nn.Module):
    """Expand, filter each channel and project; beside the identity where the shape stays.

    Parameters
    ----------
    inputs, outputs
        Channels.
    kernel, expansion, stride
        Side of the filter, channels in the middle per input channel, and stride.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, expansion: int, stride: int) -> None:
        super().__init__()
        middle = inputs * expansion
        expand = [] if expansion == 1 else [conv_norm(inputs, middle, act=nn.ReLU())]
        filters = conv_norm(middle, middle, kernel, stride, groups=middle, act=nn.ReLU())
        self.layers = nn.Sequential(*expand, filters, conv_norm(middle, outputs))
        self.same = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        return x + self.layers(x) if self.same else self.layers(x)


def scaled(rows: Rows, width: float) -> Rows:
    """Multiply the outputs of the blocks by a factor and round them to multiples of 8 (of 4 for tiny networks)."""
    step = 8 if width >= 1 else 4
    return tuple((k, t, max(step, round(c * width / step) * step), s) for k, t, c, s in rows)


def inverted_residuals(inputs: int, rows: Rows) -> nn.Sequential:
    """Make one block a row of (kernel, expansion, outputs, stride)."""
    blocks = []
    for kernel, expansion, outputs, stride in rows:
        blocks.append(InvertedResidual(inputs, outputs, kernel, expansion, stride))
        inputs = outputs
    return nn.Sequential(*blocks)
