"""A dense answer beside the mesh: at each cell of the stack, which place of the mean heart the cell shows.

The decoder reads it at its nodes, so that it learns not only grey values there but how far they are from where the
node belongs. Networks for landmarks of radiographs gained most from such an answer (:mod:`cxrfactory.models.trunk`).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

CHANNELS = 16  # features that nodes read
REACH = 0.1  # an output of 1 is this share of the frame's side


class PlaceField(nn.Module):
    """Join the feature maps of the stack's encoder, and answer each cell's place.

    Parameters
    ----------
    channels
        Channels of the encoder's maps, the finest first.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv3d(each, CHANNELS, 1) for each in channels)
        self.mix = nn.Conv3d(CHANNELS, CHANNELS, 3, padding=1)
        self.place = nn.Conv3d(CHANNELS, 3, 1)
        self.channels = CHANNELS + 3

    def forward(self, maps: Sequence[Tensor]) -> Float[Tensor, "b 19 z h w"]:
        """Return features, and the way from each cell to its place in the mean heart, in units of :data:`REACH`."""
        size = maps[0].shape[2:]
        x = self.lateral[0](maps[0])
        for layer, each in zip(self.lateral[1:], maps[1:], strict=True):
            x = x + nn.functional.interpolate(layer(each), size=size, mode="trilinear", align_corners=False)
        x = torch.relu(x)
        x = x + torch.relu(self.mix(x))
        return torch.cat([x, self.place(x)], dim=1)


def read_field(
    field: Float[Tensor, "b c z h w"], positions: Float[Tensor, "b n 3"], places: Float[Tensor, "n 3"]
) -> Float[Tensor, "n b c"]:
    """Return the features at nodes, and how far the place that is shown there is from the node's own.

    Parameters
    ----------
    field
        Answer of :class:`PlaceField`.
    positions
        Nodes relative to the frame; no gradient flows to them.
    places
        The same nodes in the mean heart.
    """
    where = positions.detach()
    found = nn.functional.grid_sample(field, (2 * where - 1)[:, :, None, None], align_corners=False)[..., 0, 0]
    found = found.permute(2, 0, 1)
    apart = found[..., -3:] + (where.transpose(0, 1) - places[:, None]) / REACH
    return torch.cat([found[..., :-3], apart], dim=-1)
