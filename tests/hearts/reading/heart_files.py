"""A beating heart of simple shapes, imaged in any plane, and written as the files that scanners and data sets have."""

import itertools
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
CLASSIC, ENHANCED = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1"
APEX = np.array([0.55, -0.57, -0.61]) / np.linalg.norm([0.55, -0.57, -0.61])  # from base to apex
LEFT = np.array([1.0, 0.0, 0.0]) - APEX[0] * APEX
LEFT /= np.linalg.norm(LEFT)
BACK = np.cross(-APEX, LEFT)  # across the left direction, towards the back
CENTRE = np.array([25.0, -10.0, -40.0])  # of the left ventricle at mid-height
SIDE, PIXEL_MM, STEP_MM, SLICES = 64, 2.5, 10.0, 6
SECRETS = ("Nadia^Quorn", "QX-99817", "Quornville General", "1951-02-03")

Place = tuple[np.ndarray, np.ndarray, np.ndarray]  # origin, across, down


def contraction(phase: float) -> float:
    """Share of the radius that is left: 1 at the R wave, 0.6 at 0.35 of the cycle."""
    return 1 - 0.4 * np.exp(-(((phase % 1.0) - 0.35) ** 2) / 0.02)


def grey(points: np.ndarray, phase: float, moved: np.ndarray | None = None) -> np.ndarray:
    """Grey values of the heart at positions [..., 3]; ``moved`` shifts the heart."""
    apart = points - CENTRE - (0 if moved is None else moved)
    along = apart @ APEX
    aside = apart - along[..., None] * APEX
    x, y = aside @ LEFT, aside @ BACK
    away = np.hypot(x, y)
    inside = np.sqrt(np.clip(1 - (np.clip(along + 10, 0, None) / 50) ** 2, 0, None))
    cavity, outer = 22 * inside * contraction(phase), 31 * inside
    right = np.hypot((x + 34) / 24, y / 34) < inside * (0.8 + 0.2 * contraction(phase))
    values = 120 + 60 * np.cos(points @ [0.05, 0.03, 0.04]) + 50 * (points @ [0.0, -1.0, 0.0] > 55)
    values = np.where(right & (along > -32), 900, values)
    values = np.where((away < outer) & (along > -32), 200, values)
    values = np.where((away < cavity) & (along > -32), 1000, values)
    atrium = (away < 24) & (along <= -32) & (along > -60)
    return np.where(atrium, 800, values).round()


def image(place: Place, phase: float, moved: np.ndarray | None = None, side: int = SIDE) -> np.ndarray:
    """The heart in a plane, uint16 [row, column]."""
    origin, across, down = place
    rows, columns = np.indices((side, side))[..., None] * PIXEL_MM
    return grey(origin + columns * across + rows * down, phase, moved).astype(np.uint16)


def centred(middle: np.ndarray, across: np.ndarray, down: np.ndarray) -> Place:
    return middle - (SIDE - 1) / 2 * PIXEL_MM * (across + down), across, down


def sax(place: int) -> Place:
    """A short-axis plane; 0 is the base."""
    return centred(CENTRE + (place - (SLICES - 1) / 2) * STEP_MM * APEX, LEFT, BACK)


def lax(degrees: float) -> Place:
    """A plane through the long axis; 0 runs to the left, and the angle turns towards the back."""
    line = np.cos(np.radians(degrees)) * LEFT + np.sin(np.radians(degrees)) * BACK
    return centred(CENTRE, line, APEX)


VIEWS = {"4ch": lax(4), "3ch": lax(57), "2ch": lax(118)}


def uid(*numbers: int) -> str:
    return "1.2.826.0.1.3680043.8.498." + ".".join(map(str, numbers))


def dicom(
    place: Place,
    phase: float,
    series: int,
    number: int,
    description: str = "cine",
    patient: int = 1,
    study: int = 1,
    moved: np.ndarray | None = None,
    side: int = SIDE,
    cycle_ms: float = 900.0,
    images: int = 20,
    **other: object,
) -> Dataset:
    """One classic MR image."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CLASSIC, uid(patient, study, series, number)
    dataset.PatientName, dataset.PatientID = SECRETS[0], f"{SECRETS[1]}-{patient}"
    dataset.InstitutionName, dataset.PatientBirthDate = SECRETS[2], "19510203"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = uid(study), uid(study, series)
    dataset.FrameOfReferenceUID = uid(study, 0)
    dataset.Modality, dataset.ImageType = "MR", ["ORIGINAL", "PRIMARY", "M", "RETRO"]
    dataset.SeriesDescription = description
    dataset.SeriesNumber, dataset.InstanceNumber = series, number
    dataset.TriggerTime, dataset.NominalInterval = round(phase * cycle_ms, 2), int(cycle_ms)
    dataset.CardiacNumberOfImages = images
    origin, across, down = place
    dataset.ImagePositionPatient = [f"{value:.6f}" for value in origin]
    dataset.ImageOrientationPatient = [f"{value:.8f}" for value in (*across, *down)]
    dataset.PixelSpacing, dataset.SliceThickness = [PIXEL_MM, PIXEL_MM], 8
    _pixels(dataset, image(place, phase, moved, side)[None])
    for name, value in other.items():
        setattr(dataset, name, value)
    return dataset


def _pixels(dataset: Dataset, frames: np.ndarray) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = frames.shape[1:]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.PixelData = frames.astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID


def phases(images: int) -> list[float]:
    return [number / images for number in range(images)]


def cine(place: Place, series: int, images: int = 6, **settings: object) -> list[Dataset]:
    """All images of one place."""
    return [
        dicom(place, phase, series, number + 1, images=images, **settings)  # type: ignore[arg-type]
        for number, phase in enumerate(phases(images))
    ]


def examination(images: int = 6, views: dict[str, Place] = VIEWS, **settings: object) -> list[Dataset]:
    """A short-axis stack of one series a slice, and the long-axis views."""
    slices = [cine(sax(place), 10 + place, images, **settings) for place in range(SLICES)]
    long = [cine(place, 30 + number, images, **settings) for number, place in enumerate(views.values())]
    return list(itertools.chain(*slices, *long))


def enhanced(datasets: list[Dataset], series: int = 50) -> Dataset:
    """The same images as frames of one enhanced object, in the order given."""
    first = datasets[0]
    dataset = Dataset()
    for name in ("PatientName", "PatientID", "StudyInstanceUID", "FrameOfReferenceUID", "Modality", "ImageType"):
        setattr(dataset, name, getattr(first, name))
    dataset.SOPClassUID, dataset.SOPInstanceUID = ENHANCED, uid(9, series)
    dataset.SeriesInstanceUID, dataset.SeriesNumber, dataset.InstanceNumber = uid(9, series, 1), series, 1
    dataset.SeriesDescription, dataset.NumberOfFrames = first.SeriesDescription, len(datasets)
    _pixels(dataset, np.stack([each.pixel_array for each in datasets]))
    shared = Dataset()
    shared.PixelMeasuresSequence = Sequence([_item(PixelSpacing=first.PixelSpacing, SliceThickness=8)])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    groups = []
    for each in datasets:
        group = Dataset()
        group.PlanePositionSequence = Sequence([_item(ImagePositionPatient=each.ImagePositionPatient)])
        group.PlaneOrientationSequence = Sequence([_item(ImageOrientationPatient=each.ImageOrientationPatient)])
        sync = _item(
            NominalCardiacTriggerDelayTime=float(each.TriggerTime), RRIntervalTimeNominal=float(each.NominalInterval)
        )
        group.CardiacSynchronizationSequence = Sequence([sync])
        group.FrameContentSequence = Sequence([_item(TemporalPositionIndex=int(each.InstanceNumber))])
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = Sequence(groups)
    return dataset


def _item(**values: object) -> Dataset:
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    return item


def write(folder: Path, datasets: list[Dataset], name: Callable[[int], str] = "{:04d}.dcm".format) -> Path:
    """Write objects as files; ``name`` gives the path of each by its number."""
    for number, dataset in enumerate(datasets):
        path = folder / name(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        pydicom.dcmwrite(path, dataset, enforce_file_format=True)
    return folder


def volume(images: int = 6, slices: range = range(SLICES)) -> np.ndarray:
    """The short-axis stack [column, row, slice, time]."""
    times = [np.stack([image(sax(place), phase) for place in slices]) for phase in phases(images)]
    return np.stack(times).transpose(3, 2, 1, 0)


def stack_affine(place: Place = sax(0), step: np.ndarray = STEP_MM * APEX) -> np.ndarray:
    """Matrix from index to the patient, RAS as NIfTI has it."""
    origin, across, down = place
    affine = np.eye(4)
    affine[:3, :3] = np.stack([across * PIXEL_MM, down * PIXEL_MM, step], 1)
    affine[:3, 3] = origin
    return LPS_TO_RAS @ affine


def nifti(
    path: Path, values: np.ndarray, affine: np.ndarray | None, step: float = 0.045, units: str | None = "sec"
) -> Path:
    """Write a NIfTI file; without an affine it states no orientation."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = nib.Nifti1Image(values, affine)
    if affine is None:
        picture.header["pixdim"][1:4] = PIXEL_MM, PIXEL_MM, STEP_MM
    if values.ndim == 4:
        picture.header["pixdim"][4] = step
    picture.header.set_xyzt_units("mm", units)
    picture.to_filename(path)
    return path
