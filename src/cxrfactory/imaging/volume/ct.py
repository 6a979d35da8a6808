"""Reading of a chest CT as a canonical volume in Hounsfield units (HU)."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Num

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.volume.dicom_series import read_series
from cxrfactory.imaging.volume.files import layout_note, placed_affine, read_stored
from cxrfactory.imaging.volume.grid import Grid, aligned_grid, enclosing_grid, resample_linear
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

# Lung and the air around a patient lie far below this value, soft tissue far above. A volume with all values on one
# side is not in HU.
PLAUSIBLE_HU = -200
# Metal reaches a few ten thousand HU in scanners with an extended scale; larger values are no CT numbers.
LARGEST_HU = 1_000_000
# Scanners with an extended scale end at 30,710 HU, in metal. Voxels above the limit are no tissue, and where they make
# up more than this share of the volume, they are padding or another scale.
HIGHEST_HU, HIGHEST_SHARE = 31_000, 1e-3
# Tissue of a chest, from a newborn's to the largest that fits into a scanner, is wider than the first of these and
# narrower than the second; a factor of 10 in the units of the spacing leads out of them. Small crops may be any.
CHEST_MM = (60.0, 1000.0)
_TISSUE_HU, _FEW_VOXELS = -500, 48
_LOOKED_AT = 8  # slices

# Largest ratio of the enclosing anatomical grid to an oblique volume, in voxels; for a rotated cube the ratio is 5.
_LARGEST_GROWTH = 20

_INT16 = np.iinfo(np.int16)


@dataclass(frozen=True)
class Volume:
    """A CT in canonical orientation.

    Attributes
    ----------
    values
        HU [z, y, x], C-contiguous, int16 or float32; z grows towards the head, y towards the front, x towards the
        patient's right.
    spacing_mm
        Voxel spacing (z, y, x), mm.
    origin_mm
        World (x, y, z) of the centre of voxel [0, 0, 0], mm, RAS+.
    notes
        Changes that the file does not state: resampling, orientation from the config.
    """

    values: Num[np.ndarray, "z y x"]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    notes: tuple[str, ...] = ()

    @property
    def grid(self) -> Grid:
        """Grid of the voxels."""
        return Grid(self.values.shape, self.spacing_mm, self.origin_mm)


def read_ct(path: Path, layout: VolumeLayout | None = None, rules: AffineRules | None = None) -> Volume:
    """Read a CT from a volume file or a folder that holds one DICOM series.

    Integers stay 16-bit if the HU fit. A file with the axis order x, y, z is not copied, any other file is copied once.
    Oblique acquisitions are resampled linearly onto the anatomical axes, with air outside.

    Parameters
    ----------
    path
        ``.nii``, ``.nii.gz``, ``.nrrd``, ``.nhdr``, ``.mha``, ``.mhd``, or a folder of DICOM slices.
    layout
        Spacing and axes for files that state none (RadGenome-ChestCT); it replaces the file's affine.
    rules
        Which affine counts where a file states two, or a bare one; by default such a file is refused.

    Raises
    ------
    ImageError
        If the CT cannot be read, has no orientation or two that differ, is sheared, has gaps, is not in HU, is too
        large, or holds a body too small or too large for a chest, as with a spacing in cm.
    CxrError
        If a layout is given for a DICOM series.
    """
    path = Path(path)
    if path.is_dir():
        if layout is not None:
            raise CxrError(f"{path.name}: a layout is given for a DICOM series, which states its own; leave it out")
        stored = read_series(path)
    else:
        stored = read_stored(path, rules)
    affine = placed_affine(stored, layout, path.name)
    notes = (*stored.notes, *([] if layout is None else [layout_note(layout)]))
    try:
        direction, _ = split_affine(affine)
        hu = _to_hu(stored.values, stored.slope, stored.intercept)
        notes = (*notes, *_high_values(hu))
    except ImageError as error:
        raise ImageError(f"{path.name}: {error}") from error
    order = axis_order(direction)
    affine = canonical_affine(affine, hu.shape, order)
    hu = to_canonical(hu, order)
    degrees = obliquity_degrees(direction)
    if degrees <= ANGLE_TOLERANCE_DEGREES:
        grid = aligned_grid(affine, hu.shape)
    else:
        grid = enclosing_grid(affine, hu.shape)
        if math.prod(grid.shape) > _LARGEST_GROWTH * hu.size:
            raise ImageError(
                f"{path.name}: oblique by {degrees:.2f} degrees, and the anatomical grid around it has "
                f"{' x '.join(map(str, grid.shape))} voxels; expected at most {_LARGEST_GROWTH} times its own"
            )
        hu = resample_linear(hu, affine, grid)
        notes = (*notes, f"oblique by {degrees:.2f} degrees: CT resampled (linear) onto the anatomical axes")
    if implausible := _implausible_size(hu, grid.spacing_mm):
        if layout is None:
            raise ImageError(
                f"{path.name}: {implausible}; correct the file, or give axes and spacing_mm, which replace the file's"
            )
        notes = (*notes, implausible)
    return Volume(hu, grid.spacing_mm, grid.origin_mm, notes)


def _implausible_size(hu: Num[np.ndarray, "z y x"], spacing_mm: tuple[float, float, float]) -> str:
    """Return what is wrong with the size of the body; empty if nothing is."""
    if min(hu.shape[1:]) < _FEW_VOXELS:
        return ""
    tissue = (hu[:: max(1, len(hu) // _LOOKED_AT)] > _TISSUE_HU).any(axis=0)
    depth, width = (
        (int(places[-1] - places[0]) + 1) * step if (places := np.flatnonzero(tissue.any(axis=axis))).size else 0.0
        for axis, step in ((1, spacing_mm[1]), (0, spacing_mm[2]))
    )
    if not (0 < max(depth, width) < CHEST_MM[0] or min(depth, width) > CHEST_MM[1]):
        return ""
    return (
        f"the body is {width:.0f} mm wide and {depth:.0f} mm deep (voxels of {spacing_mm[2]:g} x {spacing_mm[1]:g} "
        f"mm); expected a chest, {CHEST_MM[0]:.0f} to {CHEST_MM[1]:.0f} mm: the spacing is probably not in mm"
    )


def _high_values(hu: np.ndarray) -> list[str]:
    """Return a note on voxels above :data:`HIGHEST_HU`, or refuse the CT if they are many."""
    highest = float(hu.max())
    if highest <= HIGHEST_HU:
        return []
    count = sum(int(np.count_nonzero(hu[:, :, k] > HIGHEST_HU)) for k in range(hu.shape[2]))
    what = f"{count} voxels ({100 * count / hu.size:.2g} %) above {HIGHEST_HU} HU, up to {highest:g}"
    if count > HIGHEST_SHARE * hu.size:
        raise ImageError(f"{what}: padding or another scale; expected HU, with air where nothing was scanned")
    return [what]


def _to_hu(stored: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    """Apply slope and intercept; the result is int16 if both are integers and the values fit, else float32.

    16-bit input is changed in place. The arithmetic is exact modulo 2**16, so only the extreme values are checked.
    """
    if not (np.isfinite(slope) and np.isfinite(intercept) and slope != 0):
        raise ImageError(f"rescale slope {slope:g} and intercept {intercept:g}; expected finite numbers, slope not 0")
    # Minimum and maximum are NaN if any voxel is, so NaN is found without another pass.
    ends = [float(stored.min()) * slope + intercept, float(stored.max()) * slope + intercept]
    if not np.isfinite(ends).all():
        count = int(np.count_nonzero(~np.isfinite(stored)))
        raise ImageError(f"{count} voxels are NaN or infinite; expected finite HU")
    low, high = min(ends), max(ends)
    if low > PLAUSIBLE_HU or high < PLAUSIBLE_HU:
        shifted = ", as if shifted to start at 0" if low >= 0 else ""
        raise ImageError(
            f"values run from {low:g} to {high:g}{shifted}: that does not look like HU; expected both air "
            f"(below {PLAUSIBLE_HU}) and tissue (above)"
        )
    if max(-low, high) > LARGEST_HU:
        raise ImageError(
            f"values run from {low:g} to {high:g}: that is not HU; expected at most {LARGEST_HU} either way"
        )
    whole = stored.dtype.kind in "iu" and float(slope).is_integer() and float(intercept).is_integer()
    if not (whole and low >= _INT16.min and high <= _INT16.max and max(abs(slope), abs(intercept)) <= _INT16.max):
        scaled = stored.astype(np.float32, copy=False)
        if (slope, intercept) != (1, 0):
            np.multiply(scaled, np.float32(slope), out=scaled)
            np.add(scaled, np.float32(intercept), out=scaled)
        return scaled
    hu = stored.view(np.int16) if stored.dtype.itemsize == 2 else stored.astype(np.int16)
    if slope != 1:
        np.multiply(hu, np.int16(slope), out=hu)
    if intercept != 0:
        np.add(hu, np.int16(intercept), out=hu)
    return hu
