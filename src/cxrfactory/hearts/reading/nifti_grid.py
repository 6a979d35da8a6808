"""One NIfTI file of the heart as a grid of voxels over time, and what a header must state for it to be read."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import ImageError
from cxrfactory.imaging.volume.files import read_stored_frames
from cxrfactory.imaging.volume.nifti import StoredFrames
from cxrfactory.imaging.volume.orientation import AffineRules, split_affine, triple
from cxrfactory.imaging.volume.stored import LPS_TO_RAS

_TIME_UNITS = ("sec", "msec", "usec", "unknown")
_CLEARLY_LARGEST = 1.5  # times the other spacings
_UNIT = 1e-4
PIXEL_MM, STEP_MM = (0.2, 10.0), (0.5, 40.0)  # in the plane of a slice, and from slice to slice
_LARGEST_REACH_MM, _MOST_SLICES = 260.0, 40  # of a short-axis stack; usual ones have 6 to 20 slices over 60 to 160 mm
_AIR = -900.0  # about the CT value of air; magnitudes of MR are not negative
NO_CT = "expected cine MR; a CT is not read, with or without labels of the heart"
_LARGEST_SHARE_NAN = 0.5
# Images of two slices differ more than those of two times, unless the slices are closer than this.
_APART_MM, _FEWEST_TIMES, _TOO_ALIKE = 4.0, 4, 0.5


@dataclass(frozen=True)
class Grid:
    """Voxels of one file over time.

    Attributes
    ----------
    values
        As stored (i, j, slice, time); NaN is replaced by 0.
    affine
        Matrix from index to the patient (LPS), or None where the file states none.
    spacing_mm
        Spacing along i, j and from slice to slice.
    slope, intercept
        Grey value = slope * stored value + intercept.
    lacking
        Reason why there is no affine; empty if there is one.
    notes
        Remarks on the file.
    """

    values: np.ndarray
    affine: Float[np.ndarray, "4 4"] | None
    spacing_mm: tuple[float, float, float]
    slope: float
    intercept: float
    lacking: str
    notes: tuple[str, ...] = ()


def read_grid(path: Path, trust_identity: bool, ends_known: bool) -> Grid:
    """Read one file.

    Parameters
    ----------
    path
        The file.
    trust_identity
        Whether a bare affine counts as a place in the patient.
    ends_known
        Whether end-diastole and end-systole are known, so that a file of several times needs no step of time.

    Raises
    ------
    ImageError
        If the file cannot be read, states two orientations, its fourth axis is not time, or it holds no image.
    """
    frames = read_stored_frames(path, AffineRules(trust_identity=trust_identity))
    stored = frames.volume
    if stored.conflict:
        raise ImageError(
            f"{path.name}: {stored.conflict.partition(';')[0]}; expected one orientation; correct the header"
        )
    _check_time(frames, path.name, ends_known)
    affine, spacing = None, np.abs(np.array(frames.spacing_mm))
    if stored.affine is not None:
        affine = LPS_TO_RAS @ stored.affine
        try:
            _, spacing = split_affine(affine)
        except ImageError as error:
            raise ImageError(f"{path.name}: {error}") from error
    values, notes = _finite(stored.values, path.name)
    if values.min() == values.max():
        raise ImageError(f"{path.name}: all voxels are {values.flat[0]:g}; expected images")
    whole = Grid(values, affine, tuple(spacing), stored.slope, stored.intercept, stored.lacking, notes)  # type: ignore[arg-type]
    return _slices_last(whole)


def check_spacing(grid: Grid, name: str) -> None:
    """Refuse a spacing that no cardiac MR has, such as one in other units, or that nobody measured.

    Raises
    ------
    ImageError
        If it is out of bounds, or 1 mm from slice to slice in a file without an orientation: programs write 1 where
        they do not know it, and nibabel reads 0 as 1.
    """
    spacing = np.array(grid.spacing_mm)
    if grid.affine is None and not (abs(spacing[2] - 1) > _UNIT and (spacing > 0).all()):
        raise ImageError(
            f"{name}: voxel spacing {triple(spacing)} mm and no orientation ({grid.lacking}), as programs write where "
            "they know neither; expected the true spacing; write it to the header (pixdim, or the affine)"
        )
    several = grid.values.shape[2] > 1
    fits = spacing[:2].min() >= PIXEL_MM[0] and spacing[:2].max() <= PIXEL_MM[1]
    if not fits or (several and not STEP_MM[0] <= spacing[2] <= STEP_MM[1]):
        raise ImageError(
            f"{name}: voxel spacing {triple(spacing)} mm; expected {PIXEL_MM[0]:g} to {PIXEL_MM[1]:g} mm in the plane "
            f"and {STEP_MM[0]:g} to {STEP_MM[1]:g} mm from slice to slice; write the spacing in mm to the header"
        )


def check_stack(grid: Grid, name: str) -> None:
    """Refuse what is no short-axis stack over time, such as axes in another order.

    Raises
    ------
    ImageError
        If its grey values are those of CT, its spacing is no true one (:func:`check_spacing`), it has too many slices,
        reaches too far, or its slices differ less than its times.
    """
    lowest = float(grid.values.min()) * grid.slope + grid.intercept
    if lowest <= _AIR:
        raise ImageError(f"{name}: grey values down to {lowest:g}, as a CT has; {NO_CT}")
    check_spacing(grid, name)
    columns, rows, slices, times = grid.values.shape
    step = grid.spacing_mm[2]
    sizes = f"{columns} x {rows} pixels, {slices} slices {step:g} mm apart and {times} times"
    wanted = "expected the axes x, y, slice, time in this order"
    reach = (slices - 1) * step
    if reach > _LARGEST_REACH_MM:
        raise ImageError(
            f"{name}: {sizes}, a stack of {reach:.0f} mm; expected at most {_LARGEST_REACH_MM:.0f} mm; {wanted}"
        )
    if slices > _MOST_SLICES:
        raise ImageError(f"{name}: {sizes}; expected at most {_MOST_SLICES} slices, as acquired; {wanted}")
    if times >= _FEWEST_TIMES and slices > 1 and step >= _APART_MM:
        alike = _change(grid.values, 2) / max(_change(grid.values, 3), 1e-9)
        if alike < _TOO_ALIKE:
            raise ImageError(
                f"{name}: {sizes}, but slices differ less than times ({alike:.2f} of it), as if the third axis were "
                f"time; {wanted}"
            )


def _check_time(frames: StoredFrames, name: str, ends_known: bool) -> None:
    many = frames.volume.values.shape[3]
    if many > 1 and frames.unit not in _TIME_UNITS:
        raise ImageError(f"{name}: a fourth axis in {frames.unit}; expected time")
    if many > 1 and not (np.isfinite(frames.step) and frames.step > 0) and not ends_known:
        raise ImageError(
            f"{name}: {many} volumes along a fourth axis without a time step (pixdim[4] is {frames.step:g}); expected "
            "the step in the header, or a file Info.cfg beside it with lines such as 'ED: 1' and 'ES: 10', the numbers "
            "of the images at end-diastole and end-systole, from 1"
        )


def _finite(values: np.ndarray, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the voxels with 0 for NaN, which programs write outside the field of view."""
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return values, ()
    if np.isinf(values).any():
        raise ImageError(f"{name}: voxels that are infinite; expected finite grey values")
    unknown = np.isnan(values)
    share = float(unknown.mean())
    if share >= _LARGEST_SHARE_NAN:
        raise ImageError(f"{name}: {share:.0%} of the voxels are NaN; expected grey values in at least half of them")
    return np.where(unknown, values.dtype.type(0), values), (f"{share:.1%} of the voxels are NaN; read as 0",)


def _slices_last(grid: Grid) -> Grid:
    """Return the grid with the axis across the slices third: the one with clearly the largest spacing, else the third.

    An axis of one voxel is such an axis, too.
    """
    spacing, shape = np.array(grid.spacing_mm), grid.values.shape[:3]
    single = [axis for axis in (2, 1, 0) if shape[axis] == 1]
    widest = int(np.argmax(spacing))
    clear = spacing[widest] > _CLEARLY_LARGEST * np.delete(spacing, widest).max()
    last = single[0] if single else widest if clear else 2
    if last == 2:
        return grid
    order = [axis for axis in range(3) if axis != last] + [last]
    affine = None if grid.affine is None else grid.affine[:, [*order, 3]]
    return replace(grid, values=grid.values.transpose(*order, 3), affine=affine, spacing_mm=tuple(spacing[order]))


def _change(values: np.ndarray, axis: int) -> float:
    """Return the mean difference of neighbours along an axis."""
    sparse = values[::2, ::2].astype(np.float32)
    return float(np.abs(np.diff(sparse, axis=axis)).mean())
