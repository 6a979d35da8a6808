"""Reading of feature maps at the nodes of closed contours: at the node, and along its normal.

Positions are (x, y) as fractions of the side: 0 is the left or top edge, 1 the right or bottom edge.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from cxrfactory.anatomy.graph import LandmarkGraph


def sample_points(features: Float[Tensor, "b c h w"], positions: Float[Tensor, "r n 2"]) -> Float[Tensor, "r n c"]:
    """Interpolate a feature map linearly at positions; beyond the border, the border's values are repeated.

    ``r`` is a multiple of ``b``: each image has as many rows of positions, one after the other.
    """
    grid = (positions.float() * 2 - 1).reshape(len(features), -1, 1, 2)
    sampled = nn.functional.grid_sample(features.float(), grid, padding_mode="border", align_corners=False)
    return sampled.squeeze(-1).transpose(1, 2).reshape(*positions.shape[:2], -1)


def sample_window(features: Float[Tensor, "b c h w"], positions: Float[Tensor, "b n 2"]) -> Float[Tensor, "b n c"]:
    """Average a 3 x 3 window of a feature map around each position (RoIAlign with one output cell)."""
    # The cells of the window lie one map pixel apart, so their average equals one sample of the box-filtered map.
    padded = nn.functional.pad(features.float(), (1, 1, 1, 1), mode="replicate")
    return sample_points(nn.functional.avg_pool2d(padded, 3, stride=1), positions)


def neighbours(graph: LandmarkGraph) -> tuple[Int[Tensor, " n"], Int[Tensor, " n"]]:
    """Return the index of the node before and of the node after each node on its contour."""
    before, after = torch.empty(graph.nodes, dtype=torch.long), torch.empty(graph.nodes, dtype=torch.long)
    for where in graph.slices.values():
        nodes = torch.arange(where.start, where.stop)
        before[where], after[where] = torch.roll(nodes, 1), torch.roll(nodes, -1)
    return before, after


def tangents_and_normals(
    positions: Float[Tensor, "b n 2"], before: Int[Tensor, " n"], after: Int[Tensor, " n"]
) -> tuple[Float[Tensor, "b n 2"], Float[Tensor, "b n 2"]]:
    """Return unit vectors along the contour, from the node before to the node after, and across it.

    The normal is the tangent turned by 90 degrees, so that it points out of a contour whose nodes run clockwise in the
    image. Both are zero for a node whose neighbours coincide.
    """
    tangent = nn.functional.normalize(positions[:, after] - positions[:, before], dim=-1, eps=1e-6)
    return tangent, torch.stack([tangent[..., 1], -tangent[..., 0]], dim=-1)


def sample_profiles(
    maps: Float[Tensor, "b m h w"],
    positions: Float[Tensor, "r n 2"],
    normals: Float[Tensor, "r n 2"],
    offsets: Float[Tensor, " o"],
    slices: list[slice],
) -> Float[Tensor, "r n o"]:
    """Interpolate one map per contour along the normals of its nodes.

    Parameters
    ----------
    maps
        At least one map per contour, in the order of ``slices``.
    positions, normals
        Nodes and their normals (:func:`tangents_and_normals`); ``r`` is a multiple of ``b`` as in
        :func:`sample_points`.
    offsets
        Distances along the normal at which the map is read, as fractions of the side.
    slices
        Nodes of each contour.
    """
    places = positions.unsqueeze(2) + normals.unsqueeze(2) * offsets.reshape(1, 1, -1, 1)
    parts = []
    for index, where in enumerate(slices):
        own = places[:, where]
        grid = (own * 2 - 1).reshape(len(maps), -1, len(offsets), 2)
        found = nn.functional.grid_sample(maps[:, index : index + 1], grid, padding_mode="border", align_corners=False)
        parts.append(found.reshape(own.shape[:3]))
    return torch.cat(parts, dim=1)
