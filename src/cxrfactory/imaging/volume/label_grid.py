"""A label volume on the grid of its CT."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt

from cxrfactory.errors import ImageError
from cxrfactory.imaging.volume.files import layout_note, placed_affine, read_stored
from cxrfactory.imaging.volume.grid import Grid, aligned_grid, overlap, resample_nearest, same_grid, voxels_beyond
from cxrfactory.imaging.volume.label_values import as_binary, whole_labels
from cxrfactory.imaging.volume.orientation import (
    ANGLE_TOLERANCE_DEGREES,
    AffineRules,
    VolumeLayout,
    axis_order,
    canonical_affine,
    obliquity_degrees,
    split_affine,
    to_canonical,
)

# Labels may reach this far beyond the CT's outer faces, in voxels of the coarser grid. Labels that reach farther belong
# to another CT.
BEYOND_TOLERANCE_VOXELS = 1.0


@dataclass(frozen=True)
class PlacedLabels:
    """Labels on the grid of the CT.

    Attributes
    ----------
    values
        Canonical labels [z, y, x], uint8 or uint16.
    largest
        Largest stored value.
    resampled
        Whether the labels were resampled.
    notes
        Remarks on the reading.
    names
        Value and name of each label, as text, from the file's header; None if it holds none.
    at_end
        Labels on the outermost voxels of the file's own volume, if it was resampled: it may end inside the CT.
    """

    values: UInt[np.ndarray, "z y x"]
    largest: int
    resampled: bool
    notes: tuple[str, ...]
    names: list[tuple[str, str]] | None
    at_end: frozenset[int] = frozenset()


def labels_on_grid(
    path: Path,
    grid: Grid,
    layout: VolumeLayout | None,
    rules: AffineRules | None,
    *,
    where: str,
    binary: bool = False,
    layer: int | None = None,
) -> PlacedLabels:
    """Read a label volume and bring it onto the grid of its CT, by the nearest voxel if it has another one.

    Parameters
    ----------
    path
        The file.
    grid
        Grid of the CT.
    layout, rules
        The same as in :func:`cxrfactory.imaging.volume.label_volume.open_labels`.
    where
        Name of the file in messages.
    binary
        Whether the labels become 0 and 1.
    layer
        The same as in :func:`cxrfactory.imaging.volume.files.read_stored`.

    Raises
    ------
    ImageError
        If the file cannot be read, has no orientation, or holds labels that cannot be used or lie outside the CT.
    """
    try:
        stored = read_stored(path, rules, layer)
        affine = placed_affine(stored, layout, path.name)
    except ImageError as error:
        raise ImageError(f"{where}: {str(error).removeprefix(f'{path.name}: ')}") from error
    notes = stored.notes if layout is None else (layout_note(layout),)
    try:
        direction, _ = split_affine(affine)
        values, largest = whole_labels(stored)
        if binary:
            values = as_binary(values, largest)
        order = axis_order(direction)
        affine = canonical_affine(affine, values.shape, order)
        values = to_canonical(values, order)
        aligned = obliquity_degrees(direction) <= ANGLE_TOLERANCE_DEGREES
        if aligned:
            own = aligned_grid(affine, values.shape)
            if same_grid(own, grid):
                return PlacedLabels(values, largest, False, notes, stored.names)
            affine = own.affine()
            if not overlap(own, grid):
                raise ImageError("labels do not overlap the CT at all; expected labels of this CT")
        _refuse_outside(values, affine, grid)
        placed = resample_nearest(values, affine, grid)
        return PlacedLabels(placed, largest, True, notes, stored.names, _outermost(values))
    except ImageError as error:
        raise ImageError(f"{where}: {error}") from error


def _outermost(values: np.ndarray) -> frozenset[int]:
    """Return the labels on the six faces of a volume."""
    faces = [np.take(values, end, axis=axis) for axis in range(3) for end in (0, -1)]
    return frozenset(int(value) for face in faces for value in np.unique(face)) - {0}


def _refuse_outside(values: np.ndarray, affine: np.ndarray, grid: Grid) -> None:
    extent = _labelled_extent(values, affine)
    if extent is None:
        return
    beyond = voxels_beyond(extent, grid, np.linalg.norm(affine[:3, :3], axis=0))
    if beyond > BEYOND_TOLERANCE_VOXELS:
        raise ImageError(
            f"labels reach {beyond:.1f} voxels beyond the CT; expected labels of this CT (at most "
            f"{BEYOND_TOLERANCE_VOXELS:g} voxel beyond)"
        )


def _labelled_extent(values: np.ndarray, affine: np.ndarray) -> np.ndarray | None:
    """Return the lowest and highest world (x, y, z) of the labelled voxels of [z, y, x]; None if there are none."""
    lows, highs = [], []
    for z, plane in enumerate(values):
        y, x = np.nonzero(plane)
        if len(y):
            points = np.stack([x, y, np.full(len(x), z)], axis=1) @ affine[:3, :3].T
            lows.append(points.min(axis=0))
            highs.append(points.max(axis=0))
    if not lows:
        return None
    return np.stack([np.min(lows, axis=0), np.max(highs, axis=0)]) + affine[:3, 3]
