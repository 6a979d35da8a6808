"""Sample and project a deformed chest slab by slab, so that memory never holds the complete deformed volume."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch.nn import functional

from cxrfactory.projection.conventions import View, display
from cxrfactory.projection.deform import PullBack

_SLAB = 16  # slices that are sampled together; this keeps the working set in the processor's cache


@dataclass(frozen=True)
class SampledVolume:
    """Channels of a volume and its position in space.

    Attributes
    ----------
    values
        float32 tensor [channels, z, y, x].
    first_mm
        Centre (x, y, z) of voxel [0, 0, 0], in mm relative to the centre of the source's lungs.
    spacing_mm
        Voxel spacing (x, y, z) in mm.
    """

    values: torch.Tensor
    first_mm: tuple[float, float, float]
    spacing_mm: tuple[float, float, float]


@dataclass(frozen=True)
class ViewGrid:
    """Box of a virtual patient that is projected: its corners (x, y, z) in mm and its numbers of samples (x, y, z)."""

    low_mm: tuple[float, float, float]
    high_mm: tuple[float, float, float]
    counts: tuple[int, int, int]

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Sample spacing (x, y, z) in mm."""
        return tuple(  # type: ignore[return-value]
            (high - low) / (count - 1) for low, high, count in zip(self.low_mm, self.high_mm, self.counts, strict=True)
        )


def project_deformed(
    volume: SampledVolume, deformation: PullBack, grid: ViewGrid, view: View, reduce: str
) -> Float[np.ndarray, "channels rows columns"]:
    """Sample a volume through a deformation on a grid and project every channel along one axis.

    Parameters
    ----------
    volume
        Volume to sample trilinearly. Outside the volume, the value of the nearest voxel is used; set the outermost
        voxels to air if the surroundings are air.
    deformation
        Source point of every point; it must cover the grid.
    grid
        Positions of the samples.
    view
        ``PA`` projects along y, and ``LL`` projects along x.
    reduce
        ``sum`` for attenuation (the sum is multiplied by the spacing along the ray in mm), or ``max`` for soft masks.

    Returns
    -------
    Float[np.ndarray, "channels rows columns"]
        Projections as float32 in display orientation; rows run from the head down with the spacing
        ``grid.spacing_mm[2]``.
    """
    along = 2 if view == "PA" else 3
    parts = [
        slab.sum(along) if reduce == "sum" else slab.amax(along)
        for slab in _slabs(volume, deformation, grid, "bilinear")
    ]
    projected = torch.cat(parts, dim=1).cpu().numpy()
    if reduce == "sum":
        projected *= np.float32(grid.spacing_mm[1 if view == "PA" else 0])
    return np.stack([display(channel, view) for channel in projected])


def sample_deformed(
    volume: SampledVolume, deformation: PullBack, grid: ViewGrid, nearest: bool = False
) -> Float[np.ndarray, "channels z y x"]:
    """Sample a volume through a deformation on a grid, trilinearly or at the nearest voxel; the result is float32."""
    mode = "nearest" if nearest else "bilinear"
    return torch.cat(list(_slabs(volume, deformation, grid, mode)), dim=1).cpu().numpy()


def _slabs(volume: SampledVolume, deformation: PullBack, grid: ViewGrid, mode: str) -> Iterator[torch.Tensor]:
    """Yield samples [channels, z, y, x] of a few slices at a time, from the feet upwards."""
    device = volume.values.device
    field = torch.from_numpy(_normalised(volume, deformation)).to(device)
    nz = grid.counts[2]
    axis_nodes = [_node_positions(deformation, grid, axis) for axis in range(3)]
    in_plane = [torch.from_numpy(_linear_weights(axis_nodes[axis], field.shape[2 - axis])) for axis in range(3)]
    to_x, to_y, to_z = (weights.to(device) for weights in in_plane)
    # Interpolate along x first, [mz, my, mx, 3] -> [mz, 3, my, nx], and along z and y in each slab.
    coarse = torch.einsum("zyxc,nx->zcyn", field, to_x)
    for start in range(0, nz, _SLAB):
        rows = to_z[start : start + _SLAB]
        slab = torch.einsum("kz,zcyn->kcyn", rows, coarse)
        sample_at = torch.einsum("my,kcyn->kmnc", to_y, slab)[None]
        yield functional.grid_sample(
            volume.values[None], sample_at, mode=mode, padding_mode="border", align_corners=True
        )[0]


def _normalised(volume: SampledVolume, deformation: PullBack) -> np.ndarray:
    """Return source points in ``grid_sample`` coordinates: -1 and 1 are the centres of the outermost voxels."""
    sizes = np.array(volume.values.shape[:0:-1])  # (x, y, z)
    voxels = (deformation.source_mm - np.array(volume.first_mm)) / np.array(volume.spacing_mm)
    return (2 * voxels / (sizes - 1) - 1).astype(np.float32)


def _node_positions(deformation: PullBack, grid: ViewGrid, axis: int) -> np.ndarray:
    at = np.linspace(grid.low_mm[axis], grid.high_mm[axis], grid.counts[axis])
    return (at - deformation.origin_mm[axis]) / deformation.spacing_mm[axis]


def _linear_weights(positions: np.ndarray, nodes: int) -> np.ndarray:
    """Return the matrix [samples, nodes] that interpolates linearly between nodes."""
    return np.maximum(0, 1 - np.abs(positions[:, None] - np.arange(nodes)[None])).astype(np.float32)
