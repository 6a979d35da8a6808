"""The canonical voxel grid, and the resampling of other volumes onto it.

Volumes are [z, y, x]; world points are (x, y, z) in mm, RAS+. The affines of this module map a canonical index
(x, y, z) to world.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

# Two grids are equal if their corners differ by at most this: a hundredth of a voxel, more than headers are rounded by.
GRID_TOLERANCE_MM = 0.01

AIR_HU = -1024.0

_SLAB = 16  # slices resampled at a time


@dataclass(frozen=True)
class Grid:
    """The positions of the voxels of a canonical volume.

    Attributes
    ----------
    shape
        Number of voxels (z, y, x).
    spacing_mm
        Voxel spacing (z, y, x), mm.
    origin_mm
        World (x, y, z) of the centre of voxel [0, 0, 0], mm.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]

    def affine(self) -> Float[np.ndarray, "4 4"]:
        """Return the matrix from index (x, y, z) to world (x, y, z) in mm."""
        affine = np.diag([*self.spacing_mm[::-1], 1.0])
        affine[:3, 3] = self.origin_mm
        return affine

    def corners_mm(self) -> Float[np.ndarray, "2 3"]:
        """Return the world (x, y, z) of the centres of the first and the last voxel, mm."""
        first = np.array(self.origin_mm)
        return np.stack([first, first + (np.array(self.shape[::-1]) - 1) * self.spacing_mm[::-1]])


def aligned_grid(affine: Float[np.ndarray, "4 4"], shape: tuple[int, int, int]) -> Grid:
    """Return the grid of a volume [z, y, x] whose axes are parallel to the world axes.

    The angle may differ by up to :data:`~cxrfactory.imaging.volume.orientation.ANGLE_TOLERANCE_DEGREES`.
    """
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    return Grid(shape, _floats(spacing[::-1]), _floats(affine[:3, 3]))


def enclosing_grid(affine: Float[np.ndarray, "4 4"], shape: tuple[int, int, int]) -> Grid:
    """Return the smallest world-aligned grid with the same spacing that contains an oblique volume [z, y, x]."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    corners = _corner_points(affine, shape)
    low, high = corners.min(axis=0), corners.max(axis=0)
    count = np.ceil((high - low) / spacing - 1e-6).astype(int) + 1
    return Grid(tuple(int(n) for n in count[::-1]), _floats(spacing[::-1]), _floats(low))  # type: ignore[arg-type]


def same_grid(first: Grid, second: Grid) -> bool:
    """Return whether two grids have the same shape and their corners agree to :data:`GRID_TOLERANCE_MM`."""
    return first.shape == second.shape and bool(
        (np.abs(first.corners_mm() - second.corners_mm()) <= GRID_TOLERANCE_MM).all()
    )


def overlap(first: Grid, second: Grid) -> bool:
    """Return whether the boxes of two grids, bounded by the outer faces of their voxels, intersect."""
    a, b = (_faces(grid) for grid in (first, second))
    return bool(((a[0] < b[1]) & (b[0] < a[1])).all())


def voxels_beyond(extent_mm: Float[np.ndarray, "2 3"], grid: Grid, spacing_mm: Float[np.ndarray, "3"]) -> float:
    """Return how far voxel centres lie outside a grid's outer faces, in voxels of the coarser of the two spacings.

    Parameters
    ----------
    extent_mm
        Lowest and highest world (x, y, z) of the voxel centres, mm.
    grid
        The grid that should contain them.
    spacing_mm
        Spacing (x, y, z) of the voxels, mm.

    Returns
    -------
    The largest distance over the three axes; 0 if all centres lie inside.
    """
    faces = _faces(grid)
    coarser = np.maximum(np.array(grid.spacing_mm[::-1]), spacing_mm)
    return float(max(((faces[0] - extent_mm[0]) / coarser).max(), ((extent_mm[1] - faces[1]) / coarser).max(), 0.0))


def resample_linear(values: np.ndarray, affine: Float[np.ndarray, "4 4"], grid: Grid) -> np.ndarray:
    """Resample a CT [z, y, x] linearly onto a grid, with air outside; integers are rounded and keep their dtype.

    Parameters
    ----------
    values
        CT in HU [z, y, x].
    affine
        Matrix from index (x, y, z) of the CT to world (x, y, z) in mm.
    grid
        Grid of the result.
    """
    import SimpleITK as sitk

    # The output is float, because ITK truncates to integers, which would shift a CT by half a unit.
    return _in_slabs(values, affine, grid, sitk.sitkLinear, AIR_HU, sitk.sitkFloat32)


def resample_nearest(values: np.ndarray, affine: Float[np.ndarray, "4 4"], grid: Grid) -> np.ndarray:
    """Resample labels [z, y, x] onto a grid by the nearest voxel, with 0 outside; the affine may be oblique.

    Parameters
    ----------
    values
        Label volume [z, y, x].
    affine
        Matrix from index (x, y, z) of the labels to world (x, y, z) in mm.
    grid
        Grid of the result.
    """
    if np.count_nonzero(affine[:3, :3]) == 3:
        return _nearest_aligned(values, affine, grid)
    import SimpleITK as sitk

    return _in_slabs(values, affine, grid, sitk.sitkNearestNeighbor, 0.0, sitk.sitkUnknown)


def _nearest_aligned(values: np.ndarray, affine: np.ndarray, grid: Grid) -> np.ndarray:
    places, inside = [], []
    for world in range(3):
        centres = grid.origin_mm[world] + np.arange(grid.shape[2 - world]) * grid.spacing_mm[2 - world]
        index = np.floor((centres - affine[world, 3]) / affine[world, world] + 0.5).astype(np.int64)
        kept = (index >= 0) & (index < values.shape[2 - world])
        places.append(index[kept])
        inside.append(np.flatnonzero(kept))
    resampled = np.zeros(grid.shape, values.dtype)
    if all(len(kept) for kept in inside):
        across = np.ix_(inside[1], inside[0])
        for target, source in zip(inside[2], places[2], strict=True):
            resampled[target][across] = values[source][np.ix_(places[1], places[0])]
    return resampled


def _in_slabs(
    values: np.ndarray, affine: np.ndarray, grid: Grid, interpolator: int, outside: float, pixel_type: int
) -> np.ndarray:
    """Resample a few slices at a time, each from the slices that it needs, to limit the memory."""
    import SimpleITK as sitk

    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    to_index = np.linalg.inv(affine[:3, :3])
    resampled = np.full(grid.shape, outside, values.dtype)
    for first in range(0, grid.shape[0], _SLAB):
        slab = resampled[first : first + _SLAB]
        x, y, z = grid.origin_mm
        place = Grid(slab.shape, grid.spacing_mm, (x, y, z + first * grid.spacing_mm[0]))
        index_z = (_corner_points(place.affine(), place.shape) - affine[:3, 3]) @ to_index[2]
        low = max(int(np.floor(index_z.min())) - 1, 0)
        high = min(int(np.ceil(index_z.max())) + 2, len(values))
        if low >= high:
            continue
        source = sitk.GetImageFromArray(values[low:high])
        source.SetSpacing(spacing.tolist())
        source.SetOrigin((affine[:3, 3] + low * affine[:3, 2]).tolist())  # ITK gets RAS coordinates unchanged
        source.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
        resampler = sitk.ResampleImageFilter()
        resampler.SetSize(place.shape[::-1])
        resampler.SetOutputSpacing(place.spacing_mm[::-1])
        resampler.SetOutputOrigin(place.origin_mm)
        resampler.SetInterpolator(interpolator)
        resampler.SetDefaultPixelValue(outside)
        resampler.SetOutputPixelType(pixel_type)
        found = sitk.GetArrayViewFromImage(result := resampler.Execute(source))
        slab[...] = np.rint(found) if found.dtype != values.dtype else found
        del found, result
    return resampled


def _corner_points(affine: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Return the world (x, y, z) of the centres of the eight corner voxels of a volume [z, y, x], shape [8, 3]."""
    ends = [(0, n - 1) for n in shape[::-1]]
    return np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(-1, 3) @ affine[:3, :3].T + affine[:3, 3]


def _faces(grid: Grid) -> np.ndarray:
    half = np.array(grid.spacing_mm[::-1]) / 2
    return grid.corners_mm() + np.stack([-half, half])


def _floats(numbers: np.ndarray) -> tuple[float, float, float]:
    # Rounding to a billionth of a mm removes differences in the last bits between axis orders.
    return tuple(round(float(number), 9) for number in numbers)  # type: ignore[return-value]
