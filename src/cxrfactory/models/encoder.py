"""The image encoder of HybridGNet: residual blocks, six of them by default, with max-pooling between them."""

from collections.abc import Collection

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

# Channels after each block. With 1024 x 1024 input, the two latent layers then hold 16.8 M parameters.
CHANNELS = (8, 16, 32, 64, 128, 128)

FIRST_LOGVAR = -5.0

STRIP_ROWS = 32  # an even number; a strip of 8 channels and 1024 columns takes 1 MB


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with batch normalisation, and a 1 x 1 shortcut.

    Inference uses running statistics only, so a result depends on its image and not on the batch.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, bias=False) if inputs != outputs else nn.Identity()
        self.shortcut_norm = nn.BatchNorm2d(outputs) if inputs != outputs else nn.Identity()

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b o h w"]:
        """Apply the block; the resolution does not change."""
        inner = torch.relu_(self.norm1(self.conv1(x)))
        inner = self.norm2(self.conv2(inner))
        return torch.relu_(inner.add_(self.shortcut_norm(self.shortcut(x))))

    def fold(self) -> None:
        """Fold the normalisations into the convolutions, for inference."""
        self.conv1, self.norm1 = fuse_conv_bn_eval(self.conv1, self.norm1), nn.Identity()
        self.conv2, self.norm2 = fuse_conv_bn_eval(self.conv2, self.norm2), nn.Identity()
        if isinstance(self.shortcut, nn.Conv2d):
            self.shortcut = fuse_conv_bn_eval(self.shortcut, self.shortcut_norm)
            self.shortcut_norm = nn.Identity()


class Encoder(nn.Module):
    """Compute the feature maps of the blocks and the latent distribution of an image.

    Parameters
    ----------
    input_size
        Side of the square input in pixels, a multiple of 32.
    latent
        Size of the latent code (64 in the paper).
    channels
        Channels of the blocks.
    """

    def __init__(self, input_size: int, latent: int, channels: tuple[int, ...] = CHANNELS) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            ResidualBlock(inputs, outputs) for inputs, outputs in zip((1, *channels[:-1]), channels, strict=True)
        )
        flat = channels[-1] * (input_size // 2 ** (len(channels) - 1)) ** 2
        self.mu = nn.Linear(flat, latent)
        self.logvar = nn.Linear(flat, latent)
        # The initial variance of the code is small: with unit variance, the first epochs would fit the noise.
        nn.init.zeros_(self.logvar.weight)
        nn.init.constant_(self.logvar.bias, FIRST_LOGVAR)

    def to_bf16(self) -> None:
        """Convert all blocks except the first two to bf16.

        The first block reads the image itself. The image's low contrast on a bright background is lost in a mantissa
        of 8 bits, and the block's folded biases are large. In bf16, the first block alone moves landmarks by more than
        all other blocks together. The second block moves them by as much as the remaining ones.
        """
        self.blocks[2:].to(torch.bfloat16)

    def forward(
        self, image: Float[Tensor, "b 1 s s"], keep: Collection[int] = range(1, 7)
    ) -> tuple[dict[int, Tensor], Tensor, Tensor]:
        """Encode images.

        Parameters
        ----------
        image
            Grey values ``[b, 1, s, s]``.
        keep
            Numbers of the blocks (from 1) whose feature maps are returned.

        Returns
        -------
        tuple
            Feature maps by block number (block i at ``s / 2^(i-1)``), latent mean, latent log-variance.
        """
        maps = {}
        x = image
        last = len(self.blocks)
        for number, block in enumerate(self.blocks, start=1):
            x = x.to(block.conv1.weight.dtype)
            if number < last and number not in keep and not self.training and x.device.type == "cpu":
                x = _pooled_by_strips(block, x)
                continue
            x = block(x)
            if number in keep:
                maps[number] = x
            if number < last:
                x = nn.functional.max_pool2d(x, 2)
        flat = x.flatten(1).to(self.mu.weight.dtype)  # blocks may run in bf16; the latent layers stay in fp32
        return maps, self.mu(flat), self.logvar(flat)


def _pooled_by_strips(block: ResidualBlock, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b o h/2 w/2"]:
    """Apply a block and max-pooling strip by strip, so that intermediate maps stay in the processor's cache.

    Each strip includes the two rows on either side that its two convolutions read. The sums and their order are the
    same as for the whole map.
    """
    height = x.shape[2]
    parts = []
    for top in range(0, height, STRIP_ROWS):
        bottom = min(top + STRIP_ROWS, height)
        first, last = max(0, top - 2), min(height, bottom + 2)
        found = block(x[:, :, first:last])[:, :, top - first : bottom - first]
        parts.append(nn.functional.max_pool2d(found, 2))
    return torch.cat(parts, dim=2)
