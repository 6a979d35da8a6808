"""Tiny DICOM radiographs for tests, with patient fields that must never come out."""

import io

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

SECRETS = ("Doe^Secret", "19991231", "ACC-4711", "ID-0815")


def ramp(height=80, width=96, bits=12):
    """A diagonal ramp over all values of ``bits``; no two axes alike."""
    rows, columns = np.mgrid[:height, :width]
    values = (rows * 2 + columns) / (2 * (height - 1) + width - 1) * (2**bits - 1)
    return np.rint(values).astype(np.uint8 if bits <= 8 else np.uint16)


def radiograph(pixels=None, bits=12, **fields):
    """An in-memory DX object of ``pixels``; ``fields`` replace or add header fields (None removes)."""
    pixels = ramp(bits=bits) if pixels is None else pixels
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["test"])
    dataset.PatientName, dataset.StudyDate, dataset.AccessionNumber, dataset.PatientID = SECRETS
    dataset.Modality = "DX"
    dataset.ViewPosition = "PA"
    dataset.BodyPartExamined = "CHEST"
    dataset.PixelSpacing = [0.2, 0.3]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.BitsAllocated = pixels.dtype.itemsize * 8
    dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes()
    for name, value in fields.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    return dataset


def file_bytes(dataset, **texts):
    """The bytes of a file; ``texts`` are values of header fields that are written as UTF-8, whatever their types."""
    raw = {name: text.encode() for name, text in texts.items()}
    marks = {name: "pqrs"[place] * (len(each) + len(each) % 2) for place, (name, each) in enumerate(raw.items())}
    for name, mark in marks.items():
        setattr(dataset, name, mark)
    data = _written(dataset)
    for name, mark in marks.items():
        data = data.replace(mark.encode(), raw[name].ljust(len(mark)))
    return data


def _written(dataset):
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()
