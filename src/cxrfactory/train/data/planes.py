"""Masks of many regions as bit planes: runs in memory, one bit for each pixel and region in a batch.

A batch of 8 images of 384 x 384 pixels with 210 masks has 248 million pixels. As numbers of four bytes they would take
1 GB; as bit planes they take 32 MB. The masks of an image are kept as runs at the resolution of the image, and
:func:`moved_planes` reads them at the place that augmentation gives each pixel of the network's input. All regions
share these places, so that the cost hardly depends on the number of regions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from cxrfactory.compiled import compiled

WORD, BYTE = 64, 8


@dataclass(frozen=True)
class Runs:
    """Runs of the masks of one image, row by row.

    Attributes
    ----------
    starts, lengths
        First pixel, counted from 0, and number of pixels of each run.
    regions
        Place of the region of each run.
    shape
        (rows, columns) of the masks.
    """

    starts: Int[np.ndarray, " runs"]
    lengths: Int[np.ndarray, " runs"]
    regions: Int[np.ndarray, " runs"]
    shape: tuple[int, int]

    @classmethod
    def of_masks(cls, masks: Mapping[int, Bool[np.ndarray, "h w"]], shape: tuple[int, int]) -> "Runs":
        """Make the runs of masks by the place of their region."""
        parts = [np.zeros((3, 0), np.int32)]
        for place, mask in masks.items():
            edges = np.flatnonzero(np.diff(np.concatenate([[False], mask.ravel(), [False]]))).astype(np.int32)
            starts, stops = edges[::2], edges[1::2]
            parts.append(np.stack([starts, stops - starts, np.full_like(starts, place)]))
        return cls(*np.concatenate(parts, axis=1), shape)


@dataclass(frozen=True)
class PlaneMasks:
    """Masks of a batch, one bit for each pixel and region, in the order of the network's regions.

    Attributes
    ----------
    planes
        Region ``r`` of a pixel is bit ``r % 8`` of plane ``r // 8``.
    known
        Whether each region is annotated in each image; the bits of the others are 0.
    ignored
        Pixels about which a mask says nothing, as bit planes; None if there are none.
    """

    planes: UInt8[Tensor, "b p h w"]
    known: Bool[Tensor, "b r"]
    ignored: UInt8[Tensor, "b p h w"] | None = None

    def to(self, device: torch.device) -> "PlaneMasks":
        """Return the same masks on a device."""
        ignored = None if self.ignored is None else self.ignored.to(device, non_blocking=True)
        planes, known = (each.to(device, non_blocking=True) for each in (self.planes, self.known))
        return replace(self, planes=planes, known=known, ignored=ignored)

    def masks(self) -> Bool[Tensor, "b r h w"]:
        """Return the masks, one byte for each pixel and region."""
        return unpacked(self.planes, self.known.shape[1])

    def valid(self) -> Bool[Tensor, "b r h w"] | None:
        """Return the pixels that the masks say anything about; None if these are all."""
        return None if self.ignored is None else ~unpacked(self.ignored, self.known.shape[1])


def unpacked(planes: UInt8[Tensor, "b p h w"], regions: int) -> Bool[Tensor, "b r h w"]:
    """Return the bits of the first regions of bit planes."""
    places = torch.arange(regions, device=planes.device)
    return (planes[:, places // BYTE] >> (places % BYTE).to(torch.uint8)[:, None, None]) & 1 > 0


def moved_planes(runs: Runs, regions: int, places: Float[np.ndarray, "h w 2"]) -> UInt8[np.ndarray, "p h w"]:
    """Read the masks of an image at places, and return bit planes.

    Parameters
    ----------
    runs
        Masks of the image.
    regions
        Number of regions.
    places
        (x, y) of each pixel in the image: -1 is the left or upper border and 1 the right or lower one, as in
        ``grid_sample``. Nothing is outside of the image.
    """
    rows, columns = runs.shape
    column = np.floor((places[..., 0] + 1) * (columns / 2)).astype(np.int32)
    row = np.floor((places[..., 1] + 1) * (rows / 2)).astype(np.int32)
    inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    index = np.where(inside, row * columns + column, -1).ravel()
    words = np.zeros((rows * columns, -(-regions // WORD)), np.uint64)
    _fill(runs.starts, runs.lengths, runs.regions, words)
    planes = np.empty((-(-regions // BYTE), index.size), np.uint8)
    _gather(words, index, planes)
    return planes.reshape(-1, *places.shape[:2])


@compiled
def _fill(starts, lengths, regions, words):
    for run in range(starts.size):
        word = regions[run] // 64
        bit = np.uint64(1) << np.uint64(regions[run] % 64)
        for pixel in range(starts[run], starts[run] + lengths[run]):
            words[pixel, word] |= bit


@compiled
def _gather(words, index, planes):
    for plane in range(planes.shape[0]):
        word, shift = plane // 8, np.uint64(8 * (plane % 8))
        for pixel in range(index.size):
            place = index[pixel]
            planes[plane, pixel] = 0 if place < 0 else (words[place, word] >> shift) & np.uint64(255)
