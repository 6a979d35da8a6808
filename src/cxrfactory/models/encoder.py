"""The image encoder of HybridGNet: six residual blocks with max-pooling between them."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

# Channels after each block; with 1024 x 1024 input the two latent layers then hold 16.8 M parameters.
CHANNELS = (8, 16, 32, 64, 128, 128)

FIRST_LOGVAR = -5.0


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
        """Run all blocks but the first in bf16.

        The first sees the image itself: its low contrast on a bright ground is lost in 8 bits of mantissa, and its
        folded biases are large. In bf16 it alone moves landmarks by more than all others together.
        """
        self.blocks[1:].to(torch.bfloat16)

    def forward(self, image: Float[Tensor, "b 1 s s"]) -> tuple[list[Tensor], Tensor, Tensor]:
        """Return the maps of blocks 1 to 6 (block i at ``s / 2^(i-1)``), the latent mean and log-variance."""
        maps = []
        x = image
        for index, block in enumerate(self.blocks):
            if index:
                x = nn.functional.max_pool2d(x, 2)
            x = block(x.to(block.conv1.weight.dtype))
            maps.append(x)
        flat = x.flatten(1).to(self.mu.weight.dtype)  # blocks may run in bf16; the latent layers stay in fp32
        return maps, self.mu(flat), self.logvar(flat)
