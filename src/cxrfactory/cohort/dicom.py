"""Write a radiograph as a DICOM Digital X-Ray object, For Presentation (PS3.3 A.26), with 12 bits stored in 16."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt16
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from cxrfactory.cohort.patient import Person, Radiograph
from cxrfactory.tables.atomic import atomic_path

DX_FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.1"
_TOP = 4095  # BitsStored 12


@dataclass(frozen=True)
class DisplayPath:
    """Encoding that determines how stored values are displayed as grey values.

    Attributes
    ----------
    inverted
        Use MONOCHROME1 (low values are bright) instead of MONOCHROME2.
    voi
        Values-of-interest transformation: ``full`` or ``narrow`` (linear windows), ``exact`` (LINEAR_EXACT),
        ``sigmoid``, or ``lut`` (VOI LUT Sequence).
    syntax
        Transfer syntax: ``plain`` (uncompressed), ``rle`` or ``jpeg2000`` (both lossless).
    """

    inverted: bool
    voi: str
    syntax: str


def write_dx(path: Path, taken: Radiograph, person: Person, display: DisplayPath, key: str) -> None:
    """Write one DICOM object that a viewer displays with the radiograph's grey values, by the rules of the standard.

    Parameters
    ----------
    path
        File to write.
    taken
        Radiograph. Grey values outside 0..1 are kept in the stored values if the window leaves room for them.
    person
        Patient whose data fill the patient module, with obviously synthetic values.
    display
        Photometric interpretation, window and transfer syntax.
    key
        Text from which the UIDs of the object are derived.
    """
    dataset = _header(taken, person, key)
    shown = 1 - taken.grey if display.inverted else taken.grey
    dataset.PhotometricInterpretation = "MONOCHROME1" if display.inverted else "MONOCHROME2"
    dataset.PresentationLUTShape = "INVERSE" if display.inverted else "IDENTITY"
    stored = _stored_values(dataset, shown, display.voi)
    dataset.PixelData = stored.astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    if display.syntax == "rle":
        dataset.compress(RLELossless, generate_instance_uid=False)
    elif display.syntax == "jpeg2000":
        dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
    with atomic_path(path, durable=False) as temporary:
        dataset.save_as(temporary, enforce_file_format=True)


def _stored_values(dataset: Dataset, shown: Float[np.ndarray, "h w"], voi: str) -> UInt16[np.ndarray, "h w"]:
    """Set the VOI attributes of the dataset and return the stored values that they map to ``shown`` (0..1)."""
    if voi == "lut":
        # The look-up table squares its input, so the stored values are square roots of the grey values.
        table = np.round((np.arange(_TOP + 1) / _TOP) ** 2 * 65535).astype("<u2")
        item = Dataset()
        item.LUTDescriptor = [len(table), 0, 16]
        item.LUTExplanation = "SQUARE"
        item.LUTData = table.tobytes()
        item["LUTDescriptor"].VR = "US"
        item["LUTData"].VR = "OW"
        dataset.VOILUTSequence = Sequence([item])
        return np.round(np.sqrt(np.clip(shown, 0, 1)) * _TOP)
    centre, width = (2048.0, 4096.0) if voi == "full" else (1900.0, 2400.0)
    dataset.WindowCenter, dataset.WindowWidth = centre, width
    if voi == "sigmoid":
        dataset.VOILUTFunction = "SIGMOID"
        inner = np.clip(shown, 0.002, 0.998)
        values = centre + width / 4 * np.log(inner / (1 - inner))
    elif voi == "exact":
        dataset.VOILUTFunction = "LINEAR_EXACT"
        values = (shown - 0.5) * width + centre
    else:
        dataset.VOILUTFunction = "LINEAR"
        values = (shown - 0.5) * (width - 1) + centre - 0.5
    return np.clip(np.round(values), 0, _TOP)


def _header(taken: Radiograph, person: Person, key: str) -> Dataset:
    height, width = taken.grey.shape
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = DX_FOR_PRESENTATION
    dataset.file_meta.MediaStorageSOPInstanceUID = _uid(key, "instance")
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = DX_FOR_PRESENTATION, _uid(key, "instance")
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = _uid(key, "study"), _uid(key, "series")
    number = f"{person.number:04d}"
    dataset.PatientName = f"SECRET^VIRTUAL PATIENT {number}"
    dataset.PatientID = f"SECRET-ID-{number}"
    dataset.OtherPatientIDs = f"SECRET-OTHER-{number}"
    dataset.PatientAddress = f"SECRET STREET {number}"
    dataset.PatientBirthDate = f"19{11 + person.number % 80:02d}0911"
    dataset.PatientSex, dataset.PatientAge = person.sex, f"{person.age:03d}Y"
    dataset.AccessionNumber = f"SECRET{number}"
    dataset.StudyID = f"SECRET-S{number}"
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = "19070707"
    dataset.StudyTime = dataset.ContentTime = "070707"
    dataset.InstitutionName = "SECRET HOSPITAL"
    dataset.ReferringPhysicianName = "SECRET^REFERRER"
    dataset.OperatorsName = "SECRET^OPERATOR"
    dataset.StationName = "SECRET-ROOM"
    dataset.StudyDescription = "SECRET STUDY OF A VIRTUAL PATIENT"
    dataset.Manufacturer = "Virtual"
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "DX", "CHEST", "PA"
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.PixelIntensityRelationship, dataset.PixelIntensityRelationshipSign = "LOG", -1
    dataset.PatientOrientation = ["L", "F"]
    dataset.ImageLaterality = "U"
    dataset.BurnedInAnnotation = "NO"  # a side marker alone does not identify a person
    dataset.SeriesNumber = dataset.InstanceNumber = 1
    dataset.ImagerPixelSpacing = dataset.PixelSpacing = [f"{taken.pixel_mm:.6f}"] * 2
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = height, width, 1
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
    return dataset


def _uid(key: str, level: str) -> str:
    """Return a UID under the root 2.25 (PS3.5 B.2), with a hash in place of a random UUID."""
    return f"2.25.{int.from_bytes(hashlib.blake2b(f'{level} {key}'.encode(), digest_size=15).digest(), 'big')}"
