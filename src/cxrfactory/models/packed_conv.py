"""Convolutions of a folded network on the CPU, with packed weights and the ReLU in the same step.

The ordinary convolution of PyTorch brings its weights into the processor's order at each call, and the ReLU behind it
reads and writes the whole map once more. oneDNN, the library behind both, has a convolution that takes packed weights
and applies the ReLU, and adds another map before, while the numbers are in registers. PyTorch's own compiler uses it
under the names of this module. Where PyTorch lacks it, or gradients are wanted, :func:`is_packable` is false.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

_ONES = (1, 1)


def is_packable(x: Tensor) -> bool:
    """Return whether maps like ``x`` can go through packed convolutions."""
    if x.device.type != "cpu" or torch.is_grad_enabled() or not torch.backends.mkldnn.is_available():
        return False
    if x.dtype == torch.bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    return x.dtype in (torch.float32, torch.bfloat16) and hasattr(torch.ops.mkldnn, "_convolution_pointwise_")


class PackedWeights:
    """Weights derived from those of one module, packed once for each type and shape of the maps that they are used on.

    Parameters
    ----------
    derive
        Function that returns the weights ``[outputs, inputs, rows, columns]`` as they are now.
    """

    def __init__(self, derive: Callable[[], Float[Tensor, "o i r c"]]) -> None:
        self._derive, self._packed = derive, dict[tuple, Tensor]()

    def for_maps(self, x: Float[Tensor, "b i h w"]) -> Tensor:
        """Return the weights packed for maps of the type and shape of ``x``."""
        key = (x.dtype, *x.shape)
        if key not in self._packed:
            weight = self._derive().detach().to(x.dtype)
            self._packed[key] = torch.ops.mkldnn._reorder_convolution_weight(weight, _ONES, _ONES, _ONES, 1, x.shape)
        return self._packed[key]


def convolved(x: Float[Tensor, "b i h w"], weights: PackedWeights, bias: Tensor | None, then: str = "relu") -> Tensor:
    """Convolve maps that are padded by one zero on each side; ``then`` is ``relu`` or ``none``."""
    packed = weights.for_maps(x)
    return torch.ops.mkldnn._convolution_pointwise(x, packed, bias, _ONES, _ONES, _ONES, 1, then, [], "")


def add_convolved(
    onto: Float[Tensor, "b o h w"], x: Float[Tensor, "b i h w"], weights: PackedWeights, bias: Tensor
) -> Tensor:
    """Convolve maps, add ``onto``, which is overwritten, and apply the ReLU."""
    return torch.ops.mkldnn._convolution_pointwise_.binary(
        onto, x, weights.for_maps(x), bias, _ONES, _ONES, _ONES, 1, "add", 1.0, "relu", [], ""
    )


def of_enlarged(weight: Float[Tensor, "o i 3 3"]) -> Float[Tensor, "4*o i 2 2"]:
    """Return the kernels of 2 x 2 cells that do on a map what a kernel of 3 x 3 does on the map at twice its side.

    At twice the side, by nearest neighbours, the three rows around an even row come from two rows of the map: the row
    above it, and the row itself, twice. For an odd row, it is the row itself, twice, and the row below it. So there are
    four kernels, for even and odd rows and columns, of four products in place of nine. They come one after the other:
    even rows and even columns, even and odd, odd and even, odd and odd.
    """

    def halves(kernel: Tensor, axis: int) -> list[Tensor]:
        first, middle, last = kernel.unbind(axis)
        return [torch.stack([first, middle + last], axis), torch.stack([first + middle, last], axis)]

    return torch.cat([both for rows in halves(weight.float(), 2) for both in halves(rows, 3)])


def interleaved(parts: Float[Tensor, "b 4*o h+1 w+1"]) -> Float[Tensor, "b o 2*h 2*w"]:
    """Join the maps of the four kernels of :func:`of_enlarged` on a padded map to one map of twice its side."""
    batch, channels, height, width = parts.shape[0], parts.shape[1] // 4, parts.shape[2] - 1, parts.shape[3] - 1
    whole = parts.new_empty(batch, 2 * height, 2 * width, channels).permute(0, 3, 1, 2)  # channels last
    for place, part in enumerate(parts.split(channels, dim=1)):
        row, column = divmod(place, 2)
        whole[:, :, row::2, column::2] = part[:, :, row : row + height, column : column + width]
    return whole
