"""Seamless inference on pictures of any size, in tiles."""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float
from torch import nn
from torch.nn import functional as F

from cxrfactory.models.roots.networks import network_of

TILE = 1024  # side of a tile without its surroundings, pixels
BORDER = 32  # a picture is mirrored this far beyond its edges, as patches are in training, pixels


@torch.inference_mode()
def probabilities(
    name: str,
    network: nn.Module,
    picture: Float[np.ndarray, "h w"],
    device: torch.device,
    tile: int = TILE,
) -> Float[np.ndarray, "h w"]:
    """Return the probability that each pixel is root.

    A tile is seen together with all pixels on which its answer depends, so the result does not depend on the tiles
    beyond rounding. A network whose answer depends on the whole picture sees it at once. Beyond its edges, the picture
    is mirrored.

    Parameters
    ----------
    name
        Name of the network.
    network
        The network in evaluation mode.
    picture
        Normalised picture (:func:`cxrfactory.models.roots.normalise.local_contrast`), float32.
    device
        Device of the network.
    tile
        Side of the tiles, pixels; it is rounded up to a multiple of the network's stride.

    Returns
    -------
    float32, from 0 to 1.
    """
    facts = network_of(name)
    height, width = picture.shape
    mirrored = np.pad(np.asarray(picture, np.float32), BORDER, mode="symmetric")
    padded = torch.from_numpy(mirrored)[None, None]
    missing = -mirrored.shape[0] % facts.stride, -mirrored.shape[1] % facts.stride
    padded = F.pad(padded, (0, missing[1], 0, missing[0]), mode="replicate")
    result = np.empty(padded.shape[-2:], np.float32)
    for inner, outer in _tiles(result.shape, facts.stride, facts.reach, tile):
        seen = padded[:, :, outer[0], outer[1]].contiguous(memory_format=torch.channels_last).to(device)
        answer = torch.sigmoid(network(seen))[0, 0].cpu().numpy()
        within = tuple(slice(i.start - o.start, i.stop - o.start) for i, o in zip(inner, outer, strict=True))
        result[inner] = answer[within]
    return result[BORDER : BORDER + height, BORDER : BORDER + width]


def _tiles(
    shape: tuple[int, ...], stride: int, reach: int | None, tile: int
) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Yield the rows and columns of each tile, and those of the tile with its surroundings."""
    if reach is None:
        whole = tuple(slice(0, side) for side in shape)
        yield whole, whole
        return
    tile = max(stride, tile + -tile % stride)
    for top in range(0, shape[0], tile):
        for left in range(0, shape[1], tile):
            inner = tuple(slice(s, min(s + tile, side)) for s, side in zip((top, left), shape, strict=True))
            outer = tuple(
                slice(max(each.start - reach, 0), min(each.stop + reach, side))
                for each, side in zip(inner, shape, strict=True)
            )
            yield inner, outer
