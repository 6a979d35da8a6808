"""The DICOM image that a segmentation or a report refers to: the release's file, or a new image of the film.

A DICOM SEG or SR refers to an image by its UIDs and takes patient and study from it. There are two modes:

``for-archive``
    The image is the release's DICOM file, with its own UIDs, patient and study. It is for the archive that holds this
    file.
``de-identified``
    The image is a new Secondary Capture of the film. Its UIDs are hashes of the release's name and of the image id,
    which the product holds anyway, and its Patient ID is the image id. Nothing is taken from the header of the file but
    the pixel spacing, so that there is no person, date, institution or original UID in any file of the export.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path

import numpy as np
from jaxtyping import Shaped
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage
from pydicom.valuerep import DA, TM

from cxrfactory import __version__
from cxrfactory.anatomy.snomed import plain_text
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.dicom_object import DECODING_ERRORS, read_object
from cxrfactory.imaging.dicom_spacing import header_spacing_mm
from cxrfactory.imaging.radiograph.reading import picture_kind, read_radiograph
from cxrfactory.imaging.radiograph.screening import AS_STORED
from cxrfactory.imaging.turns import USUAL
from cxrfactory.products.opened import ProductImage
from cxrfactory.tables.sums import SUMS

IMPLEMENTATION = "CXRFACTORY"
MANUFACTURER, MODEL, SERIAL = "cxrfactory", "cxrfactory", "none"
NO_DATE, NO_TIME = "19000101", "000000"  # where the standard requires a date and a file must not hold a real one
# Dates and times of a new object that say when it was made; those of patient and study are the image's.
_TIMES = {
    "ContentDate", "ContentTime", "SeriesDate", "SeriesTime", "InstanceCreationDate", "InstanceCreationTime",
    "ContributionDateTime",
}  # fmt: skip
_HEAD_BYTES = 144
_UID_BYTES = 15  # below 2**122, so that UIDs under 2.25 have at most 42 characters
_UNKNOWN_SPACING_MM = 1.0
# Attributes of patient and study that the standard requires to be present and allows to be empty.
_REQUIRED = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber",
    "ReferringPhysicianName", "StudyID",
)  # fmt: skip
# Everything that objects for an archive take from the header of their image.
ARCHIVE_FIELDS = (
    *_REQUIRED, "IssuerOfPatientID", "StudyDescription", "PatientIdentityRemoved",
    "DeidentificationMethod", "SpecificCharacterSet", "StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID",
    "SOPInstanceUID", "Modality", "PatientOrientation", "Rows", "Columns",
)  # fmt: skip
_SEXES = ("M", "F", "O")
_WORD = 65535


class Mode(StrEnum):
    """Whom the files of an export are for."""

    DE_IDENTIFIED = "de-identified"
    FOR_ARCHIVE = "for-archive"


@dataclass(frozen=True)
class SourceImage:
    """An image that a segmentation or report refers to.

    Attributes
    ----------
    header
        Its DICOM attributes, without pixels.
    mode
        Whom the export is for.
    spacing_known
        Whether the pixel spacing is known; it is 1 mm otherwise, because viewers require one.
    made
        Date and time of the new objects.
    """

    header: Dataset
    mode: Mode
    spacing_known: bool
    made: tuple[str, str]

    def uid(self, *parts: str) -> str:
        """Return a new UID that depends on this image and on ``parts`` only."""
        return derived_uid(str(self.header.SOPInstanceUID), *parts)

    def finish(self, dataset: Dataset) -> Dataset:
        """Set times and random UIDs of a new object in place, so that equal inputs give equal files; return it."""
        date, time = self.made
        values = {"DA": date, "TM": time, "DT": date + time}

        def settle(_: Dataset, element: DataElement) -> None:
            if element.keyword in _TIMES:
                element.value = values[element.VR]
            elif element.keyword == "DimensionOrganizationUID":
                element.value = derived_uid(str(dataset.SOPInstanceUID), "dimensions")

        dataset.walk(settle)
        dataset.file_meta.ImplementationVersionName = IMPLEMENTATION
        return dataset


def derived_uid(*parts: str) -> str:
    """Return a UID under the root 2.25 (PS3.5 B.2) that is a hash of its parts in place of a random number.

    Examples
    --------
    >>> from cxrfactory.export.dicom_source import derived_uid
    >>> derived_uid("image", "a") == derived_uid("image", "a")
    True
    """
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return f"2.25.{int.from_bytes(blake2b(text, digest_size=_UID_BYTES).digest(), 'big')}"


def archive_source(image: ProductImage, path: Path, finished: datetime) -> SourceImage:
    """Read the header of an image's DICOM file, with its own UIDs, patient and study.

    Parameters
    ----------
    image
        The image.
    path
        Its file.
    finished
        Time at which the product was finished; it becomes the date of the new objects.

    Raises
    ------
    CxrError
        If the file is no DICOM, cannot be read, has another shape than the masks, or lacks a UID.
    """
    header = _read_header(path, image.image_id)
    if header is None:
        raise CxrError(
            f"{image.image_id}: {path.name} is not DICOM, so no archive holds its study; use --mode de-identified "
            "with --with-images, which writes the film as DICOM too, or export nrrd or nifti"
        )
    shape = (header.get("Rows"), header.get("Columns"))
    if shape != (image.height, image.width):
        raise CxrError(f"{image.image_id}: DICOM of {shape} pixels; the masks have ({image.height}, {image.width})")
    for name in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        if not header.get(name):
            raise CxrError(f"{image.image_id}: its DICOM file has no {name}; an archive cannot place its masks")
    spacing = header_spacing_mm(header)
    kept = _of_patient_and_study(header)
    if image.orientation != USUAL and not kept.get("PatientOrientation"):  # stated by another field
        kept.PatientOrientation = list(image.orientation)
    kept.PixelSpacing = [_decimal(each) for each in spacing or (_UNKNOWN_SPACING_MM,) * 2]
    return SourceImage(kept, Mode.FOR_ARCHIVE, spacing is not None, (f"{finished:%Y%m%d}", f"{finished:%H%M%S}"))


def new_source(image: ProductImage, path: Path | None, spacing_mm: float | None = None) -> SourceImage:
    """Describe the Secondary Capture that :func:`film_object` writes of an image.

    Parameters
    ----------
    image
        The image.
    path
        The release's file, of which only the pixel spacing is used; None if it is not known or has none.
    spacing_mm
        Side of a pixel in mm where the product knows it.

    Raises
    ------
    CxrError
        If the file is DICOM and cannot be read.
    """
    spacing = None if spacing_mm is None else (spacing_mm, spacing_mm)
    header = _read_header(path, image.image_id) if spacing is None and path is not None else None
    if header is not None:
        spacing = header_spacing_mm(header)
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = SecondaryCaptureImageStorage
    made.SOPInstanceUID = derived_uid("image", image.release, image.image_id)
    made.StudyInstanceUID = derived_uid("study", image.release, image.group_id)
    made.SeriesInstanceUID = derived_uid("series", image.release, image.image_id)
    for name in (*_REQUIRED, "PatientOrientation"):
        setattr(made, name, "")
    if image.orientation != USUAL:
        made.PatientOrientation = list(image.orientation)
    made.PatientIdentityRemoved, made.DeidentificationMethod = "YES", "cxrfactory: a new header, no field was copied"
    made.SpecificCharacterSet = "ISO_IR 192"
    # OHIF lists no segments of an image of modality OT.
    made.Modality, made.ConversionType, made.BodyPartExamined = "DX", "WSD", "CHEST"
    made.ImageType = ["DERIVED", "SECONDARY"]
    made.PatientID = plain_text(image.group_id)  # archives merge objects that have none
    made.StudyDescription = plain_text(image.group_id)
    made.SeriesDescription = plain_text(image.image_id)
    made.SeriesNumber = made.InstanceNumber = 1
    made.Manufacturer, made.ManufacturerModelName, made.SoftwareVersions = MANUFACTURER, MODEL, __version__
    made.Rows, made.Columns = image.height, image.width
    made.PixelSpacing = [_decimal(each) for each in spacing or (_UNKNOWN_SPACING_MM,) * 2]
    return SourceImage(made, Mode.DE_IDENTIFIED, spacing is not None, (NO_DATE, NO_TIME))


def film_object(source: SourceImage, pixels: Shaped[np.ndarray, "height width"]) -> Dataset:
    """Return the Secondary Capture of a film: the header of :func:`new_source` with pixels, MONOCHROME2.

    Parameters
    ----------
    source
        The header.
    pixels
        The film, in which dense bone is bright: uint8 or uint16, or float, which is stretched to 16 bits.
    """
    made = Dataset()
    made.update(source.header)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.file_meta.ImplementationVersionName = IMPLEMENTATION
    if pixels.dtype not in (np.uint8, np.uint16):
        low, high = float(pixels.min()), float(pixels.max())
        pixels = np.rint((pixels - low) * (_WORD / ((high - low) or 1.0))).astype(np.uint16)
    bits = 8 * pixels.dtype.itemsize
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PixelRepresentation = 1, "MONOCHROME2", 0
    made.BitsAllocated, made.BitsStored, made.HighBit = bits, bits, bits - 1
    data = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<")).tobytes()
    made.PixelData = data + b"\0" * (len(data) % 2)
    made["PixelData"].VR = "OB" if bits == 8 else "OW"
    return made


def film_pixels(image: ProductImage, path: Path | None) -> np.ndarray:
    """Return the pixels of a film, in the frame of the masks: with all grey values of the file, or 8 bits.

    Raises
    ------
    CxrError
        If the image cannot be read, its header says that the pixels identify the patient, or its shape is another.
    """
    if path is None:
        return image.image()
    try:
        pixels = read_radiograph(path, burnt_in="reject", checks=AS_STORED).pixels
    except ImageError as error:
        reason = str(error).partition("; ")[0]
        raise CxrError(f"{image.image_id}: {reason}; leave this image out, or export without --with-images") from error
    if pixels.shape != (image.height, image.width):
        raise CxrError(f"{image.image_id}: {pixels.shape} pixels; the masks have ({image.height}, {image.width})")
    return pixels


def finished_at(folder: Path) -> datetime:
    """Return the time at which a product was finished: that of its checksums.

    Raises
    ------
    CxrError
        If the product has no checksums.
    """
    sums = folder / SUMS
    if not sums.is_file():
        raise CxrError(f"{sums}: no such file; a finished product has it")
    return datetime.fromtimestamp(int(sums.stat().st_mtime), tz=UTC)


def stated_spacing(path: Path) -> tuple[float, float] | None:
    """Return height and width of a pixel in mm by a DICOM file's header; None for other files and other headers."""
    header = _read_header(path, path.name)
    return None if header is None else header_spacing_mm(header)


def is_dicom(path: Path) -> bool:
    """Return whether a file is DICOM by its content."""
    try:
        with path.open("rb") as stream:
            return picture_kind(stream.read(_HEAD_BYTES)) == "DICOM"
    except OSError as error:
        raise CxrError(f"{path}: cannot be opened ({error.strerror}); expected the image of the release") from error


def _read_header(path: Path, image_id: str) -> Dataset | None:
    if not is_dicom(path):
        return None
    try:
        return read_object(path, stop_before_pixels=True)
    except DECODING_ERRORS as error:
        raise CxrError(f"{image_id}: its DICOM file cannot be read; test it with `stage preprocess`") from error


def _of_patient_and_study(header: Dataset) -> Dataset:
    """Return the fields of a header that a new object has from its image; values that are not allowed are empty."""
    kept = Dataset()
    kept.file_meta = header.file_meta
    for name in ARCHIVE_FIELDS:
        if name in header:
            kept[name] = header[name]
    for name in _REQUIRED:
        if name not in kept:
            setattr(kept, name, "")
    for name, kind in (("PatientBirthDate", DA), ("StudyDate", DA), ("StudyTime", TM)):
        try:
            kind(kept[name].value or None)
        except (TypeError, ValueError):
            setattr(kept, name, "")
    if kept.PatientSex not in _SEXES:
        kept.PatientSex = ""
    return kept


def _decimal(value: float) -> str:
    return f"{value:.10g}"  # at most 16 characters
