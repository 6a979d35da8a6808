"""Products whose films are DICOM, and the outside programs that read an export."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from tests.door.conftest import HEIGHT, WIDTH, picture

DX = "1.2.840.10008.5.1.4.1.1.1.1"
SPACING_MM = ("0.25", "0.5")


def film(number, pixels=None, **fields):
    """A DX object of 12 bits with a patient, a study and an institution."""
    pixels = picture(HEIGHT, WIDTH, number).astype(np.uint16) * 16 if pixels is None else pixels
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = DX
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}.1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"1.2.3.{number}.2", f"1.2.3.{number}.3"
    dataset.PatientName, dataset.PatientID, dataset.PatientSex = f"DOE^{number}", f"MRN{number}", "F"
    dataset.PatientBirthDate, dataset.StudyDate, dataset.StudyTime = "19500102", "20200304", "101112"
    dataset.AccessionNumber, dataset.StudyID, dataset.ReferringPhysicianName = "A1", "S1", "REF^DR"
    dataset.InstitutionName, dataset.StationName, dataset.Manufacturer = "GENERAL HOSPITAL", "ROOM 1", "Maker"
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "DX", "CHEST", "PA"
    dataset.PatientOrientation = ["L", "F"]
    dataset.ImagerPixelSpacing = list(SPACING_MM)
    dataset.SeriesNumber = dataset.InstanceNumber = 1
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelData = pixels.astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    for name, value in fields.items():
        setattr(dataset, name, value)
    return dataset


def with_dicom_films(product, folder):
    """Copy a run; the films of its release are now DICOM. Return the product's folder."""
    shutil.copytree(product.parents[1], folder)
    for number, name in enumerate("abc"):
        film(number).save_as(folder / "release" / f"{name}.png", enforce_file_format=True)
    return folder / "results" / product.name


def program(name):
    """Path of an outside program, or skip."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(name, *words):
    """Output of an outside program, standard output and error together."""
    done = subprocess.run([program(name), *map(str, words)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def dciodvfy_errors(path):
    return [line for line in run("dciodvfy", "-new", path)[1].splitlines() if line.startswith("Error")]


def dcmqi_masks(path, folder):
    """Masks of a SEG by the label of the segment, as dcmqi reads them, and the last volume."""
    import json

    import SimpleITK as sitk

    folder.mkdir(parents=True)
    code, said = run("segimage2itkimage", "--inputDICOM", path, "--outputDirectory", folder, "-t", "nrrd", "-p", "s")
    assert code == 0, said
    found, volume = {}, None
    for number, group in enumerate(json.loads((folder / "s-meta.json").read_text())["segmentAttributes"], 1):
        volume = sitk.ReadImage(str(folder / f"s-{number}.nrrd"))
        values = sitk.GetArrayFromImage(volume)[0]
        for segment in group:
            found[segment["SegmentLabel"]] = (values == segment["labelID"]).astype(np.uint8)
    return found, volume
