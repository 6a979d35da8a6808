"""Segments of 3D Slicer that overlap: a ``.seg.nrrd`` file of several layers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from cxrfactory.errors import ImageError
from cxrfactory.imaging.volume.files import layout_note
from cxrfactory.imaging.volume.grid import Grid
from cxrfactory.imaging.volume.header_labels import Segment
from cxrfactory.imaging.volume.label_grid import labels_on_grid
from cxrfactory.imaging.volume.label_names import header_names
from cxrfactory.imaging.volume.orientation import AffineRules, VolumeLayout


@dataclass
class LayeredSegments:
    """The segments of one file, read one layer at a time.

    Iteration yields (name, volume), layer by layer. A volume is canonical [z, y, x], uint8 of 0 and 1, C-contiguous and
    on the CT's grid.

    Attributes
    ----------
    path
        The file.
    segments
        Name, value and layer of each segment.
    at_end
        Segments read so far that reach the outermost voxels of a volume that was resampled.

    Raises
    ------
    ImageError
        If a name occurs twice, a segment has no name, or two segments of a layer have one value; during the iteration,
        if a layer cannot be read.
    """

    path: Path
    segments: list[Segment]
    _grid: Grid
    _layout: VolumeLayout | None
    _rules: AffineRules | None = None
    _notes: tuple[str, ...] = field(default=(), init=False)
    at_end: set[str] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self.segments = sorted(self.segments, key=lambda segment: segment.layer)
        names = [segment.name for segment in self.segments]
        if len(set(names)) < len(names) or not all(names):
            raise ImageError(f"{self.path.name}: a segment without a name, or two of one name; expected each name once")
        for layer in {segment.layer for segment in self.segments}:
            header_names([(each.value, each.name) for each in self.segments if each.layer == layer], self.path.name)

    @property
    def names(self) -> tuple[str, ...]:
        """The segments, in the order of the iteration."""
        return tuple(segment.name for segment in self.segments)

    @property
    def notes(self) -> tuple[str, ...]:
        """Changes to the layers; complete after one iteration."""
        layers = len({segment.layer for segment in self.segments})
        return (f"{len(self.segments)} segments of {layers} layers, named by their header", *self._notes)

    def __len__(self) -> int:
        return len(self.segments)

    def __iter__(self) -> Iterator[tuple[str, UInt8[np.ndarray, "z y x"]]]:
        layer, found = -1, None
        for segment in self.segments:
            if segment.layer != layer or found is None:
                layer = segment.layer
                place = {"where": self.path.name, "layer": layer}
                found = labels_on_grid(self.path, self._grid, self._layout, self._rules, **place)
                own = [] if self._layout is None else [layout_note(self._layout)]
                own += ["labels resampled (nearest) onto the CT's grid"] if found.resampled else []
                self._notes = tuple(dict.fromkeys([*self._notes, *own]))
            value = int(float(segment.value))
            if value in found.at_end:
                self.at_end.add(segment.name)
            yield segment.name, (found.values == value).astype(np.uint8)
