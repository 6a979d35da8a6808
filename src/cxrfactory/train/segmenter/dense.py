"""Dense supervision of an encoder: its feature maps must predict each organ's share of every cell.

A landmark loss reaches the encoder only through 64 numbers and a few windows, whereas masks supervise every cell of a
map. The heads are one 1 x 1 convolution per map and are used only in training, so the network remains the published
one.
"""

from jaxtyping import Bool, Float
from torch import Tensor, nn

from cxrfactory.models.encoder import Encoder


class DenseHeads(nn.Module):
    """One head per encoder block, from the block's feature map to the shares of the organs.

    Parameters
    ----------
    encoder
        Encoder whose feature maps are read.
    blocks
        Numbers of the blocks, 1 to 6.
    organs
        Number of organs.
    """

    def __init__(self, encoder: Encoder, blocks: tuple[int, ...], organs: int) -> None:
        super().__init__()
        self.blocks = blocks
        self.heads = nn.ModuleList(
            nn.Conv2d(encoder.blocks[block - 1].conv1.out_channels, organs, 1) for block in blocks
        )

    def forward(
        self,
        maps: dict[int, Tensor],
        masks: Float[Tensor, "b o s s"],
        known: Bool[Tensor, "b o"],
        valid: Bool[Tensor, "b o s s"] | None = None,
    ) -> Float[Tensor, ""]:
        """Compute the binary cross-entropy with the mean of the masks in each cell, summed over the blocks.

        Parameters
        ----------
        maps
            Feature maps by encoder block.
        masks
            Share of each pixel that the organ covers, 0 to 1, at the input's size.
        known
            Whether each organ is annotated in each image; organs that are not annotated do not enter the loss.
        valid
            Pixels that the annotation says anything about; without it, all. A cell counts as much as it has of them.
        """
        total = masks.new_zeros(())
        if not known.any():
            return total
        for block, head in zip(self.blocks, self.heads, strict=True):
            found = head(maps[block].float())
            share = nn.functional.adaptive_avg_pool2d(masks, found.shape[-2:])
            counts = None
            if valid is not None:
                counts = nn.functional.adaptive_avg_pool2d(valid.to(masks.dtype), found.shape[-2:])
                share = share / counts.clamp_min(1e-6)
            loss = nn.functional.binary_cross_entropy_with_logits(found, share, counts, reduction="none")
            total = total + loss.mean(dim=(2, 3))[known].mean()
        return total
