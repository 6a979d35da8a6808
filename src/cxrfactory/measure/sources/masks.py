"""The masks of one file of several structures, as the readers of all formats return them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Integer

from cxrfactory.imaging.turns import USUAL
from cxrfactory.measure.sources.names import Label, structures_of
from cxrfactory.tables.rle import rle_encode

Spacing = tuple[float, float]

_DIGITS = 15  # significant digits that every number of double precision keeps


@dataclass(frozen=True)
class FileMasks:
    """The masks of a file.

    Attributes
    ----------
    shape
        Rows and columns.
    rles
        RLE of each structure's mask, in the notation of :mod:`cxrfactory.tables.rle`; empty for an empty mask.
    orientation
        Directions of rows and columns (:mod:`cxrfactory.imaging.turns`).
    spacing_mm
        Distance of two rows and of two columns in mm; None where the file does not state it.
    """

    shape: tuple[int, int]
    rles: Mapping[str, str] = field(repr=False)
    spacing_mm: Spacing | None = None
    orientation: str = USUAL


def masks_of_labels(
    values: Integer[np.ndarray, "h w"], labels: Sequence[Label], legend: Mapping[str, str], file: str
) -> dict[str, str]:
    """Return the RLE of each structure of a label map.

    Parameters
    ----------
    values
        The label map [row, column]; 0 is background.
    labels
        What the file says about some of its values; ``present`` does not count.
    legend
        Names that replace those of the file (:func:`cxrfactory.measure.sources.names.structures_of`).
    file
        Name of the file, for messages.

    Raises
    ------
    ImageError
        If a value has no name, or not that of a known structure.
    """
    present = {int(value) for value in np.unique(values)} - {0}
    named = {label.key: label for label in labels}
    keys = sorted({*map(str, present), *named, *filter(str.isdecimal, legend)}, key=int)
    known = [replace(named.get(key, Label(key, None)), present=int(key) in present) for key in keys]
    found = structures_of(known, legend, file)
    return {structure: rle_encode((values == int(key)).astype(np.uint8)) for key, structure in found.items()}


def stated_spacing(row: float, column: float, single: bool = False) -> Spacing | None:
    """Return a spacing in mm as the file's writer had it; None for exactly 1 x 1 mm.

    Programs write 1 x 1 mm where they know no size, as for a PNG picture. A header rounds decimal numbers to binary
    ones; the shortest decimal number is that of the writer.

    Parameters
    ----------
    row, column
        Distance of two rows and of two columns, mm.
    single
        Whether the file holds numbers of single precision, as NIfTI does.

    Examples
    --------
    >>> import numpy as np
    >>> from cxrfactory.measure.sources.masks import stated_spacing
    >>> stated_spacing(float(np.float32(0.14)), 0.15000000000000002, single=True)
    (0.14, 0.15)
    """
    first, second = (float(str(np.float32(each)) if single else f"{each:.{_DIGITS}g}") for each in (row, column))
    return None if (first, second) == (1.0, 1.0) else (first, second)
