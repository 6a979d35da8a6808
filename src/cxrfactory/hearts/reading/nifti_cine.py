"""The cines of NIfTI files: a short-axis stack over time or at single times, and long-axis files beside it.

Names of files tell which is which (:mod:`cxrfactory.hearts.reading.nifti_names`), and ``Info.cfg`` of ACDC beside them
tells end-diastole and end-systole.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import ImageError
from cxrfactory.hearts.reading.cine import Cine, Moment
from cxrfactory.hearts.reading.ends_table import table_ends
from cxrfactory.hearts.reading.info_file import read_info, stated_times
from cxrfactory.hearts.reading.nifti_grid import Grid, check_spacing, check_stack, read_grid
from cxrfactory.hearts.reading.nifti_names import NamedFile, chosen_files, is_label_file, named, nifti_files
from cxrfactory.hearts.reading.roots import advised_root
from cxrfactory.hearts.reading.rules import HeartRules
from cxrfactory.hearts.reading.stack import USUAL_APEX


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
    images = [path for path in files if place.is_file() or not is_label_file(path, place)]
    notes = [f"{len(files) - len(images)} label files left aside"] if len(files) > len(images) else []
    chosen, more = chosen_files([named(path) for path in images])
    notes += more
    short = [each for each in chosen if each.view in ("sax", "")]
    if not short:
        raise ImageError(
            f"{place.name}: {len(images)} NIfTI images, none of them a short-axis stack by its name; call it sa.nii.gz"
        )
    folders = [place.parent] if place.is_file() else [place, *sorted({path.parent for path in files} - {place})]
    info = read_info(folders)
    if place.is_dir() and info.ed is None and info.es is None:
        info = table_ends(place)
    notes += info.notes
    ends_known = None not in (info.ed if rules.ed is None else rules.ed, info.es if rules.es is None else rules.es)
    reader = _Reader(place, partial(read_grid, trust_identity=rules.trust_identity, ends_known=ends_known), notes)
    grids, times = reader.stack(short)
    stack = grids[0]
    others: list[Cine] = []
    for view in ("2ch", "3ch", "4ch", "lax"):
        of_view = [each for each in chosen if each.view == view]
        if of_view:
            others += reader.long_axis(of_view, view, times)
    if stack.affine is None:
        notes.append(f"{stack.lacking}: the place and the direction of the stack in the patient are made up")
        if others:
            notes.append(f"{len(others)} long-axis views left aside: their places do not fit a made-up one")
            others = []
    ed, es = stated_times(info, times, stack.values.shape[3], place.name)
    cines = tuple(cine for grid in grids for cine in _cines(grid, "sax"))
    return NiftiHeart(cines, tuple(others), stack.affine is not None, ed, es, tuple(notes))


@dataclass(frozen=True)
class _Reader:
    """Reads the files of a case: its folder or file, how a file is read, and the notes so far."""

    place: Path
    read: Callable[[Path], Grid]
    notes: list[str]

    @property
    def name(self) -> str:
        """Name of the folder or file."""
        return self.place.name

    def stack(self, files: Sequence[NamedFile]) -> tuple[list[Grid], tuple[str, ...]]:
        """Return the short-axis stack, and the names of its times where each comes from a file of its own.

        The stack is one grid, or one for each slice where each comes from a file of its own.
        """
        single = [each for each in files if each.place]
        if single and len(single) == len(files):
            return self.slices(single)
        if single:
            self.notes.append(f"{len(single)} files of single slices beside a file of all slices left aside")
            files = [each for each in files if not each.place]
        whole = [each for each in files if not each.time]
        if len(whole) > 1:
            if advice := advised_root([[each.path] for each in whole], self.place):
                raise ImageError(f"{self.name}: {len(whole)} short-axis files; expected one examination{advice}")
            raise ImageError(
                f"{self.name}: {len(whole)} files may be the short-axis stack; expected one a case; call it sa.nii.gz, "
                "files of single times frame01.nii.gz and so on, or those of single slices slice01.nii.gz and so on"
            )
        if not whole:
            grid, times = self.joined(files)
            check_stack(grid, self.name)
            return [grid], times
        if len(files) > 1:
            self.notes.append(f"{len(files) - 1} files of single times beside the file of all times left aside")
        grid = self.one(whole[0].path)
        check_stack(grid, whole[0].path.name)
        return [grid], ()

    def slices(self, files: Sequence[NamedFile]) -> tuple[list[Grid], tuple[str, ...]]:
        """Return each slice of a stack, and the names of its times; each file's orientation tells its place."""
        if len({each.place for each in files}) == 1:
            raise ImageError(
                f"{files[0].path.name}: one slice by its name; expected the files of all slices in a folder of its own"
            )
        places = sorted({each.place for each in files}, key=lambda one: (len(one), one))
        read = [self.slice_over_time([each for each in files if each.place == place]) for place in places]
        grids, times = [grid for grid, _ in read], read[0][1]
        if len({(names, grid.values.shape[3]) for grid, names in read}) > 1:
            raise ImageError(f"{self.name}: {len(grids)} slices of different times; expected the same times of each")
        origins = {tuple(np.round(grid.affine[:3, 3], 1)) for grid in grids if grid.affine is not None}
        if len(origins) < len(grids):
            raise ImageError(
                f"{self.name}: {len(grids)} files of single slices, several at one place by their orientation; "
                "expected the place of each; write it to the headers, or stack the slices into sa.nii.gz"
            )
        return grids, times

    def slice_over_time(self, files: Sequence[NamedFile]) -> tuple[Grid, tuple[str, ...]]:
        """Return one slice, of one file or of one file a time, and the names of its times."""
        alone = len(files) == 1 and not files[0].time
        grid, times = (self.one(files[0].path), ()) if alone else self.joined(files)
        name, sizes = files[0].path.name, grid.values.shape[:3]
        if sizes[2] != 1:
            raise ImageError(
                f"{name}: {' x '.join(map(str, sizes))} voxels; expected one slice, as its name says, with the axes x, "
                "y, 1, time"
            )
        if grid.affine is None:
            raise ImageError(
                f"{name}: one slice without its place ({grid.lacking}), so that nobody knows the distance of the "
                "slices; expected an orientation; write it to the header, or stack the slices into sa.nii.gz"
            )
        check_spacing(grid, name)
        return grid, times

    def one(self, path: Path) -> Grid:
        """Return one file, and note what was found in it."""
        grid = self.read(path)
        self.notes.extend(f"{path.name}: {note}" for note in grid.notes)
        return grid

    def joined(self, files: Sequence[NamedFile]) -> tuple[Grid, tuple[str, ...]]:
        """Return the volumes of several times as one, in the order of the times."""
        ordered = sorted(files, key=lambda each: (len(each.time), each.time))
        times = tuple(each.time for each in ordered)
        if len(set(times)) < len(times):
            raise ImageError(f"{self.name}: {len(times)} files of {len(set(times))} times; expected one file a time")
        grids = [self.one(each.path) for each in ordered]
        first = grids[0]
        for each, grid in zip(ordered, grids, strict=True):
            if grid.values.shape[3] != 1:
                raise ImageError(f"{each.path.name}: {grid.values.shape[3]} times; expected one, as its name says")
            fits = grid.values.shape == first.values.shape and (grid.affine is None) == (first.affine is None)
            if not fits or (grid.affine is not None and not np.allclose(grid.affine, first.affine, atol=0.1)):
                raise ImageError(
                    f"{each.path.name}: another grid than {ordered[0].path.name}; expected one for all times"
                )
        values = np.concatenate(
            [grid.values * np.float32(grid.slope) + np.float32(grid.intercept) for grid in grids], 3
        )
        return replace(first, values=values, slope=1.0, intercept=0.0), times

    def long_axis(self, files: list[NamedFile], view: str, times: tuple[str, ...]) -> list[Cine]:
        """Return the cine of a long-axis view, or none where its files do not fit the stack."""
        wanted = [each for each in files if (each.time in times if times else not each.time)]
        if not wanted or (times and len(wanted) < len(times)):
            self.notes.append(f"{len(files)} {view} files left aside: not the times of the short-axis stack")
            return []
        if not times and len(wanted) > 1:
            raise ImageError(
                f"{self.name}: {len(wanted)} files of the {view} view; expected one; call it la_{view}.nii.gz"
            )
        grid = self.joined(wanted)[0] if times else self.one(wanted[0].path)
        if grid.affine is None:
            self.notes.append(f"the {view} file left aside: {grid.lacking}, so that nobody knows where its plane lies")
            return []
        check_spacing(grid, wanted[0].path.name)
        return _cines(grid, "" if view == "lax" else view)


def _cines(grid: Grid, hint: str) -> list[Cine]:
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


def _usual_place(grid: Grid) -> Float[np.ndarray, "4 4"]:
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
