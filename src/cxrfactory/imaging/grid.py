"""The canonical voxel grid, and bringing other volumes onto it.

Volumes are [z, y, x]; world points are (x, y, z) in mm, RAS+. The affines of this module map a canonical
index (x, y, z) to world.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

# Two grids whose corners differ by less are one: a hundredth of a fine voxel, yet above what headers are rounded by.
GRID_TOLERANCE_MM = 0.01

AIR_HU = -1024.0

_SLAB = 16  # slices resampled at a time, which bounds the memory of the float copy


@dataclass(frozen=True)
class Grid:
    """Where the voxels of a canonical volume stand.

    Attributes
    ----------
    shape
        Voxels (z, y, x).
    spacing_mm
        Step (z, y, x), mm.
    origin_mm
        World (x, y, z) of the centre of voxel [0, 0, 0], mm.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]

    def affine(self) -> Float[np.ndarray, "4 4"]:
        """From index (x, y, z) to world (x, y, z)."""
        affine = np.diag([*self.spacing_mm[::-1], 1.0])
        affine[:3, 3] = self.origin_mm
        return affine

    def corners_mm(self) -> Float[np.ndarray, "2 3"]:
        """World (x, y, z) of the first and the last voxel's centre."""
        first = np.array(self.origin_mm)
        return np.stack([first, first + (np.array(self.shape[::-1]) - 1) * self.spacing_mm[::-1]])


def aligned_grid(affine: Float[np.ndarray, "4 4"], shape: tuple[int, int, int]) -> Grid:
    """The grid of a volume [z, y, x] whose axes run along the world's (to :data:`ANGLE_TOLERANCE_DEGREES`)."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    return Grid(shape, _floats(spacing[::-1]), _floats(affine[:3, 3]))


def enclosing_grid(affine: Float[np.ndarray, "4 4"], shape: tuple[int, int, int]) -> Grid:
    """The world-aligned grid around an oblique volume [z, y, x], of the same spacing, that loses none of it."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    ends = [(0, n - 1) for n in shape[::-1]]
    corners = np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(-1, 3) @ affine[:3, :3].T + affine[:3, 3]
    low, high = corners.min(axis=0), corners.max(axis=0)
    count = np.ceil((high - low) / spacing - 1e-6).astype(int) + 1
    return Grid(tuple(int(n) for n in count[::-1]), _floats(spacing[::-1]), _floats(low))  # type: ignore[arg-type]


def same_grid(first: Grid, second: Grid) -> bool:
    """Whether two grids have one shape and their corners agree to :data:`GRID_TOLERANCE_MM`."""
    return first.shape == second.shape and bool(
        (np.abs(first.corners_mm() - second.corners_mm()) <= GRID_TOLERANCE_MM).all()
    )


def overlap(first: Grid, second: Grid) -> bool:
    """Whether the boxes of two grids, out to their voxels' outer faces, share any space."""
    a, b = (_faces(grid) for grid in (first, second))
    return bool(((a[0] < b[1]) & (b[0] < a[1])).all())


def voxels_beyond(extent_mm: Float[np.ndarray, "2 3"], grid: Grid, spacing_mm: Float[np.ndarray, "3"]) -> float:
    """How far voxel centres lie outside a grid's outer faces, in voxels of the coarser of the two spacings.

    Parameters
    ----------
    extent_mm
        Lowest and highest world (x, y, z) of the centres.
    grid
        The grid that should hold them.
    spacing_mm
        Their own spacing (x, y, z).
    """
    faces = _faces(grid)
    coarser = np.maximum(np.array(grid.spacing_mm[::-1]), spacing_mm)
    return float(max(((faces[0] - extent_mm[0]) / coarser).max(), ((extent_mm[1] - faces[1]) / coarser).max(), 0.0))


def resample_linear(values: np.ndarray, affine: Float[np.ndarray, "4 4"], grid: Grid) -> np.ndarray:
    """Resample a CT [z, y, x] linearly onto a grid; air outside. Whole numbers are rounded and keep their dtype."""
    import SimpleITK as sitk

    source = _sitk_image(values, affine)
    resampled = np.empty(grid.shape, values.dtype)
    for first in range(0, grid.shape[0], _SLAB):
        count = min(_SLAB, grid.shape[0] - first)
        slab = _resample(source, grid, first, count, sitk.sitkLinear, AIR_HU, sitk.sitkFloat32)
        # ITK itself cuts decimals off, which would shift a CT by half a unit.
        resampled[first : first + count] = np.rint(slab) if values.dtype.kind in "iu" else slab
    return resampled


def resample_nearest(values: np.ndarray, affine: Float[np.ndarray, "4 4"], grid: Grid) -> np.ndarray:
    """Take labels [z, y, x] at the nearest voxel of each voxel of a grid; 0 outside. Any affine, oblique ones too."""
    linear = affine[:3, :3]
    if np.count_nonzero(np.abs(linear) > 0) == 3:
        return _nearest_aligned(values, affine, grid)
    import SimpleITK as sitk

    source = _sitk_image(values, affine)
    resampled = np.empty(grid.shape, values.dtype)
    for first in range(0, grid.shape[0], _SLAB):
        count = min(_SLAB, grid.shape[0] - first)
        resampled[first : first + count] = _resample(
            source, grid, first, count, sitk.sitkNearestNeighbor, 0.0, sitk.sitkUnknown
        )
    return resampled


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


def _sitk_image(values: np.ndarray, affine: np.ndarray):
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(values)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(affine[:3, 3].tolist())  # world stays RAS; ITK does not mind which way its axes point
    image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
    return image


def _resample(source, grid: Grid, first: int, count: int, interpolator, outside: float, pixel_type) -> np.ndarray:
    import SimpleITK as sitk

    resampler = sitk.ResampleImageFilter()
    resampler.SetSize([grid.shape[2], grid.shape[1], count])
    resampler.SetOutputSpacing(list(grid.spacing_mm[::-1]))
    x, y, z = grid.origin_mm
    resampler.SetOutputOrigin([x, y, z + first * grid.spacing_mm[0]])
    resampler.SetInterpolator(interpolator)
    resampler.SetDefaultPixelValue(outside)
    resampler.SetOutputPixelType(pixel_type)
    return sitk.GetArrayFromImage(resampler.Execute(source))


def _faces(grid: Grid) -> np.ndarray:
    half = np.array(grid.spacing_mm[::-1]) / 2
    return grid.corners_mm() + np.stack([-half, half])


def _floats(numbers: np.ndarray) -> tuple[float, float, float]:
    # A billionth of a mm: so a file's axis order leaves no trace in the last bits.
    return tuple(round(float(number), 9) for number in numbers)  # type: ignore[return-value]
