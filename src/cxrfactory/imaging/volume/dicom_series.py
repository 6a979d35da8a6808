"""Reading of a folder that holds one CT series as DICOM slices (PS3.3 C.7.6.2, C.8.2.1).

Error messages quote no header values except geometry, rescale, modality and counts. They name a slice by its position
in the order of the file names, because exports often name files after patients.
"""

import filecmp
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from jaxtyping import Float

from cxrfactory.errors import ImageError
from cxrfactory.imaging.dicom_object import DECODING_ERRORS
from cxrfactory.imaging.dicom_words import stored_values
from cxrfactory.imaging.radiograph.dicom import burnt_in_flag
from cxrfactory.imaging.volume.orientation import ANGLE_TOLERANCE_DEGREES
from cxrfactory.imaging.volume.padding import fill_padding
from cxrfactory.imaging.volume.series_files import SeriesFile, list_series
from cxrfactory.imaging.volume.series_order import check_steps, count_notes, decimals_of, gap_notes
from cxrfactory.imaging.volume.series_scales import Rescale, SeriesScaler, one_scale
from cxrfactory.imaging.volume.stored import LPS_TO_RAS, StoredVolume, check_voxels
from cxrfactory.logs import progress

_COSINE_TOLERANCE = 1e-4  # for direction cosines of different slices, which are often rounded to 4 decimals or more
_CAPTURE_CLASS = "1.2.840.10008.5.1.4.1.1.7"  # secondary capture, also of several frames (7.1 to 7.4)
# Objects that stand beside slices and are none, by the beginning of their SOP class (PS3.4 B.5).
_COMPANIONS = {
    "1.2.840.10008.1.3.10": "DICOMDIR",
    "1.2.840.10008.5.1.4.1.1.88.": "reports and selections (SR, KO)",
    "1.2.840.10008.5.1.4.1.1.11.": "presentation states (PR)",
    "1.2.840.10008.5.1.4.1.1.104.": "documents",
    "1.2.840.10008.5.1.4.1.1.66": "segmentations, registrations and raw data",
    "1.2.840.10008.5.1.4.1.1.481.": "radiotherapy objects",
    "1.2.840.10008.5.1.4.1.1.9.": "waveforms",
}
_NEEDED = ("Rows", "Columns", "PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient")
_HEADER_TAGS = [
    *("SOPClassUID", "Modality", "SeriesInstanceUID", "NumberOfFrames", "SamplesPerPixel", "PixelRepresentation"),
    *("RescaleSlope", "RescaleIntercept", "GantryDetectorTilt", "BitsAllocated", *_NEEDED),
    *("BurnedInAnnotation", "RecognizableVisualFeatures"),
    *("SliceThickness", "SpacingBetweenSlices"),
    *("ImageType", "InstanceNumber", "ImagesInAcquisition", "NumberOfSeriesRelatedInstances"),
]
_LARGEST_COUNT = 100_000
_COUNTS = ("NumberOfSeriesRelatedInstances", "ImagesInAcquisition")


@dataclass(frozen=True)
class _Slice:
    file: SeriesFile
    series: str
    size: tuple[int, int]
    spacing_mm: tuple[float, float]  # between rows, between columns
    orientation: np.ndarray  # cosines of a row's direction and of a column's, LPS
    position_mm: np.ndarray  # LPS, centre of the first pixel
    rescale: Rescale
    signed: bool
    tilt_degrees: float
    decimals: tuple[int, ...]  # of x, y and z of the position, as the header writes them
    number: int | None  # InstanceNumber
    counts: dict[str, int]  # what the header counts
    lengths_mm: tuple[float | None, float | None]  # SliceThickness and SpacingBetweenSlices


@dataclass(frozen=True)
class _Companion:
    """An object beside the slices."""

    kind: str
    series: str
    number: int | None


def read_series(folder: Path) -> StoredVolume:
    """Read the slices of a folder and of the folders below it, sorted by their position along the slice normal.

    Everything that is no slice is left aside and counted in a note by its kind: localizers, reports, presentation
    states, captures without geometry, exact copies of slices, a DICOMDIR, hidden files, and files that are not DICOM.
    Padding becomes air.

    Returns
    -------
    Values (i, j, k) = (column, row, slice) with affine and rescale; HU where the slices have different rescales, or
    signed and unsigned pixels.

    Raises
    ------
    ImageError
        If files are there by name only; if the folder holds fewer than two CT slices, another modality or more than one
        series; if image size, spacing or orientation differ between slices; if the pixels contradict a change of the
        rescale; if slices repeat, are missing or unevenly spaced; if the gantry is tilted; if a slice cannot be
        decoded; or if a header states that the pixels identify the patient.
    """
    folder = Path(folder)
    listed = list_series(folder)
    read = [_read_header(file) for file in listed.files]
    slices = [one for one in read if isinstance(one, _Slice)]
    companions = [one for one in read if isinstance(one, _Companion)]
    slices, copies = _without_copies(slices)
    aside = +(listed.aside + Counter(one.kind for one in companions) + Counter({"exact copies": copies}))
    if len(slices) < 2:
        beside = f" (left aside: {_counted(aside)})" if aside else ""
        raise ImageError(f"{folder.name}: {len(slices)} DICOM slices in the folder; expected one CT series{beside}")
    try:
        _refuse_mixtures(slices)
        slices, affine = _place(slices)
        notes = _notes(slices, companions, aside, folder)
        notes += gap_notes(float(np.linalg.norm(affine[:3, 2])), *slices[0].lengths_mm)
        check_voxels((len(slices), *slices[0].size), "the series")
        alike = one_scale([one.rescale for one in slices])
        mixed = len({one.signed for one in slices}) > 1
    except ImageError as error:
        raise ImageError(f"{folder.name}: {error}") from error
    as_stored = alike and not mixed
    first = slices[0].rescale if as_stored else Rescale(1, 0)
    values, padding = _decode(slices, None if as_stored else SeriesScaler())
    if mixed:
        notes.append(f"{sum(one.signed for one in slices)} of {len(slices)} slices have signed pixels, and the others "
                     "unsigned ones; each was read by its own PixelRepresentation")  # fmt: skip
    if not alike:
        count = len({(one.rescale.slope, one.rescale.intercept) for one in slices})
        notes.append(f"the slices have {count} rescales; each was read by its own")
    if padding:
        notes.append(f"padding set to air: {padding} voxels ({100 * padding / values.size:.2g} %)")
    return StoredVolume(values, affine, slope=first.slope, intercept=first.intercept, notes=tuple(notes))


def _without_copies(slices: list[_Slice]) -> tuple[list[_Slice], int]:
    """Return the slices without files that equal another one of the same place byte by byte, and their number."""
    kept: dict[tuple[float, ...], list[_Slice]] = {}
    for one in slices:
        here = kept.setdefault(tuple(one.position_mm.tolist()), [])
        if not any(filecmp.cmp(one.file.path, other.file.path, shallow=False) for other in here):
            here.append(one)
    different = [one for here in kept.values() for one in here]
    return different, len(slices) - len(different)


def _notes(slices: list[_Slice], companions: list[_Companion], aside: Counter[str], folder: Path) -> list[str]:
    notes = [f"{count} {kind} beside the DICOM slices left aside" for kind, count in sorted(aside.items())]
    below = {one.file.path.parent for one in slices} - {folder}
    if below:
        notes.append(f"DICOM slices taken from {len(below)} folders below the CT's")
    stated = {name: max(one.counts.get(name, 0) for one in slices) for name in _COUNTS}
    beside = [one.number for one in companions if one.series == slices[0].series and one.number is not None]
    return notes + count_notes([one.number for one in slices], beside, Counter(stated), len(slices))


def _counted(aside: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(aside.items()))


def companion_kind(header: pydicom.Dataset, path: Path) -> str | None:
    """Return the kind of an object that is no slice; None for a slice and for what should not be here."""
    sop_class = str(header.get("SOPClassUID") or "")
    kind = next((kind for begin, kind in _COMPANIONS.items() if sop_class.startswith(begin)), None)
    if kind is not None or path.name.upper() == "DICOMDIR":
        return kind or "DICOMDIR"
    image_type = [str(word).strip().upper() for word in np.atleast_1d(header.get("ImageType") or [])]
    if "LOCALIZER" in image_type:
        return "localizers"
    captured = sop_class == _CAPTURE_CLASS or sop_class.startswith(f"{_CAPTURE_CLASS}.")
    without_place = any(header.get(name) in (None, "") for name in ("ImageOrientationPatient", "ImagePositionPatient"))
    return "captured pictures" if captured and without_place else None


def _read_header(file: SeriesFile) -> _Slice | _Companion:
    called = file.called
    try:
        header = file.read(stop_before_pixels=True, specific_tags=_HEADER_TAGS)
        series, number = str(header.get("SeriesInstanceUID") or ""), _whole(header, "InstanceNumber")
        if kind := companion_kind(header, file.path):
            return _Companion(kind, series, number)
        modality = header.get("Modality")
        if not modality and "SOPClassUID" not in header:
            raise ImageError(f"{called}: a DICOM object that ends before its modality; expected a whole slice")
        if modality != "CT":
            known = modality if modality in ("MR", "PT", "CR", "DX", "SEG", "SR", "RTSTRUCT", "OT") else "unknown"
            raise ImageError(f"{called}: modality {known}; expected only CT in the folder")
        if flag := burnt_in_flag(header):
            # Voxels with text are no CT numbers, so there is no option to keep such a slice.
            raise ImageError(f"{called}: burnt-in annotation: {flag} is YES; expected slices of CT numbers alone")
        if int(header.get("NumberOfFrames") or 1) != 1:
            raise ImageError(f"{called}: a multi-frame DICOM; expected one file a slice")
        missing = [name for name in _NEEDED if header.get(name) in (None, "")]
        if missing:
            raise ImageError(f"{called}: DICOM without {', '.join(missing)}; expected a slice with its geometry")
        if int(header.get("SamplesPerPixel", 1)) != 1:
            raise ImageError(f"{called}: a colour image; expected grey values")
        spacing = tuple(float(step) for step in header.PixelSpacing)
        orientation = np.array(header.ImageOrientationPatient, float).reshape(2, 3)
        position = np.array(header.ImagePositionPatient, float).reshape(3)
        one = _Slice(
            file,
            series,
            (int(header.Rows), int(header.Columns)),
            (spacing[0], spacing[1]),
            orientation,
            position,
            _rescale(header),
            int(header.get("PixelRepresentation") or 0) == 1,
            _number(header, "GantryDetectorTilt", 0.0),
            tuple(decimals_of(number) for number in header.ImagePositionPatient),
            number,
            {name: _whole(header, name) or 0 for name in _COUNTS},
            (_length(header, "SliceThickness"), _length(header, "SpacingBetweenSlices")),
        )
    except ImageError:
        raise
    except DECODING_ERRORS as error:
        # The error's own text is left out, because it may quote the header.
        raise ImageError(f"{called}: a DICOM header that cannot be read ({type(error).__name__})") from error
    if not (np.isfinite(spacing).all() and min(spacing) > 0 and min(one.size) > 0):
        raise ImageError(f"{called}: pixel spacing {spacing[0]:g} x {spacing[1]:g} mm; expected positive numbers")
    if not (np.isfinite(orientation).all() and np.isfinite(position).all()):
        raise ImageError(f"{called}: position or orientation is not finite")
    if np.abs(orientation @ orientation.T - np.eye(2)).max() > 10 * _COSINE_TOLERANCE:
        raise ImageError(f"{called}: ImageOrientationPatient is not two unit vectors square to each other")
    return one


def _number(header: pydicom.Dataset, name: str, default: float) -> float:
    value = header.get(name)
    return default if value in (None, "") else float(value)


def _length(header: pydicom.Dataset, name: str) -> float | None:
    """Return a length of the header without a sign; None if it states none that can be read."""
    try:
        return abs(float(header.get(name)))  # type: ignore[arg-type]
    except DECODING_ERRORS:
        return None


def _rescale(header: pydicom.Dataset) -> Rescale:
    stated = all(header.get(name) not in (None, "") for name in ("RescaleSlope", "RescaleIntercept"))
    return Rescale(_number(header, "RescaleSlope", 1.0), _number(header, "RescaleIntercept", 0.0), stated)


def _whole(header: pydicom.Dataset, name: str) -> int | None:
    """Return a count or number of instances; None if the header states none below :data:`_LARGEST_COUNT`.

    Larger numbers count nothing, and may be anything that identifies a patient.
    """
    try:
        number = int(header.get(name))  # type: ignore[arg-type]
    except DECODING_ERRORS:
        return None
    return number if 0 <= number < _LARGEST_COUNT else None


def _refuse_mixtures(slices: list[_Slice]) -> None:
    expected = "; expected one CT series"
    kinds = {
        "series": [one.series for one in slices],
        "image sizes": [one.size for one in slices],
        "pixel spacings": [tuple(np.round(one.spacing_mm, 5)) for one in slices],
    }
    for kind, values in kinds.items():
        count = Counter(values)
        if len(count) > 1:
            raise ImageError(f"{len(count)} {kind} among {len(slices)} slices{expected}")
    other = sum(np.abs(one.orientation - slices[0].orientation).max() > _COSINE_TOLERANCE for one in slices)
    if other:
        raise ImageError(f"{other} of {len(slices)} slices have another orientation than the first{expected}")
    tilted = [one.tilt_degrees for one in slices if not abs(one.tilt_degrees) <= ANGLE_TOLERANCE_DEGREES]
    if tilted:
        raise ImageError(f"a gantry tilt of {tilted[0]:g} degrees; expected an untilted acquisition")


def _place(slices: list[_Slice]) -> tuple[list[_Slice], Float[np.ndarray, "4 4"]]:
    row, column = slices[0].orientation
    normal = np.cross(row, column)
    slices = sorted(slices, key=lambda one: float(one.position_mm @ normal))
    along = np.array([one.position_mm @ normal for one in slices])
    across = np.abs(normal) > _COSINE_TOLERANCE  # other coordinates do not move a slice along the normal
    check_steps(along, int(np.array([one.decimals for one in slices])[:, across].max()))
    # The step is computed from both ends of the series, which minimises the effect of rounded positions.
    path = slices[-1].position_mm - slices[0].position_mm
    tilt = float(np.degrees(np.arctan2(np.linalg.norm(path - (path @ normal) * normal), path @ normal)))
    if tilt > ANGLE_TOLERANCE_DEGREES:
        raise ImageError(f"slices shift by a gantry tilt of {tilt:.2f} degrees; expected steps along their normal")
    affine = np.eye(4)
    affine[:3, 0] = row * slices[0].spacing_mm[1]
    affine[:3, 1] = column * slices[0].spacing_mm[0]
    affine[:3, 2] = normal * (along[-1] - along[0]) / (len(slices) - 1)
    affine[:3, 3] = slices[0].position_mm
    return slices, LPS_TO_RAS @ affine


def _decode(slices: list[_Slice], scaler: SeriesScaler | None) -> tuple[np.ndarray, int]:
    """Return the values (i, j, k) with padding set to air, and the number of voxels that this changed.

    The values are as stored, or HU (float32) with a scaler.
    """
    dtypes = [np.int16 if one.signed else np.uint16 for one in slices]
    padding = 0
    try:
        volume = np.empty((len(slices), *slices[0].size), dtypes[0] if scaler is None else np.float32)
    except MemoryError as error:
        raise ImageError(f"{len(slices)} slices of {slices[0].size} px do not fit into the memory") from error
    for place, (one, dtype) in enumerate(zip(progress(slices, "decode the CT series"), dtypes, strict=True)):
        try:
            dataset = one.file.read()
            pixels, _ = stored_values(dataset, picture=False)
        except ImageError as error:
            raise ImageError(f"{one.file.called}: a slice that cannot be decoded: {error}") from error
        except DECODING_ERRORS as error:
            raise ImageError(f"{one.file.called}: a slice that cannot be decoded ({type(error).__name__})") from error
        if pixels.shape != one.size or not np.can_cast(pixels.dtype, dtype):
            raise ImageError(
                f"{one.file.called}: decodes to {pixels.shape} of {pixels.dtype}; expected {one.size}, 16 bits at most"
            )
        slice_values = volume[place] if scaler is None else np.empty(one.size, dtype)
        slice_values[:] = pixels
        padding += fill_padding(slice_values, dataset, one.rescale.slope, one.rescale.intercept)
        if scaler is not None:
            try:
                volume[place] = scaler.hu(slice_values, one.rescale)
            except ImageError as error:
                raise ImageError(f"{one.file.called}: {error}") from error
    return volume.transpose(2, 1, 0), padding
