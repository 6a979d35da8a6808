"""The image encoder of HybridGNet: six residual blocks with max-pooling between them."""

from collections.abc import Collection

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

# Channels after each block; with 1024 x 1024 input the two latent layers then hold 16.8 M parameters.
CHANNELS = (8, 16, 32, 64, 128, 128)

FIRST_LOGVAR = -5.0

STRIP_ROWS = 32  # even; with 8 channels of 1024 columns a strip is 1 MB


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with running-statistics normalisation, and a 1 x 1 shortcut.

    Inference uses the running statistics only, so a result depends on its image and not on the batch.
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
        """Apply the block at unchanged resolution."""
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
    """Image to feature maps of the six blocks and to the latent distribution.

    Parameters
    ----------
    input_size
        Side of the square input, a multiple of 32.
    latent
        Size of the latent code (64 in the paper).
    """

    def __init__(self, input_size: int, latent: int, channels: tuple[int, ...] = CHANNELS) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            ResidualBlock(inputs, outputs) for inputs, outputs in zip((1, *channels[:-1]), channels, strict=True)
        )
        flat = channels[-1] * (input_size // 32) ** 2
        self.mu = nn.Linear(flat, latent)
        self.logvar = nn.Linear(flat, latent)
        # Start with little noise in the code: with unit variance the first epochs fit the noise.
        nn.init.zeros_(self.logvar.weight)
        nn.init.constant_(self.logvar.bias, FIRST_LOGVAR)

    def to_bf16(self) -> None:
        """Run all blocks but the first two in bf16.

        The first sees the image itself: its low contrast on a bright ground is lost in 8 bits of mantissa, and its
        folded biases are large. In bf16 it alone moves landmarks by more than all others together; the second by as
        much as the rest.
        """
        self.blocks[2:].to(torch.bfloat16)

    def forward(
        self, image: Float[Tensor, "b 1 s s"], keep: Collection[int] = range(1, 7)
    ) -> tuple[dict[int, Tensor], Tensor, Tensor]:
        """Encode.

        Parameters
        ----------
        image
            Grey values.
        keep
            Numbers of the blocks, 1 to 6, whose maps are wanted.

        Returns
        -------
        tuple
            Block number to its map (block i at ``s / 2^(i-1)``), latent mean, latent log-variance.
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
    """Block and max-pooling, a strip of rows at a time: what lies between stays in the processor's cache.

    A strip is worked on with the two rows beside it that its two convolutions reach; the same sums in the same order.
    """
    height = x.shape[2]
    parts = []
    for top in range(0, height, STRIP_ROWS):
        bottom = min(top + STRIP_ROWS, height)
        first, last = max(0, top - 2), min(height, bottom + 2)
        found = block(x[:, :, first:last])[:, :, top - first : bottom - first]
        parts.append(nn.functional.max_pool2d(found, 2))
    return torch.cat(parts, dim=2)
