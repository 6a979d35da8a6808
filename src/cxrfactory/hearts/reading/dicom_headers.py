"""What the headers of cine MR say about each image: its place, its time, and to which examination it belongs.

Classic objects hold one image each; enhanced ones hold many, with functional groups (PS3.3 C.7.6.16, C.8.13). Ids of
patient and examination are compared and never leave this package, and no message quotes them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pydicom
from jaxtyping import Float

from cxrfactory.errors import ImageError
from cxrfactory.imaging.dicom_object import DECODING_ERRORS
from cxrfactory.imaging.radiograph.dicom import burnt_in_flag
from cxrfactory.imaging.volume.series_files import SeriesFile

HEADER_TAGS = [
    *("SOPClassUID", "SOPInstanceUID", "Modality", "ImageType", "NumberOfFrames", "SamplesPerPixel", "Rows", "Columns"),
    *("PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient", "SliceThickness"),
    *("RescaleSlope", "RescaleIntercept", "BurnedInAnnotation", "RecognizableVisualFeatures"),
    *("TriggerTime", "NominalCardiacTriggerDelayTime", "NominalInterval", "CardiacNumberOfImages"),
    *("TemporalPositionIdentifier", "AcquisitionTime", "ContentTime", "EchoTime", "InversionTime", "FlipAngle"),
    *("InstanceNumber", "SeriesNumber", "SeriesDescription", "ProtocolName", "SequenceName", "PulseSequenceName"),
    *("ScanningSequence", "SequenceVariant", "AcquisitionContrast", "ComplexImageComponent", "DiffusionBValue"),
    *("PatientID", "PatientName", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
]
_COSINE_TOLERANCE = 1e-3
_GROUPS = {
    "PixelSpacing": "PixelMeasuresSequence",
    "SliceThickness": "PixelMeasuresSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "ImagePositionPatient": "PlanePositionSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "NominalCardiacTriggerDelayTime": "CardiacSynchronizationSequence",
    "RRIntervalTimeNominal": "CardiacSynchronizationSequence",
    "TemporalPositionIndex": "FrameContentSequence",
    "FrameAcquisitionDateTime": "FrameContentSequence",
    "AcquisitionContrast": "MRImageFrameTypeSequence",
    "ComplexImageComponent": "MRImageFrameTypeSequence",
    "FlipAngle": "MRTimingAndRelatedParametersSequence",
    "EffectiveEchoTime": "MREchoSequence",
}
_NEEDED = ("Rows", "Columns", "PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient")
_IDS = (
    *("PatientID", "PatientName", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SOPInstanceUID"),
)
PHASES = "phase or velocity images"
_PHASE = {"P", "PHASE", "PHASE MAP", "VELOCITY", "VELOCITY MAP"}  # values of ImageType
_LARGEST_COUNT, _LONGEST_MS = 1000, 10_000.0


@dataclass(frozen=True)
class FrameHeader:
    """What a header says about one image of a file.

    Attributes
    ----------
    file, frame, file_frames
        The file, the index of the image in it, from 0, and the number of its images.
    patient, patient_name, study, series, reference, image
        Ids and name; they are compared only.
    size
        Rows and columns.
    origin_mm, across, down, spacing_mm, thickness_mm
        As in :class:`cxrfactory.hearts.views.ImagePlane`.
    slope, intercept
        Scaling of the stored values.
    time_ms, cycle_ms, count
        Time after the R wave, length of the cycle, and images in the cycle; None where not stated.
    number, acquired
        Number of the image, and number of its series.
    temporal, acquisition_ms, content_ms
        Number of the image in time, and when it was acquired and stored, since midnight; None where not stated.
    flip_degrees, echo_ms, inversion_ms
        Settings of the sequence; None where not stated.
    description
        Words of the scanner about the series.
    sequence
        Words of the scanner about the sequence and the type of the image.
    family
        What the sequence is by its name (``tfi`` of ``*tfi2d1_15``), or else by its variant; empty where not stated.
    prepared
        Kind of images that no cine is by their scanning sequence or preparation, in the plural; empty for others.
    """

    file: SeriesFile
    frame: int
    file_frames: int
    patient: str
    patient_name: str
    study: str
    series: str
    reference: str
    image: str
    size: tuple[int, int]
    origin_mm: Float[np.ndarray, " 3"]
    across: Float[np.ndarray, " 3"]
    down: Float[np.ndarray, " 3"]
    spacing_mm: tuple[float, float]
    thickness_mm: float
    slope: float
    intercept: float
    time_ms: float | None
    cycle_ms: float | None
    count: int | None
    number: int
    acquired: int
    temporal: int | None
    acquisition_ms: float | None
    content_ms: float | None
    flip_degrees: float | None
    echo_ms: float | None
    inversion_ms: float | None
    description: str
    sequence: str
    family: str
    prepared: str


class StrayImage(ImageError):
    """An object that is no grey image with a place; the examination may do without it.

    Attributes
    ----------
    kind
        What it is, in the plural, for a note.
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


def frame_headers(file: SeriesFile, header: pydicom.Dataset) -> Iterator[FrameHeader]:
    """Yield what the header says about each image of an MR object.

    Raises
    ------
    StrayImage
        If the object states no geometry, is in colour, or states that its pixels identify the patient.
    ImageError
        If its geometry is impossible.
    """
    if flag := burnt_in_flag(header):
        message = f"{file.called}: burnt-in annotation: {flag} is YES; expected images without text"
        raise StrayImage(message, "images with burnt-in text")
    if int(header.get("SamplesPerPixel") or 1) != 1:
        raise StrayImage(f"{file.called}: a colour image; expected grey values", "colour images")
    count = int(header.get("NumberOfFrames") or 1)
    groups = header.get("PerFrameFunctionalGroupsSequence")
    if count > 1 and (not groups or len(groups) != count):
        raise StrayImage(
            f"{file.called}: {count} frames and {len(groups or [])} functional groups; expected a position for each "
            "frame (an enhanced MR object)",
            "objects of several frames without places",
        )
    shared = (header.get("SharedFunctionalGroupsSequence") or [None])[0]
    for frame in range(count):
        own = groups[frame] if groups else None
        try:
            yield _frame(file, frame, header, [each for each in (own, shared) if each is not None])
        except ImageError:
            raise
        except DECODING_ERRORS as error:
            raise ImageError(f"{file.called}: a DICOM header that cannot be read ({type(error).__name__})") from error


def _frame(file: SeriesFile, frame: int, header: pydicom.Dataset, groups: list[pydicom.Dataset]) -> FrameHeader:
    def stated(name: str):
        return _stated(name, header, groups)

    missing = [name for name in _NEEDED if stated(name) in (None, "")]
    if missing:
        message = f"{file.called}: DICOM without {', '.join(missing)}; expected an image with its geometry"
        raise StrayImage(message, "objects without an image" if "Rows" in missing else "images without a place")
    rows_mm, columns_mm = (float(each) for each in stated("PixelSpacing"))
    across, down = np.array(stated("ImageOrientationPatient"), float).reshape(2, 3)
    position = np.array(stated("ImagePositionPatient"), float).reshape(3)
    size = int(header.Rows), int(header.Columns)
    thickness = _number(stated("SliceThickness"))
    _check_place(file.called, size, (columns_mm, rows_mm), np.stack([across, down]), position)
    time = _number(stated("TriggerTime"))
    cycle = _number(stated("NominalInterval")) or _number(stated("RRIntervalTimeNominal"))
    count = _whole(stated("CardiacNumberOfImages"))
    index = _whole(stated("TemporalPositionIndex"))
    slope, intercept = _number(stated("RescaleSlope")), _number(stated("RescaleIntercept"))
    return FrameHeader(
        file,
        frame,
        int(header.get("NumberOfFrames") or 1),
        *(str(header.get(name) or "").strip() for name in _IDS),
        size=size,
        origin_mm=position,
        across=across / np.linalg.norm(across),
        down=down / np.linalg.norm(down),
        spacing_mm=(columns_mm, rows_mm),
        thickness_mm=thickness if thickness and thickness > 0 else 0.0,
        slope=1.0 if slope is None else slope,
        intercept=intercept or 0.0,
        time_ms=_number(stated("NominalCardiacTriggerDelayTime")) if time is None else time,
        cycle_ms=cycle if cycle and 0 < cycle <= _LONGEST_MS else None,
        count=count if count and 1 < count <= _LARGEST_COUNT else None,
        number=index if index is not None else (_whole(header.get("InstanceNumber")) or 0),
        acquired=_whole(header.get("SeriesNumber")) or 0,
        temporal=index if index is not None else _whole(header.get("TemporalPositionIdentifier")),
        acquisition_ms=_clock(str(stated("FrameAcquisitionDateTime") or "")[8:] or header.get("AcquisitionTime")),
        content_ms=_clock(header.get("ContentTime")),
        flip_degrees=_number(stated("FlipAngle")),
        echo_ms=_number(stated("EffectiveEchoTime") or header.get("EchoTime")),
        inversion_ms=_number(header.get("InversionTime")),
        description=f"{header.get('SeriesDescription') or ''} {header.get('ProtocolName') or ''}",
        sequence=" ".join([_sequence_name(header), str(stated("AcquisitionContrast") or ""), *image_type(header)]),
        family=_family(header),
        prepared=PHASES if _holds_phases(groups) else _prepared(header),
    )


def is_phase_image(header: pydicom.Dataset) -> bool:
    """Return whether an object holds phases or velocities, by its type or its complex component."""
    return _says_phase(header, "ImageType")


def _holds_phases(groups: list[pydicom.Dataset]) -> bool:
    """Return whether the functional groups of an image say phase; objects may hold magnitudes beside them."""
    types = [group.MRImageFrameTypeSequence[0] for group in groups if group.get("MRImageFrameTypeSequence")]
    return bool(types) and _says_phase(types[0], "FrameType")


def _says_phase(header: pydicom.Dataset, kind: str) -> bool:
    return bool(_PHASE & (_values(header, kind) | _values(header, "ComplexImageComponent")))


def _sequence_name(header: pydicom.Dataset) -> str:
    return str(header.get("SequenceName") or header.get("PulseSequenceName") or "")


def _family(header: pydicom.Dataset) -> str:
    name = re.match(r"\W*([a-z]+)", _sequence_name(header).lower())
    return name[1] if name else " ".join(sorted(_values(header, "SequenceVariant")))


def _prepared(header: pydicom.Dataset) -> str:
    scanning = _values(header, "ScanningSequence")
    if "IR" in scanning or (_number(header.get("InversionTime")) or 0) > 0:
        return "inversion-recovery images, such as late enhancement or T1 maps"
    if "SE" in scanning:
        return "spin-echo images"
    return "diffusion images" if (_number(header.get("DiffusionBValue")) or 0) > 0 else ""


def _values(header: pydicom.Dataset, name: str) -> set[str]:
    return {str(value).strip().upper() for value in np.atleast_1d(header.get(name) or [])} - {"", "NONE"}


def image_type(header: pydicom.Dataset) -> list[str]:
    """Return the values of ImageType in capitals."""
    return [str(word).strip().upper() for word in np.atleast_1d(header.get("ImageType") or [])]


def _stated(name: str, header: pydicom.Dataset, groups: list[pydicom.Dataset]):
    """Return an attribute of the image's functional groups, of the shared ones, or of the object itself."""
    sequence = _GROUPS.get(name)
    for group in groups if sequence else []:
        items = group.get(sequence)
        if items and items[0].get(name) not in (None, ""):
            return items[0].get(name)
    return header.get(name)


def _check_place(
    called: str, size: tuple[int, int], spacing: tuple[float, float], axes: np.ndarray, position: np.ndarray
) -> None:
    if not (np.isfinite(spacing).all() and min(spacing) > 0 and min(size) > 0):
        raise ImageError(f"{called}: pixel spacing {spacing[1]:g} x {spacing[0]:g} mm; expected positive numbers")
    if not (np.isfinite(axes).all() and np.isfinite(position).all()):
        raise ImageError(f"{called}: position or orientation is not finite")
    if np.abs(axes @ axes.T - np.eye(2)).max() > _COSINE_TOLERANCE:
        raise ImageError(f"{called}: ImageOrientationPatient is not two unit vectors square to each other")


def _number(value: object) -> float | None:
    if value in (None, ""):
        return None
    number = float(value)  # type: ignore[arg-type]
    return number if np.isfinite(number) else None


def _clock(value: object) -> float | None:
    """Return a time of day (hhmmss.ffffff) in ms since midnight; None for anything else."""
    text = str(value or "").strip()
    if not re.fullmatch(r"\d{6}(\.\d+)?", text):
        return None
    return 1000 * (3600 * int(text[:2]) + 60 * int(text[2:4]) + float(text[4:]))


def _whole(value: object) -> int | None:
    try:
        return int(value)  # type: ignore[arg-type, call-overload]
    except DECODING_ERRORS:
        return None
