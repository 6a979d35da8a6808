"""Image encoders of HybridVNet: residual blocks with pooling between them, in three and in two dimensions."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

STACK_CHANNELS = (16, 32, 64, 96)
PLANE_CHANNELS = (16, 32, 48, 64)
POOLED_DEPTH = 2  # number of the pooling that also halves the third axis
FLAT = 2  # number of first blocks whose kernels stay within a slice; slices are much farther apart than pixels


class ResidualBlock(nn.Module):
    """Two convolutions with batch normalisation, added to their input.

    Parameters
    ----------
    dimensions
        2 or 3.
    inputs, outputs
        Number of channels.
    flat
        Whether the kernels reach over neighbours within a slice only.
    """

    def __init__(self, dimensions: int, inputs: int, outputs: int, flat: bool = False) -> None:
        super().__init__()
        convolution, norm = (nn.Conv2d, nn.BatchNorm2d) if dimensions == 2 else (nn.Conv3d, nn.BatchNorm3d)
        kernel: Sequence[int] = (1, 3, 3) if flat else (3,) * dimensions
        padding = tuple(size // 2 for size in kernel)
        self.conv1 = convolution(inputs, outputs, tuple(kernel), padding=padding, bias=False)
        self.conv2 = convolution(outputs, outputs, tuple(kernel), padding=padding, bias=False)
        self.norm1, self.norm2 = norm(outputs), norm(outputs)
        self.skip = convolution(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the same size."""
        inner = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(inner)) + self.skip(x))


class StackEncoder(nn.Module):
    """Encode the stack ``[b, 2, z, h, w]`` to mean and log-variance of a code.

    The grid's rows and columns are first folded two by two into channels. Each pooling halves rows and columns, and one
    of them the third axis.

    Parameters
    ----------
    shape
        Size of the grid (z, h, w).
    latent
        Size of the code.
    channels
        Channels of each residual block.
    """

    def __init__(self, shape: tuple[int, int, int], latent: int, channels: Sequence[int] = STACK_CHANNELS) -> None:
        super().__init__()
        width = [8, *channels]
        self.blocks = nn.ModuleList(
            ResidualBlock(3, width[level], width[level + 1], flat=level < FLAT) for level in range(len(channels))
        )
        depth, height, columns = shape[0], shape[1] // 2, shape[2] // 2
        for level in range(1, len(channels)):
            depth //= 2 if level == POOLED_DEPTH else 1
            height, columns = height // 2, columns // 2
        self.head = nn.Linear(channels[-1] * depth * height * columns, 2 * latent)

    def forward(self, x: Float[Tensor, "b 2 z h w"]) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance ``[b, latent]``."""
        batch, channels, depth, height, width = x.shape
        x = x.reshape(batch, channels, depth, height // 2, 2, width // 2, 2)
        x = x.permute(0, 1, 4, 6, 2, 3, 5).reshape(batch, 4 * channels, depth, height // 2, width // 2)
        x = x.contiguous(memory_format=torch.channels_last_3d)
        for level, block in enumerate(self.blocks):
            if level:
                x = nn.functional.max_pool3d(x, (2, 2, 2) if level == POOLED_DEPTH else (1, 2, 2))
            x = block(x)
        mu, logvar = self.head(x.float().flatten(1)).chunk(2, dim=1)
        return mu, logvar


class PlaneEncoder(nn.Module):
    """Encode a long-axis plane ``[b, 2, s, s]`` and its place to mean and log-variance of a code.

    Parameters
    ----------
    side
        Rows and columns.
    facts
        Number of numbers that describe the place of the plane.
    latent
        Size of the code.
    channels
        Channels of each residual block.
    """

    def __init__(self, side: int, facts: int, latent: int, channels: Sequence[int] = PLANE_CHANNELS) -> None:
        super().__init__()
        width = [8, *channels]
        self.blocks = nn.ModuleList(ResidualBlock(2, width[level], width[level + 1]) for level in range(len(channels)))
        last = side // 2 // 2 ** (len(channels) - 1)
        self.head = nn.Linear(channels[-1] * last * last + facts, 2 * latent)

    def forward(self, x: Float[Tensor, "b 2 s s"], facts: Float[Tensor, "b facts"]) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance ``[b, latent]``."""
        x = nn.functional.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)
        for level, block in enumerate(self.blocks):
            x = block(nn.functional.max_pool2d(x, 2) if level else x)
        mu, logvar = self.head(torch.cat([x.float().flatten(1), facts], dim=1)).chunk(2, dim=1)
        return mu, logvar
