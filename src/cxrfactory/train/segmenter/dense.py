"""Dense supervision of an encoder: its maps must tell, cell by cell, what share of each organ lies there.

A landmark loss reaches the encoder through 64 numbers and a few windows; masks teach every cell of a map at once. The
heads are one 1 x 1 convolution a map and live in training only: the network stays the published one.
"""

from jaxtyping import Bool, Float
from torch import Tensor, nn

from cxrfactory.models.encoder import Encoder


class DenseHeads(nn.Module):
    """One head an encoder block, from its map to the shares of the organs.

    Parameters
    ----------
    encoder
        Whose maps are read.
    blocks
        Numbers of the blocks, 1 to 6.
    organs
        How many.
    """

    def __init__(self, encoder: Encoder, blocks: tuple[int, ...], organs: int) -> None:
        super().__init__()
        self.blocks = blocks
        self.heads = nn.ModuleList(
            nn.Conv2d(encoder.blocks[block - 1].conv1.out_channels, organs, 1) for block in blocks
        )

    def forward(
        self, maps: dict[int, Tensor], masks: Float[Tensor, "b o s s"], known: Bool[Tensor, "b o"]
    ) -> Float[Tensor, ""]:
        """Binary cross-entropy with the masks' mean in each cell, summed over blocks.

        Parameters
        ----------
        maps
            Encoder block to its map.
        masks
            0 or 1 at the input's size.
        known
            Which organ is annotated in which image; the others take no loss.
        """
        total = masks.new_zeros(())
        for block, head in zip(self.blocks, self.heads, strict=True):
            found = head(maps[block].float())
            share = nn.functional.adaptive_avg_pool2d(masks, found.shape[-2:])
            loss = nn.functional.binary_cross_entropy_with_logits(found, share, reduction="none")
            total = total + loss.mean(dim=(2, 3))[known].mean()
        return total
