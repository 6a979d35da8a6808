"""The cines of NIfTI files: a short-axis stack over time or at single times, and long-axis files beside it.

Names of files tell which is which (:mod:`cxrfactory.hearts.reading.nifti_names`), and ``Info.cfg`` of ACDC beside them
tells end-diastole and end-systole.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import ImageError
from cxrfactory.hearts.reading.cine import Cine, Moment
from cxrfactory.hearts.reading.nifti_names import NamedFile, chosen_files, is_label_file, named, nifti_files
from cxrfactory.hearts.reading.rules import HeartRules
from cxrfactory.hearts.reading.stack import USUAL_APEX
from cxrfactory.imaging.volume.files import read_stored_frames
from cxrfactory.imaging.volume.orientation import AffineRules, split_affine
from cxrfactory.imaging.volume.stored import LPS_TO_RAS

_TIME_UNITS = ("sec", "msec", "usec", "unknown")
_CLEARLY_LARGEST = 1.5  # times the other spacings


@dataclass(frozen=True)
class NiftiHeart:
    """What the NIfTI files of a case hold.

    Attributes
    ----------
    short_axis
        Cines of the short-axis file, in its order of slices.
    others
        Cines of the long-axis files.
    placed
        Whether the short-axis file states its place in the patient; otherwise a usual place was made up.
    ed, es
        Index of the image at end-diastole and end-systole where names or ``Info.cfg`` state it.
    notes
        Remarks on the files.
    """

    short_axis: tuple[Cine, ...]
    others: tuple[Cine, ...]
    placed: bool
    ed: int | None
    es: int | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Grid:
    """Voxels (i, j, slice, time) and their matrix to the patient (LPS), or None where the file states none."""

    values: np.ndarray
    affine: Float[np.ndarray, "4 4"] | None
    spacing_mm: tuple[float, float, float]
    slope: float
    intercept: float
    notes: tuple[str, ...]


def read_nifti(place: Path, rules: HeartRules) -> NiftiHeart:
    """Read the NIfTI files of one case.

    Parameters
    ----------
    place
        A file, or a folder of one case.
    rules
        Rules of reading.

    Raises
    ------
    ImageError
        If a file cannot be read, there is no short-axis file or more than one, the fourth axis of a file is not time,
        or files of several times do not fit together.
    """
    files = [place] if place.is_file() else nifti_files(place)
    images = [path for path in files if place.is_file() or not is_label_file(path)]
    notes = [f"{len(files) - len(images)} label files left aside"] if len(files) > len(images) else []
    chosen, more = chosen_files([named(path) for path in images])
    notes += more
    short = [each for each in chosen if each.view in ("sax", "")]
    if not short:
        raise ImageError(
            f"{place.name}: {len(images)} NIfTI images, none of them a short-axis stack by its name; call it sa.nii.gz"
        )
    stack, times = _stack(short, place.name, rules, notes)
    placed = stack.affine is not None
    short_axis = _cines(stack, "sax", rules)
    others: list[Cine] = []
    for view in ("2ch", "3ch", "4ch", "lax"):
        of_view = [each for each in chosen if each.view == view]
        if of_view:
            others += _long_axis(of_view, view, times, place.name, rules, notes)
    if not placed:
        notes.append(f"{stack.notes[-1]}: the place and the direction of the stack in the patient are made up")
    ed, es = _stated_times(place, times)
    return NiftiHeart(tuple(short_axis), tuple(others), placed, ed, es, tuple(notes))


def _stack(files: Sequence[NamedFile], name: str, rules: HeartRules, notes: list[str]) -> tuple[_Grid, tuple[str, ...]]:
    """Return the short-axis stack, and the names of its times where each comes from a file of its own."""
    whole = [each for each in files if not each.time]
    if len(whole) > 1:
        raise ImageError(
            f"{name}: {len(whole)} files may be the short-axis stack; expected one a case; call it sa.nii.gz, or files "
            "of single times frame01.nii.gz and so on"
        )
    if whole:
        if len(files) > 1:
            notes.append(f"{len(files) - 1} files of single times beside the file of all times left aside")
        return _grid(whole[0].path, rules), ()
    return _joined(files, name, rules)


def _joined(files: Sequence[NamedFile], name: str, rules: HeartRules) -> tuple[_Grid, tuple[str, ...]]:
    """Return the volumes of several times as one, in the order of the times."""
    ordered = sorted(files, key=lambda each: (len(each.time), each.time))
    times = tuple(each.time for each in ordered)
    if len(set(times)) < len(times):
        raise ImageError(f"{name}: {len(times)} files of {len(set(times))} times; expected one file a time")
    grids = [_grid(each.path, rules) for each in ordered]
    first = grids[0]
    for each, grid in zip(ordered, grids, strict=True):
        if grid.values.shape[3] != 1:
            raise ImageError(f"{each.path.name}: {grid.values.shape[3]} times; expected one, as its name says")
        fits = grid.values.shape == first.values.shape and (grid.affine is None) == (first.affine is None)
        if not fits or (grid.affine is not None and not np.allclose(grid.affine, first.affine, atol=0.1)):
            raise ImageError(f"{each.path.name}: another grid than {ordered[0].path.name}; expected one for all times")
    values = np.concatenate([grid.values * np.float32(grid.slope) + np.float32(grid.intercept) for grid in grids], 3)
    return _Grid(values, first.affine, first.spacing_mm, 1.0, 0.0, first.notes), times


def _long_axis(
    files: list[NamedFile], view: str, times: tuple[str, ...], name: str, rules: HeartRules, notes: list[str]
) -> list[Cine]:
    wanted = [each for each in files if not each.time] if not times else [e for e in files if e.time in times]
    if not wanted or (times and len(wanted) < len(times)):
        notes.append(f"{len(files)} {view} files left aside: not the times of the short-axis stack")
        return []
    if times:
        grid, _ = _joined(wanted, name, rules)
    else:
        if len(wanted) > 1:
            raise ImageError(f"{name}: {len(wanted)} files of the {view} view; expected one")
        grid = _grid(wanted[0].path, rules)
    if grid.affine is None:
        notes.append(f"the {view} file left aside: {grid.notes[-1]}, so that nobody knows where its plane lies")
        return []
    return _cines(grid, "" if view == "lax" else view, rules)


def _grid(path: Path, rules: HeartRules) -> _Grid:
    frames = read_stored_frames(path, AffineRules(trust_identity=rules.trust_identity))
    stored = frames.volume
    if stored.conflict:
        raise ImageError(f"{path.name}: {stored.conflict}")
    many = stored.values.shape[3]
    timeless = not (np.isfinite(frames.step) and frames.step > 0)
    if many > 1 and frames.unit not in _TIME_UNITS:
        raise ImageError(f"{path.name}: a fourth axis in {frames.unit}; expected time")
    if many > 1 and timeless and (rules.ed is None or rules.es is None):
        raise ImageError(
            f"{path.name}: {many} volumes along a fourth axis without a time step (pixdim[4] is {frames.step:g}); "
            "expected the step in the header, or the numbers of the images at ED and ES (ed, es)"
        )
    affine, notes, spacing = None, (stored.lacking,), np.abs(np.array(frames.spacing_mm))
    if stored.affine is not None:
        affine = LPS_TO_RAS @ stored.affine
        try:
            _, spacing = split_affine(affine)
        except ImageError as error:
            raise ImageError(f"{path.name}: {error}") from error
        notes = ()
    if not (np.isfinite(spacing).all() and (spacing > 0).all()):
        raise ImageError(f"{path.name}: voxel spacing {' x '.join(f'{x:g}' for x in spacing)} mm; expected above 0")
    if not np.isfinite(stored.values).all():
        raise ImageError(f"{path.name}: voxels that are NaN or infinite; expected finite grey values")
    return _slices_last(_Grid(stored.values, affine, tuple(spacing), stored.slope, stored.intercept, notes))  # type: ignore[arg-type]


def _slices_last(grid: _Grid) -> _Grid:
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
    return _Grid(
        grid.values.transpose(*order, 3), affine, tuple(spacing[order]), grid.slope, grid.intercept, grid.notes
    )


def _cines(grid: _Grid, hint: str, rules: HeartRules) -> list[Cine]:
    affine = _usual_place(grid) if grid.affine is None else grid.affine
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    across, down = affine[:3, 0] / steps[0], affine[:3, 1] / steps[1]
    columns, rows, slices, times = grid.values.shape

    def pixels(place: int, time: int) -> np.ndarray:
        return grid.values[:, :, place, time].T * np.float32(grid.slope) + np.float32(grid.intercept)

    return [
        Cine(
            (rows, columns),
            affine[:3, 3] + place * affine[:3, 2],
            across,
            down,
            (float(steps[0]), float(steps[1])),
            float(steps[2]),
            tuple(Moment(time, None, partial(pixels, place, time)) for time in range(times)),
            hint=hint,
        )
        for place in range(slices)
    ]


def _usual_place(grid: _Grid) -> Float[np.ndarray, "4 4"]:
    """Return the matrix of a stack in the middle of a usual heart, its rows in the coronal plane as scanners set them.

    The slices run towards the base; which end is the base, the images tell.
    """
    base = -USUAL_APEX
    across = np.cross([0.0, 1.0, 0.0], base)
    across /= np.linalg.norm(across)
    axes = np.stack([across, np.cross(base, across), base], 1) * grid.spacing_mm
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = -axes @ ((np.array(grid.values.shape[:3]) - 1) / 2)
    return affine


def _stated_times(place: Path, times: tuple[str, ...]) -> tuple[int | None, int | None]:
    """Return the indices of ED and ES by the names of the files, or by ``Info.cfg`` beside them."""
    named = tuple(times.index(word) if word in times else None for word in ("ED", "ES"))
    if named != (None, None):
        return named  # type: ignore[return-value]
    folders = sorted({path.parent for path in nifti_files(place)}) if place.is_dir() else [place.parent]
    info = next((folder / "Info.cfg" for folder in folders if (folder / "Info.cfg").is_file()), None)
    if info is None or info.stat().st_size > 1 << 16:
        return None, None
    text = info.read_text(encoding="utf-8", errors="replace")
    found: list[int | None] = []
    for word in ("ED", "ES"):
        match = re.search(rf"^{word}:\s*(\d+)\s*$", text, re.MULTILINE)
        number = int(match[1]) if match else None
        if times:
            index = next((i for i, time in enumerate(times) if time.isdigit() and int(time) == number), None)
        else:
            index = None if number is None else number - 1
        found.append(index)
    return found[0], found[1]
