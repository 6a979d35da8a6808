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
from cxrfactory.imaging.volume.files import layout_note, volume_suffix
from cxrfactory.imaging.volume.grid import Grid
from cxrfactory.imaging.volume.itk import segments_of
from cxrfactory.imaging.volume.label_grid import labels_on_grid
from cxrfactory.imaging.volume.label_names import header_names
from cxrfactory.imaging.volume.label_values import present_values
from cxrfactory.imaging.volume.layered_labels import LayeredSegments
from cxrfactory.imaging.volume.orientation import AffineRules, VolumeLayout


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
    at_end
        The values on the outermost voxels of a volume that was resampled.
    """

    values: UInt[np.ndarray, "z y x"]
    names: dict[int, str]
    present: tuple[int, ...]
    notes: tuple[str, ...] = ()
    at_end: frozenset[int] = frozenset()


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
    at_end
        Structures read so far that reach the outermost voxels of a volume that was resampled.
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
    at_end: set[str] = field(default_factory=set, init=False)

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
        self.at_end.clear()
        for name, path in self.files.items():
            yield name, self._read(name, path)

    def _read(self, name: str, path: Path) -> UInt8[np.ndarray, "z y x"]:
        where = f"{self.folder.name}/{path.name}"
        found = labels_on_grid(path, self._grid, self._layout, self._rules, where=where, binary=True)
        if found.resampled:
            self._resampled.append(name)
        if found.at_end:
            self.at_end.add(name)
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
) -> MultiLabel | BinaryFolder | LayeredSegments:
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
    segments = segments_of(path) if path.is_file() else []
    if len({segment.layer for segment in segments}) > 1 and names is None:
        return LayeredSegments(path, segments, grid, layout, rules)
    found = labels_on_grid(path, grid, layout, rules, where=path.name)
    values, present = found.values, present_values(found.values)
    notes = [f"labels: {note}" for note in found.notes]
    if found.resampled:
        notes.append("labels resampled (nearest) onto the CT's grid")
    if names is not None:
        notes += _different_names(names, found.names, present)
    elif found.names is not None:
        names = header_names(found.names, path.name)
        notes.append(f"labels named by the table in their header ({len(names)} names)")
    else:
        names = {value: value_name(value) for value in present}
        notes.append("labels without a name table, named by their value")
    unnamed = [value for value in present if value not in names]
    if unnamed:
        shown = ", ".join(map(str, unnamed[:10])) + (", ..." if len(unnamed) > 10 else "")
        raise ImageError(
            f"{path.name}: {len(unnamed)} label values are not in the name table ({shown}); expected a name for each"
        )
    return MultiLabel(values, dict(sorted(names.items())), present, tuple(notes), found.at_end)


def value_name(value: int) -> str:
    """Return the name of a label that neither a table nor a header names."""
    return f"label_{value}"


def _different_names(
    names: dict[int, str], header: list[tuple[str, str]] | None, present: tuple[int, ...]
) -> list[str]:
    """Note the labels whose names in the given table are not those of the header."""
    stated = dict(header or [])
    other = [value for value in present if stated.get(str(value), names.get(value)) != names.get(value)]
    if not other:
        return []
    return [
        f"{len(other)} of {len(present)} labels have another name in the name table than in the header; the table's"
    ]


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
        raise ImageError(
            f"{folder.name}: {missing} label volumes are links to files that do not exist; fetch them first"
        )
    if not files:
        raise CxrError(f"{folder.name}: no label volume in the folder; expected one file a structure (.nii.gz, ...)")
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(others.items()))
    return dict(sorted(files.items())), ((f"left aside beside the label volumes: {counted}",) if others else ())
