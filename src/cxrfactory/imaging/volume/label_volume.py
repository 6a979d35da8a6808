"""Reading of 3D labels on the grid of their CT.

Labels are one volume of many labels, or a folder with one binary volume per structure.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import UInt, UInt8

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.volume.ct import Volume
from cxrfactory.imaging.volume.files import layout_note, placed_affine, read_stored, volume_suffix
from cxrfactory.imaging.volume.grid import (
    Grid,
    aligned_grid,
    overlap,
    resample_nearest,
    same_grid,
    voxels_beyond,
)
from cxrfactory.imaging.volume.label_values import as_binary, present_values, whole_labels
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
class MultiLabel:
    """One volume of many structures, each with its own value.

    Attributes
    ----------
    values
        Canonical label volume [z, y, x] on the CT's grid, C-contiguous, uint8 or uint16; 0 is background.
    names
        Name of each value that the source can label, whether or not it is present, in increasing order of the values.
    present
        The values that occur in the volume, in increasing order.
    notes
        Changes to the labels: resampling, orientation from the config, names made from values.
    """

    values: UInt[np.ndarray, "z y x"]
    names: dict[int, str]
    present: tuple[int, ...]
    notes: tuple[str, ...] = ()


@dataclass
class BinaryFolder:
    """A folder with one binary volume per structure, read one at a time.

    Iteration yields (name, volume), sorted by name. A volume is canonical [z, y, x], uint8 of 0 and 1, C-contiguous and
    on the CT's grid; it may be empty. Only one volume is in memory at a time, if the caller keeps no reference.

    Attributes
    ----------
    folder
        Folder of the files.
    files
        File of each structure, sorted by name. The name of a structure is the file name without its suffix.
    """

    folder: Path
    files: dict[str, Path]
    _grid: Grid
    _layout: VolumeLayout | None
    _rules: AffineRules | None = None
    _aside: tuple[str, ...] = ()
    _resampled: list[str] = field(default_factory=list, init=False)
    _odd_values: dict[str, int] = field(default_factory=dict, init=False)
    _noted: Counter[str] = field(default_factory=Counter, init=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The structures, sorted."""
        return tuple(self.files)

    @property
    def notes(self) -> tuple[str, ...]:
        """Changes to the volumes that were read so far; the notes are complete after one iteration."""
        count, notes = len(self.files), list(self._aside)
        notes += [f"{times} of {count} label volumes: {note}" for note, times in self._noted.items()]
        if self._layout is not None:
            notes.append(f"labels: {layout_note(self._layout)}")
        if self._resampled:
            notes.append(f"{len(self._resampled)} of {count} label volumes resampled (nearest) onto the CT's grid")
        if self._odd_values:
            shown = ", ".join(map(str, sorted(set(self._odd_values.values()))))
            notes.append(f"{len(self._odd_values)} of {count} label volumes mark their structure with {shown}, not 1")
        return tuple(notes)

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[tuple[str, UInt8[np.ndarray, "z y x"]]]:
        self._resampled.clear()
        self._odd_values.clear()
        self._noted.clear()
        for name, path in self.files.items():
            yield name, self._read(name, path)

    def _read(self, name: str, path: Path) -> UInt8[np.ndarray, "z y x"]:
        where = f"{self.folder.name}/{path.name}"
        found = _on_grid(path, where, self._grid, self._layout, self._rules, binary=True)
        if found.resampled:
            self._resampled.append(name)
        if found.largest > 1:
            self._odd_values[name] = found.largest
        if self._layout is None:
            self._noted.update(found.notes)
        return found.values


def open_labels(
    path: Path,
    ct: Volume | Grid,
    names: dict[int, str] | None = None,
    layout: VolumeLayout | None = None,
    rules: AffineRules | None = None,
) -> MultiLabel | BinaryFolder:
    """Open the labels of a CT.

    Labels on another grid, and those of an oblique CT, are resampled onto the CT's canonical grid by the nearest voxel,
    with a note.

    Parameters
    ----------
    path
        A volume file of many labels, or a folder with one binary volume per structure.
    ct
        The CT or its grid.
    names
        Name of each label value (:func:`cxrfactory.imaging.volume.label_names.read_names`). Without it, the structures
        of a volume get the names in its header (TotalSegmentator, 3D Slicer), and without these ``label_<value>``. The
        structures of a folder always have the names of their files.
    layout
        Spacing and axes for files that state none; it replaces the files' affines.
    rules
        Which affine counts where a file states two, or a bare one; by default such a file is refused.

    Raises
    ------
    ImageError
        If a file is missing or cannot be read, has no orientation, or holds labels that are negative, not integers,
        above 65535, without a name, or outside the CT. For a folder, the error is raised during the iteration.
    CxrError
        If a folder holds no volume or the same name twice, or names are given for a folder.
    """
    path = Path(path)
    grid = ct.grid if isinstance(ct, Volume) else ct
    if path.is_dir():
        if names is not None:
            raise CxrError(f"{path.name}: a folder of binary volumes is named by its files; leave the name table out")
        files, aside = _structure_files(path)
        return BinaryFolder(path, files, grid, layout, rules, aside)
    found = _on_grid(path, path.name, grid, layout, rules, binary=False)
    values, present = found.values, present_values(found.values)
    notes = [f"labels: {note}" for note in found.notes]
    if found.resampled:
        notes.append("labels resampled (nearest) onto the CT's grid")
    if names is not None:
        notes += _different_names(names, found.names, present)
    elif found.names is not None:
        names = found.names
        notes.append(f"labels named by the table in their header ({len(names)} names)")
    else:
        names = {value: f"label_{value}" for value in present}
        notes.append("labels without a name table, named by their value")
    unnamed = [value for value in present if value not in names]
    if unnamed:
        shown = ", ".join(map(str, unnamed[:10])) + (", ..." if len(unnamed) > 10 else "")
        raise ImageError(
            f"{path.name}: {len(unnamed)} label values are not in the name table ({shown}); expected a name for each"
        )
    return MultiLabel(values, dict(sorted(names.items())), present, tuple(notes))


def _different_names(names: dict[int, str], header: dict[int, str] | None, present: tuple[int, ...]) -> list[str]:
    """Note the labels whose names in the given table are not those of the header."""
    other = [value for value in present if header and value in header and header[value] != names.get(value)]
    if not other:
        return []
    return [f"{len(other)} of {len(present)} labels have another name in the name table than in the header; the table's"]


def _structure_files(folder: Path) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Return the file of each structure, sorted, and notes on what else the folder holds."""
    files: dict[str, Path] = {}
    others: Counter[str] = Counter()
    missing = 0
    for path in sorted(folder.iterdir()):
        suffix = volume_suffix(path)
        if path.name.startswith("."):
            others["hidden"] += 1
        elif suffix is not None and path.is_symlink() and not path.exists():
            missing += 1
        elif suffix is None or not path.is_file():
            others["folders" if path.is_dir() else "other files"] += 1
        else:
            name = path.name[: -len(suffix)]
            if name in files:
                raise CxrError(f"{folder.name}: '{name}' comes twice, as {files[name].name} and {path.name}; keep one")
            files[name] = path
    if missing:
        raise ImageError(f"{folder.name}: {missing} label volumes are links to files that do not exist; fetch them first")
    if not files:
        raise CxrError(f"{folder.name}: no label volume in the folder; expected one file a structure (.nii.gz, ...)")
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(others.items()))
    return dict(sorted(files.items())), ((f"left aside beside the label volumes: {counted}",) if others else ())


@dataclass(frozen=True)
class _Placed:
    """Labels on the grid of the CT."""

    values: np.ndarray
    largest: int  # largest stored value
    resampled: bool
    notes: tuple[str, ...]
    names: dict[int, str] | None  # those in the file's header


def _on_grid(
    path: Path, where: str, grid: Grid, layout: VolumeLayout | None, rules: AffineRules | None, binary: bool
) -> _Placed:
    """Read labels and bring them onto the grid; if ``binary`` is true, they become 0 and 1."""
    try:
        stored = read_stored(path, rules)
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
                return _Placed(values, largest, False, notes, stored.names)
            affine = own.affine()
            if not overlap(own, grid):
                raise ImageError("labels do not overlap the CT at all; expected labels of this CT")
        _refuse_outside(values, affine, grid)
        return _Placed(resample_nearest(values, affine, grid), largest, True, notes, stored.names)
    except ImageError as error:
        raise ImageError(f"{where}: {error}") from error


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
