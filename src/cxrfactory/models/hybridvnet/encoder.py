"""Image encoders of HybridVNet: residual blocks with pooling between them, in three and in two dimensions."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

STACK_CHANNELS = (16, 32, 64, 96)
PLANE_CHANNELS = (16, 32, 48, 64)
FIRST_LOGVAR = -5.0
PLACES = 16  # number of places that are read from each level
SQUEEZED = 16  # channels of the last feature map before the layer of the code
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


def code_head(inputs: int, latent: int) -> nn.Linear:
    """Return the layer of mean and log-variance; at first, drawn codes are close to their mean.

    With a spread of 1 at the start, the noise would hide the mean for the first hundreds of steps.
    """
    head = nn.Linear(inputs, 2 * latent)
    with torch.no_grad():
        head.weight[latent:] *= 0.1
        head.bias[latent:] = FIRST_LOGVAR
    return head


class Places(nn.Module):
    """Places in a feature map: for each of some learned maps, the mean position weighted by its softmax.

    They follow a heart that moves in the image, so that its place need not be learned anew for every position.

    Parameters
    ----------
    convolution
        ``nn.Conv2d`` or ``nn.Conv3d``.
    channels
        Channels of the feature map.
    """

    def __init__(self, convolution: type[nn.Module], channels: int) -> None:
        super().__init__()
        self.maps = convolution(channels, PLACES, 1)

    def forward(self, x: Tensor) -> Float[Tensor, "b places"]:
        """Return the coordinates, -2 to 2 along each axis, of all places one after the other."""
        weights = self.maps(x).float().flatten(2).softmax(dim=2)
        steps = [torch.linspace(-2, 2, size, device=x.device) for size in x.shape[2:]]
        grid = torch.stack([each.flatten() for each in torch.meshgrid(*steps, indexing="ij")], dim=1)
        return (weights @ grid).flatten(1)


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
        self.places = nn.ModuleList(Places(nn.Conv3d, each) for each in channels)
        self.squeeze = nn.Conv3d(channels[-1], SQUEEZED, 1)
        self.head = code_head(SQUEEZED * depth * height * columns + 3 * PLACES * len(channels), latent)

    def forward(self, x: Float[Tensor, "b 2 z h w"]) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance ``[b, latent]``."""
        batch, channels, depth, height, width = x.shape
        x = x.reshape(batch, channels, depth, height // 2, 2, width // 2, 2)
        x = x.permute(0, 1, 4, 6, 2, 3, 5).reshape(batch, 4 * channels, depth, height // 2, width // 2)
        x = x.contiguous(memory_format=torch.channels_last_3d)
        read = []
        for level, (block, places) in enumerate(zip(self.blocks, self.places, strict=True)):
            if level:
                x = nn.functional.max_pool3d(x, (2, 2, 2) if level == POOLED_DEPTH else (1, 2, 2))
            x = block(x)
            read.append(places(x))
        mu, logvar = self.head(torch.cat([self.squeeze(x).float().flatten(1), *read], dim=1)).chunk(2, dim=1)
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
        self.places = nn.ModuleList(Places(nn.Conv2d, each) for each in channels)
        self.squeeze = nn.Conv2d(channels[-1], SQUEEZED, 1)
        self.head = code_head(SQUEEZED * last * last + 2 * PLACES * len(channels) + facts, latent)

    def forward(self, x: Float[Tensor, "b 2 s s"], facts: Float[Tensor, "b facts"]) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance ``[b, latent]``."""
        x = nn.functional.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)
        read = [facts]
        for level, (block, places) in enumerate(zip(self.blocks, self.places, strict=True)):
            x = block(nn.functional.max_pool2d(x, 2) if level else x)
            read.append(places(x))
        mu, logvar = self.head(torch.cat([self.squeeze(x).float().flatten(1), *read], dim=1)).chunk(2, dim=1)
        return mu, logvar
