"""Masks in volume files of one slice: NIfTI, NRRD (``.seg.nrrd`` of 3D Slicer), MetaImage.

A picture lies in the plane of patient's left and back, as programs place pictures that have no place in a patient, or
in the coronal plane. Columns run to the patient's left, and rows to the back or to the feet: so a frontal film is seen.
"""

import re
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import UInt

from cxrfactory.anatomy.snomed import SNOMED
from cxrfactory.errors import ImageError
from cxrfactory.imaging.volume import nifti
from cxrfactory.imaging.volume.files import read_stored_slice, volume_suffix
from cxrfactory.imaging.volume.header_labels import Segment
from cxrfactory.imaging.volume.itk import segments_of
from cxrfactory.imaging.volume.label_values import whole_labels
from cxrfactory.imaging.volume.orientation import (
    axes_letters,
    axis_order,
    bare_affine,
    obliquity_degrees,
    split_affine,
    to_canonical,
)
from cxrfactory.imaging.volume.stored import StoredSlice
from cxrfactory.measure.sources.legend import Legend
from cxrfactory.measure.sources.masks import FileMasks, Spacing, masks_of_labels, stated_spacing
from cxrfactory.measure.sources.names import Label, structure_of_code, structures_of
from cxrfactory.tables.file_names import printable_name
from cxrfactory.tables.rle import rle_encode

Axes = Literal["header", "columns-first", "rows-first"]

_TERMINOLOGY = re.compile(r"TerminologyEntry:([^|]*)")  # context, category, type, modifier, context, region, modifier
_LARGEST_OBLIQUITY = 1.0  # degrees
_ADVICE = "give --axes columns-first, or rows-first, for the order in which the file holds the pixels"


def names_labels(path: Path) -> bool:
    """Return whether the header of a volume file names its labels.

    Raises
    ------
    ImageError
        If the header of a NIfTI file cannot be read.
    """
    if volume_suffix(path) in nifti.SUFFIXES:
        return nifti.stated_names(path) is not None
    return bool(_segments(path))


def read_slice(path: Path, axes: Axes, layer: int | None = None) -> tuple[UInt[np.ndarray, "h w"], Spacing | None]:
    """Read the picture that a volume file of one slice holds.

    Parameters
    ----------
    path
        The file.
    axes
        ``header`` takes rows and columns from the orientation in the header. The others take the first stored axis as
        columns from left to right (and the second one as rows from top to bottom), or as rows.
    layer
        Layer of an NRRD file that has several.

    Returns
    -------
    Label map [row, column], and the distance of two rows and of two columns in mm; None where the header states none.

    Raises
    ------
    ImageError
        If the file cannot be read, has several slices, or its header does not say how the picture lies.
    """
    name = printable_name(path.name)
    try:
        stored = read_stored_slice(path, layer=layer)
        values, (row, column) = _as_header(stored) if axes == "header" else _as_stored(stored, axes)
    except ImageError as error:
        raise ImageError(f"{name}: {str(error).removeprefix(f'{path.name}: ')}") from error
    single = volume_suffix(path) in nifti.SUFFIXES
    stated = stored.in_mm and not stored.volume.conflict
    return values, stated_spacing(row, column, single) if stated else None


def read_labelled_slice(path: Path, axes: Axes, legend: Legend) -> FileMasks:
    """Read the masks of a label map, or of the segments of a ``.seg.nrrd`` file, which may overlap.

    Raises
    ------
    ImageError
        As :func:`read_slice`, or if a label has no name, or not that of a known structure.
    """
    name = printable_name(path.name)
    if volume_suffix(path) in nifti.SUFFIXES:
        pairs = nifti.stated_names(path) or []
    elif segments := _segments(path):
        return _layers(path, axes, legend, segments)
    else:
        pairs = []
    values, spacing = read_slice(path, axes)
    labels = [Label(str(_value(value, name)), text) for value, text in pairs]
    return FileMasks(values.shape, masks_of_labels(values, labels, legend.names, name), spacing)


def _segments(path: Path) -> list[Segment]:
    return segments_of(path) if path.name.lower().endswith((".nrrd", ".nhdr")) else []


def _layers(path: Path, axes: Axes, legend: Legend, segments: list[Segment]) -> FileMasks:
    name = printable_name(path.name)
    numbers = sorted({segment.layer for segment in segments})
    read = {layer: read_slice(path, axes, layer if len(numbers) > 1 else None) for layer in numbers}
    twice = len({segment.value for segment in segments}) < len(segments)  # each layer counts its values anew
    rles, labels = {}, []
    for place, segment in enumerate(segments):
        value = _value(segment.value, name)
        key = f"segment {place}" if twice else str(value)
        rles[key] = rle_encode((read[segment.layer][0] == value).astype(np.uint8))
        labels.append(Label(key, segment.name, bool(rles[key]), structure_of_code(_terminology(segment.tags))))
    for layer, (values, _) in read.items():
        named = {0, *(_value(each.value, name) for each in segments if each.layer == layer)}
        for value in sorted({int(each) for each in np.unique(values)} - named):
            key = f"{value} of layer {layer}" if len(numbers) > 1 else str(value)
            rles[key] = rle_encode((values == value).astype(np.uint8))
            labels.append(Label(key, None))
    found = structures_of(labels, legend.names, name)
    values, spacing = read[numbers[0]]
    return FileMasks(values.shape, {structure: rles[key] for key, structure in found.items()}, spacing)


def _terminology(tags: str) -> tuple[str, str, str]:
    """Return the SNOMED CT codes of a segment's type, side and region in 3D Slicer's serialised form."""
    entry = _TERMINOLOGY.search(tags)
    parts = [] if entry is None else [part.split("^") for part in entry[1].split("~")]
    codes = [part[1] if part[0] == SNOMED and len(part) == 3 else "" for part in parts]
    if len(codes) < 7:
        return "", "", ""
    _, _, kind, side, _, region, region_side = codes[:7]
    return kind, side or region_side, region


def _value(text: str, file: str) -> int:
    if not text.isdecimal() or len(text) > 5 or int(text) == 0:
        raise ImageError(f"{file}: its header names a label by {text[:20]!a}; expected whole numbers from 1")
    return int(text)


def _as_header(stored: StoredSlice) -> tuple[UInt[np.ndarray, "h w"], Spacing]:
    volume = stored.volume
    if volume.conflict:
        raise ImageError(f"{volume.conflict.partition(';')[0]}; correct the header")
    if volume.affine is None:
        raise ImageError(f"it states no orientation ({volume.lacking}); {_ADVICE}")
    direction, spacing = split_affine(volume.affine)
    letters = axes_letters(volume.affine)
    bare = bare_affine(volume.affine, volume.values.shape)
    if bare and not letters.startswith("LP"):  # nibabel's identity: it may be mirrored, or turned by 180 degrees
        raise ImageError(f"{bare}; {_ADVICE}")
    if (turned := obliquity_degrees(direction)) > _LARGEST_OBLIQUITY:
        raise ImageError(
            f"its axes are turned by {turned:.1f} degrees; expected rows and columns along those of a film"
        )
    order = axis_order(direction)
    _, y, z = (volume.values.shape[axis] for axis in order.source)
    values, _ = whole_labels(volume)
    turned_values = to_canonical(values, order)[::-1, ::-1, ::-1]  # rows to the feet and to the back, columns left
    along = [float(spacing[axis]) for axis in order.source]
    if z == 1:
        return np.ascontiguousarray(turned_values[0]), (along[1], along[0])
    if y == 1:
        return np.ascontiguousarray(turned_values[:, 0]), (along[2], along[0])
    raise ImageError(f"a sagittal slice ({letters}), which may show the patient from either side; {_ADVICE}")


def _as_stored(stored: StoredSlice, axes: Axes) -> tuple[UInt[np.ndarray, "h w"], Spacing]:
    values, _ = whole_labels(stored.volume)
    across = max(axis for axis, size in enumerate(values.shape) if size == 1)
    first, second = (stored.spacing[axis] for axis in range(3) if axis != across)
    flat = np.take(values, 0, axis=across)
    if axes == "rows-first":
        return np.ascontiguousarray(flat), (first, second)
    return np.ascontiguousarray(flat.T), (second, first)
