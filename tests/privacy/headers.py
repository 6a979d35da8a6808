"""DICOM headers with a mark in every field that may hold a text, a date, a time, a person, a UID or a number string."""

import io
from functools import cache

import numpy as np
import pydicom
from pydicom import config
from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian

from tests.privacy.marks import mark

TEXT_VRS = {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
BYTE_VRS = {"OB", "UN"}
# What the factory reads, and so must be right in a good file; broken files have marks there.
READ = {
    *("Modality", "SOPClassUID", "BodyPartExamined", "ViewPosition", "PatientSpeciesDescription"),
    *("PatientBreedDescription", "NumberOfFrames", "PixelSpacing", "ImagerPixelSpacing", "VOILUTFunction"),
    *("SpecificCharacterSet", "GantryDetectorTilt", "ImagePositionPatient", "ImageOrientationPatient"),
    *("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth", "PhotometricInterpretation"),
    *("ModalityLUTSequence", "VOILUTSequence", "BurnedInAnnotation", "RecognizableVisualFeatures"),
    *("ExtendedOffsetTable", "ExtendedOffsetTableLengths", "SeriesInstanceUID"),
}
_GROUPS_APART = {0x0000, 0x0002, 0x7FE0, 0xFFFE}
_PRIVATE_GROUPS = (0x0009, 0x0011, 0x0019, 0x0029, 0x0051, 0x7FE1)


def person_item(depth: int = 3) -> Dataset:
    """A sequence's item with a name, a date, an id, a private field and a sequence like it, ``depth`` levels down."""
    item = Dataset()
    item.PatientName, item.PatientID, item.StudyDate = mark("PN"), mark(), mark("DA")
    item.InstitutionName, item.ReferencedSOPInstanceUID = mark(), mark("UI")
    add_private(item, 0x0011)
    if depth > 1:
        item.RequestAttributesSequence = Sequence([person_item(depth - 1)])
    return item


def add_private(dataset: Dataset, group: int) -> None:
    """Add two private creators, each with fields of several kinds."""
    for creator in range(2):
        block = dataset.private_block(group, mark(), create=True)
        block.add_new(0x01, "LO", mark())
        block.add_new(0x02, "PN", mark("PN"))
        block.add_new(0x03, "UN", mark().encode().ljust(16))
        block.add_new(0x04, "OB", mark().encode().ljust(16))
        if creator:
            block.add_new(0x05, "DT", mark("DT"))


def fill(dataset: Dataset) -> None:
    """Put a mark into every public field of the dictionary that is not there, retired ones too, and private blocks."""
    for element in everything():
        if element.tag not in dataset:
            dataset.add(element)


@cache
def everything() -> Dataset:
    """A header with a mark in every field; making it takes most of a second."""
    dataset = Dataset()
    fields = {tag: (entry[0], entry[4]) for tag, entry in DicomDictionary.items()}
    fields |= {int(tag.replace("x", "0"), 16): (entry[0], entry[4]) for tag, entry in RepeatersDictionary.items()}
    filled = 0
    for number, (vr, keyword) in fields.items():
        tag = Tag(number)
        if tag.group in _GROUPS_APART or keyword in READ or (tag.group == 0x0028 and vr != "LO"):
            continue
        if vr in TEXT_VRS:
            dataset.add(DataElement(tag, vr, mark(vr)))
        elif vr in BYTE_VRS:
            dataset.add(DataElement(tag, vr, mark().encode().ljust(16)))
        elif vr == "SQ":
            dataset.add(DataElement(tag, vr, Sequence([person_item(3 if filled % 50 == 0 else 1)])))
        else:
            continue
        filled += 1
    for group in _PRIVATE_GROUPS:
        add_private(dataset, group)
    return dataset


def radiograph(pixels: np.ndarray, full: bool = True) -> Dataset:
    """A readable frontal chest radiograph of uint16 ``pixels`` [row, column] whose header is full of marks."""
    dataset = _object("1.2.840.10008.5.1.4.1.1.1.1", pixels)
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "DX", "CHEST", "PA"
    dataset.PixelSpacing = ["0.4", "0.4"]
    dataset.WindowCenter, dataset.WindowWidth = 2048, 4096
    dataset.BurnedInAnnotation = "NO"
    dataset.PatientName, dataset.PatientID = mark("PN"), mark()
    dataset.PatientBirthDate, dataset.StudyDate = mark("DA"), mark("DA")
    if full:
        fill(dataset)
    return dataset


def ct_slice(pixels: np.ndarray, z_mm: float, full: bool = True) -> Dataset:
    """A readable CT slice of int16 HU [row, column] at a height, whose header is full of marks."""
    dataset = _object("1.2.840.10008.5.1.4.1.1.2", pixels)
    dataset.Modality, dataset.SeriesInstanceUID = "CT", "1.2.826.86753090.1.1"
    dataset.PixelSpacing, dataset.ImageOrientationPatient = ["3", "2"], ["-1", "0", "0", "0", "-1", "0"]
    dataset.ImagePositionPatient = ["10", "-5", f"{z_mm:g}"]
    dataset.RescaleSlope, dataset.RescaleIntercept = "1", "0"
    dataset.PatientName, dataset.PatientID, dataset.StudyDate = mark("PN"), mark(), mark("DA")
    if full:
        fill(dataset)
    return dataset


def _object(storage: str, pixels: np.ndarray) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = storage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = mark("UI")
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.ImplementationVersionName = mark("SH")
    dataset.file_meta.SourceApplicationEntityTitle = mark("AE")
    dataset.file_meta.SendingApplicationEntityTitle = mark("AE")
    dataset.file_meta.PrivateInformationCreatorUID = mark("UI")
    dataset.file_meta.PrivateInformation = mark().encode().ljust(16)
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    dataset["PixelData"].VR = "OW"
    # After the pixels: what a viewer's rounding leaves, and the standard's own padding.
    dataset.add_new(0xFFFCFFFC, "OB", mark().encode().ljust(16))
    return dataset


def raw(dataset: Dataset, keyword: str, text: str | bytes, vr: str | None = None) -> None:
    """Put bytes into a field as they are, whether its value representation allows them or not."""
    tag = Tag(keyword)
    data = text if isinstance(text, bytes) else text.encode()
    data += b" " * (len(data) % 2)
    kind = vr or pydicom.datadict.dictionary_VR(tag).split(" ")[0]
    dataset[tag] = RawDataElement(tag, kind, len(data), data, 0, False, True)


def file_bytes(dataset: Dataset) -> bytes:
    """The DICOM file, with a mark in its preamble and some bytes after its end."""
    stream = io.BytesIO()
    dataset.preamble = mark().encode().ljust(128, b".")
    mode, config.settings.writing_validation_mode = config.settings.writing_validation_mode, config.IGNORE
    try:
        dataset.save_as(stream, enforce_file_format=True)
    finally:
        config.settings.writing_validation_mode = mode
    return stream.getvalue()
