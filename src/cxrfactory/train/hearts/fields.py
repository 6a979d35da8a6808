"""True dense answers: for each cell near a heart, the way from the cell to its place in the mean heart."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from cxrfactory.models.hybridvnet.frame import Frame

GRID = (14, 24, 24)  # cells (z, h, w) of the stored field
WIDER = 1.3  # side of the stored field as a share of the frame's
NEIGHBOURS = 6  # nodes whose ways are averaged
NEAR_MM = 8.0  # distance from the nearest node at which a cell counts with 0.6 of its weight


@dataclass(frozen=True)
class TrueField:
    """The field of one heart, kept on a grid about its true frame.

    Attributes
    ----------
    frame
        The frame about the true heart.
    values
        ``[4, z, h, w]``: place in the mean heart, relative to the frame, and weight of the cell.
    """

    frame: Frame
    values: Float32[np.ndarray, "4 z h w"]

    @classmethod
    def of(cls, frame: Frame, vertices: Float[np.ndarray, "n 3"], mean: Float[np.ndarray, "n 3"]) -> "TrueField":
        """Make the field of a heart.

        Parameters
        ----------
        frame
            The frame about the true heart.
        vertices, mean
            Nodes of the heart and of the mean heart, relative to the frame.
        """
        from scipy.spatial import cKDTree

        cells = (_grid(GRID) - 0.5) * WIDER + 0.5
        distances, nearest = cKDTree(vertices).query(cells, NEIGHBOURS)
        weights = 1 / (distances + 0.01) ** 2
        ways = ((mean - vertices)[nearest] * (weights / weights.sum(1, keepdims=True))[..., None]).sum(1)
        near = np.exp(-0.5 * (distances[:, 0] * frame.side_mm / NEAR_MM) ** 2)
        values = np.concatenate([(cells + ways).T, near[None]]).reshape(4, *GRID)
        return cls(frame, values.astype(np.float32))

    def within(self, frame: Frame, grid: Sequence[int]) -> Float32[np.ndarray, "4 z h w"]:
        """Return the way from each cell of another frame to its place, and the cell's weight."""
        import torch

        cells = _grid(grid)
        there = (self.frame.to_relative(frame.to_mm(cells)) - 0.5) / WIDER * 2
        points = torch.from_numpy(there.astype(np.float32)).reshape(1, *grid, 3)
        found = torch.nn.functional.grid_sample(torch.from_numpy(self.values)[None], points, align_corners=False)
        result = found[0].numpy()
        result[:3] -= cells.T.reshape(3, *grid)
        return result


def _grid(shape: Sequence[int]) -> Float[np.ndarray, "cells 3"]:
    """Return the middles (x, y, z) of the cells of a grid (z, h, w), relative to the frame."""
    steps = [(np.arange(size) + 0.5) / size for size in shape]
    z, y, x = np.meshgrid(*steps, indexing="ij")
    return np.stack([x, y, z], axis=-1).reshape(-1, 3)
