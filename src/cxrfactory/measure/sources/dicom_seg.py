"""Masks in DICOM segmentations of a radiograph: one frame a segment, or a label map of one frame.

A frame has the rows and columns of the image that it refers to; ``PatientOrientation`` says how they lie, as in the
image's own header, and a plane orientation in the header does not turn it.
Segments are named by their SNOMED CT codes (also by the older SRT ones, which dcmqi's examples hold) and labels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from pydicom.errors import BytesLengthException

from cxrfactory.anatomy.snomed import SNOMED, coded_classes
from cxrfactory.errors import ImageError
from cxrfactory.imaging.dicom_object import DECODING_ERRORS, read_object, transfer_syntax
from cxrfactory.imaging.dicom_spacing import header_spacing_mm
from cxrfactory.imaging.radiograph.film_orientation import frontal_orientation
from cxrfactory.imaging.turns import USUAL
from cxrfactory.imaging.volume.stored import check_voxels
from cxrfactory.measure.sources.legend import Legend
from cxrfactory.measure.sources.masks import FileMasks, Spacing, masks_of_labels, stated_spacing
from cxrfactory.measure.sources.names import Label, structure_of_code, structures_of
from cxrfactory.tables.file_kinds import looks_like_dicom
from cxrfactory.tables.file_names import printable_name
from cxrfactory.tables.rle import rle_encode

SUFFIXES = (".dcm", ".dicom", ".ima", "")
SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")  # binary or fractional; label map

_OLD_SCHEMES = ("SRT", "SNM3", "99SDM")
_HEAD_BYTES = 144
_EXPECTED = "expected a DICOM segmentation (SEG) of a radiograph"
_HEADER = ["SOPClassUID", "ReferencedSeriesSequence"]


@dataclass(frozen=True)
class SegmentationHeader:
    """What the header of a DICOM object says before its frames are read.

    Attributes
    ----------
    is_segmentation
        Whether the object is a segmentation.
    images
        UIDs of the images that it refers to.
    """

    is_segmentation: bool
    images: frozenset[str]


def is_dicom(path: Path) -> bool:
    """Return whether a file is named like DICOM, or without a suffix, and is DICOM by its content."""
    if path.suffix.lower() not in SUFFIXES and not path.suffix[1:].isdigit():  # names may end with a UID
        return False
    try:
        with path.open("rb") as stream:
            return looks_like_dicom(stream.read(_HEAD_BYTES))
    except OSError:
        return False


def segmentation_header(path: Path) -> SegmentationHeader:
    """Read the head of a DICOM object.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    name = printable_name(path.name)
    try:
        header = read_object(path, stop_before_pixels=True, specific_tags=_HEADER)
        series = header.get("ReferencedSeriesSequence") or ()
        images = {str(each.ReferencedSOPInstanceUID) for item in series for each in item.ReferencedInstanceSequence}
        return SegmentationHeader(header.get("SOPClassUID") in SEGMENTATIONS, frozenset(images))
    except (*DECODING_ERRORS, BytesLengthException) as error:
        raise ImageError(f"{name}: not a readable DICOM object ({type(error).__name__}); {_EXPECTED}") from error


def read_segmentation(path: Path, legend: Legend) -> FileMasks:
    """Read the masks of a DICOM segmentation.

    Raises
    ------
    ImageError
        If it cannot be read, has several slices, refers to several images, holds probabilities, or a segment is no
        known structure.
    """
    name = printable_name(path.name)
    try:
        return _read(read_object(path), legend, name)
    except ImageError:
        raise
    except (*DECODING_ERRORS, BytesLengthException) as error:
        raise ImageError(f"{name}: not a readable DICOM segmentation ({type(error).__name__}); {_EXPECTED}") from error


def _read(dataset: Any, legend: Legend, name: str) -> FileMasks:
    if dataset.get("SOPClassUID") not in SEGMENTATIONS:
        raise ImageError(f"{name}: a DICOM object of another kind; {_EXPECTED}; RTSTRUCT contours are not read")
    shape = int(dataset.Rows), int(dataset.Columns)
    count = int(dataset.get("NumberOfFrames") or 1)
    check_voxels((*shape, count), name)
    segments = {int(each.SegmentNumber): each for each in dataset.SegmentSequence}
    spacing, orientation = _spacing(dataset), frontal_orientation(dataset) or USUAL
    if dataset.get("SegmentationType") == "LABELMAP":
        if count > 1:
            raise ImageError(f"{name}: a label map of {count} frames; expected one, of a radiograph")
        labels = [_label(number, segment, True) for number, segment in segments.items() if number]
        rles = masks_of_labels(next(_frames(dataset)), labels, legend.names, name)
        return FileMasks(shape, rles, spacing, orientation)
    numbers = _numbers_of_frames(dataset, count, name)
    rles = dict.fromkeys(segments, "")
    for number, frame in zip(numbers, _frames(dataset), strict=True):
        if number not in rles:
            raise ImageError(f"{name}: a frame of segment {number}, which its header does not name")
        rles[number] = rle_encode(_two_values(frame, dataset, number, name))
    labels = [_label(number, segments[number], bool(rle)) for number, rle in rles.items()]
    found = structures_of(labels, legend.names, name)
    return FileMasks(shape, {each: rles[int(key)] for key, each in found.items()}, spacing, orientation)


def _frames(dataset: Any) -> Iterator[np.ndarray]:
    """Yield the frames [row, column], one at a time, because unpacked bits take eight times their size."""
    from pydicom.pixels import iter_pixels

    packed = int(dataset.BitsAllocated) == 1 and not transfer_syntax(dataset).is_encapsulated
    yield from _unpacked(dataset) if packed else iter_pixels(dataset)


def _unpacked(dataset: Any) -> Iterator[np.ndarray]:
    """Yield frames of bits, which follow one another without a gap: iter_pixels of pydicom 3.0 reads none of odd sizes.

    A ValueError is raised if the data end early.
    """
    shape = int(dataset.Rows), int(dataset.Columns)
    size, data = shape[0] * shape[1], np.frombuffer(dataset.PixelData, np.uint8)
    for place in range(int(dataset.get("NumberOfFrames") or 1)):
        first, end = place * size, (place + 1) * size
        bits = np.unpackbits(data[first // 8 : -(-end // 8)], bitorder="little")[first % 8 :][:size]
        yield bits.reshape(shape)


def _numbers_of_frames(dataset: Any, count: int, name: str) -> list[int]:
    """Return the segment of each frame; each has one frame, and all are of one image."""
    shared = dataset.SharedFunctionalGroupsSequence[0]
    frames = list(dataset.PerFrameFunctionalGroupsSequence)
    if len(frames) != count:
        raise ImageError(f"{name}: {count} frames, {len(frames)} of which its header describes; expected all")
    numbers, images = [], set()
    for frame in frames:
        where = frame if "SegmentIdentificationSequence" in frame else shared
        numbers.append(int(where.SegmentIdentificationSequence[0].ReferencedSegmentNumber))
        derived = frame if "DerivationImageSequence" in frame else shared
        sources = [source for item in derived.get("DerivationImageSequence") or () for source in _sources(item)]
        images.update(str(source.ReferencedSOPInstanceUID) for source in sources)
    if twice := next((number for number in numbers if numbers.count(number) > 1), None):
        raise ImageError(
            f"{name}: segment {twice} has {numbers.count(twice)} frames, as of a volume; expected one of a radiograph; "
            "project a CT and its labels first (python -m cxrfactory project)"
        )
    if len(images) > 1:
        raise ImageError(f"{name}: its frames refer to {len(images)} images; expected one: write a file for each")
    return numbers


def _sources(item: Any) -> Any:
    return item.get("SourceImageSequence") or ()


def _two_values(frame: np.ndarray, dataset: Any, number: int, name: str) -> UInt8[np.ndarray, "h w"]:
    inside = frame[frame > 0]
    if inside.size and inside.min() != inside.max():
        raise ImageError(
            f"{name}: segment {number} holds shares from {inside.min()} to {inside.max()} of "
            f"{dataset.get('MaximumFractionalValue', 255)}; expected a binary one: cut probabilities at a threshold"
        )
    return (frame > 0).astype(np.uint8)


def _spacing(dataset: Any) -> Spacing | None:
    for group in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for item in (dataset.get(group) or ())[:1]:
            for measures in item.get("PixelMeasuresSequence") or ():
                if found := header_spacing_mm(measures):
                    return stated_spacing(*found)
    found = header_spacing_mm(dataset)
    return stated_spacing(*found) if found else None


def _label(number: int, segment: Any, present: bool) -> Label:
    name = str(segment.get("SegmentLabel") or "").strip()
    tracking = str(segment.get("TrackingID") or "").strip()
    code = structure_of_code(_codes(segment))
    return Label(str(number), name or tracking or None, present, code)


def _codes(segment: Any) -> tuple[str, str, str]:
    """Return the codes of a segment: its type, its side, and the region of a tissue, to which the side then belongs."""
    kinds = segment.get("SegmentedPropertyTypeCodeSequence") or ()
    regions = segment.get("AnatomicRegionSequence") or ()
    if not kinds:
        return "", "", ""
    side = _side(kinds[0], "SegmentedPropertyTypeModifierCodeSequence")
    if not regions:
        return _code(kinds[0]), side, ""
    return _code(kinds[0]), side or _side(regions[0], "AnatomicRegionModifierSequence"), _code(regions[0])


def _side(item: Any, modifiers: str) -> str:
    found = item.get(modifiers) or ()
    return _code(found[0]) if found else ""


def _code(item: Any) -> str:
    """Return the SNOMED CT code of a coded concept; empty for one of another scheme."""
    value, scheme = str(item.get("CodeValue") or ""), str(item.get("CodingSchemeDesignator") or "")
    if scheme == SNOMED:
        return value
    return _of_old(value, scheme) if scheme in _OLD_SCHEMES else ""


def _of_old(value: str, scheme: str) -> str:
    from pydicom.sr.coding import Code

    old = Code(value, scheme, "")
    coded = {each for code in coded_classes().values() for each in (code.kind, code.side, code.region) if each}
    return next((each.value for each in coded if old == Code(each.value, SNOMED, "")), "")
