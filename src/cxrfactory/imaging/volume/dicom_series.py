"""Reading of a folder that holds one CT series as DICOM slices (PS3.3 C.7.6.2, C.8.2.1).

Error messages quote no header values except geometry, rescale and modality. They name a slice by its position in the
order of the file names, because exports often name files after patients.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from jaxtyping import Float

from cxrfactory.errors import ImageError
from cxrfactory.imaging.dicom_object import DECODING_ERRORS, read_object
from cxrfactory.imaging.radiograph.dicom import burnt_in_flag, looks_like_dicom
from cxrfactory.imaging.volume.orientation import ANGLE_TOLERANCE_DEGREES
from cxrfactory.imaging.volume.stored import LPS_TO_RAS, StoredVolume, check_voxels
from cxrfactory.logs import progress

# Steps between slices may differ by the larger of these two; headers are often rounded to a hundredth of a mm.
STEP_TOLERANCE_SHARE, STEP_TOLERANCE_MM = 0.01, 0.01

_COSINE_TOLERANCE = 1e-4  # for direction cosines of different slices, which are often rounded to 4 decimals or more
_DIRECTORY_CLASS = "1.2.840.10008.1.3.10"
_NEEDED = ("Rows", "Columns", "PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient")
_HEADER_TAGS = [
    *("SOPClassUID", "Modality", "SeriesInstanceUID", "NumberOfFrames", "SamplesPerPixel", "PixelRepresentation"),
    *("RescaleSlope", "RescaleIntercept", "GantryDetectorTilt", "BitsAllocated", *_NEEDED),
    *("BurnedInAnnotation", "RecognizableVisualFeatures"),
]


@dataclass(frozen=True)
class _Slice:
    path: Path
    called: str  # name of the slice in messages
    series: str
    size: tuple[int, int]
    spacing_mm: tuple[float, float]  # between rows, between columns
    orientation: np.ndarray  # cosines of a row's direction and of a column's, LPS
    position_mm: np.ndarray  # LPS, centre of the first pixel
    slope: float
    intercept: float
    signed: bool
    tilt_degrees: float


def read_series(folder: Path) -> StoredVolume:
    """Read the slices of a folder, sorted by their position along the slice normal.

    Files that are not DICOM, and a DICOMDIR, are ignored with a note.

    Returns
    -------
    Values (i, j, k) = (column, row, slice) with affine and rescale.

    Raises
    ------
    ImageError
        If the folder holds fewer than two CT slices, another modality or more than one series; if image size, spacing,
        orientation, rescale or pixel representation differ between slices; if slices repeat, are missing or unevenly
        spaced; if the gantry is tilted; if a slice cannot be decoded; or if a header states that the pixels identify
        the patient.
    """
    folder = Path(folder)
    paths, aside = _dicom_files(folder)
    called = (f"{folder.name}: DICOM file {number} of {len(paths)} by name" for number in range(1, len(paths) + 1))
    slices = [one for place in zip(paths, called, strict=True) if (one := _read_header(*place)) is not None]
    aside += len(paths) - len(slices)
    if len(slices) < 2:
        raise ImageError(f"{folder.name}: {len(slices)} DICOM slices in the folder; expected one CT series")
    try:
        _refuse_mixtures(slices)
        slices, affine = _place(slices)
        check_voxels((len(slices), *slices[0].size), "the series")
    except ImageError as error:
        raise ImageError(f"{folder.name}: {error}") from error
    notes = (f"{aside} other files beside the DICOM slices left aside",) if aside else ()
    first = slices[0]
    return StoredVolume(_decode(slices), affine, slope=first.slope, intercept=first.intercept, notes=notes)


def _dicom_files(folder: Path) -> tuple[list[Path], int]:
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    kept = []
    for path in files:
        try:
            with open(path, "rb") as file:
                head = file.read(132)
        except OSError as error:
            raise ImageError(f"{folder.name}: a file in it cannot be read ({error.strerror})") from error
        if looks_like_dicom(head):
            kept.append(path)
    return kept, len(files) - len(kept)


def _read_header(path: Path, called: str) -> _Slice | None:
    try:
        header = read_object(path, stop_before_pixels=True, specific_tags=_HEADER_TAGS)
        if header.get("SOPClassUID") == _DIRECTORY_CLASS or path.name.upper() == "DICOMDIR":
            return None
        modality = header.get("Modality")
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
            path,
            called,
            str(header.get("SeriesInstanceUID") or ""),
            (int(header.Rows), int(header.Columns)),
            (spacing[0], spacing[1]),
            orientation,
            position,
            _number(header, "RescaleSlope", 1.0),
            _number(header, "RescaleIntercept", 0.0),
            int(header.get("PixelRepresentation") or 0) == 1,
            _number(header, "GantryDetectorTilt", 0.0),
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


def _refuse_mixtures(slices: list[_Slice]) -> None:
    expected = "; expected one CT series"
    kinds = {
        "series": [one.series for one in slices],
        "image sizes": [one.size for one in slices],
        "pixel spacings": [tuple(np.round(one.spacing_mm, 5)) for one in slices],
        "rescales": [(one.slope, one.intercept) for one in slices],
        "pixel representations": [one.signed for one in slices],
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
    steps = np.diff(along)
    repeated = int((steps < STEP_TOLERANCE_MM).sum())
    if repeated:
        raise ImageError(f"{repeated} of {len(slices)} slices repeat a position; expected every position once")
    step = float(np.median(steps))
    tolerance = max(STEP_TOLERANCE_SHARE * step, STEP_TOLERANCE_MM)
    uneven = np.flatnonzero(np.abs(steps - step) > tolerance)
    if len(uneven):
        raise ImageError(
            f"{len(uneven)} of {len(steps)} slice steps are uneven ({steps.min():.3f} to {steps.max():.3f} mm, "
            f"the first {along[uneven[0]] - along[0]:.1f} mm from the end); expected no gaps"
        )
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


def _decode(slices: list[_Slice]) -> np.ndarray:
    dtype = np.int16 if slices[0].signed else np.uint16
    try:
        volume = np.empty((len(slices), *slices[0].size), dtype)
    except MemoryError as error:
        raise ImageError(f"{len(slices)} slices of {slices[0].size} px do not fit into the memory") from error
    for place, one in enumerate(progress(slices, "decode the CT series")):
        try:
            pixels = read_object(one.path).pixel_array
        except DECODING_ERRORS as error:
            raise ImageError(f"{one.called}: a slice that cannot be decoded ({type(error).__name__})") from error
        if pixels.shape != one.size or not np.can_cast(pixels.dtype, dtype):
            raise ImageError(
                f"{one.called}: decodes to {pixels.shape} of {pixels.dtype}; expected {one.size} of at most 16 bits"
            )
        volume[place] = pixels
    return volume.transpose(2, 1, 0)
