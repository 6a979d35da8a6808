"""Tiny CTs for tests: volume files in any axis order, DICOM series, a layout for each."""

import itertools

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SECRETS = ("Doe^Secret", "19991231", "ACC-4711", "ID-0815")
SPACING_MM = (2.5, 1.25, 0.75)  # z, y, x
ORIGIN_MM = (-40.5, 30.25, -700.0)  # x, y, z
LETTERS = ("LR", "PA", "IS")  # towards which world x, y, z shrink and grow

# All orders (stored axis of x, y, z) and flips of them.
ORDERS = [(o, f) for o in itertools.permutations(range(3)) for f in itertools.product((False, True), repeat=3)]


def chest(shape=(6, 5, 4), seed=0, dtype=np.int16):
    """Canonical HU [z, y, x] in which no two voxels are alike."""
    count = int(np.prod(shape))
    values = np.random.default_rng(seed).permutation(count) * min(10, 30000 // count) - 1000
    return values.reshape(shape).astype(dtype)


def canonical_affine():
    affine = np.diag([*SPACING_MM[::-1], 1.0])
    affine[:3, 3] = ORIGIN_MM
    return affine


def stored(canonical, order, flipped, affine=None):
    """Array (i, j, k) and affine of a canonical volume [z, y, x] stored in another axis order."""
    affine = canonical_affine() if affine is None else affine
    values = canonical.transpose(2, 1, 0)  # x, y, z
    turned = affine.copy()
    for world in range(3):
        if flipped[world]:
            values = np.flip(values, world)
            turned[:3, 3] += turned[:3, world] * (values.shape[world] - 1)
            turned[:3, world] *= -1
    # order[world] is the stored axis that world runs along.
    worlds = np.argsort(order)
    return values.transpose(worlds), turned[:, [*worlds, 3]]


def layout_axes(order, flipped):
    """The letters of a stored array."""
    return "".join(LETTERS[world][not flipped[world]] for world in np.argsort(order))


def write_nifti(path, values, affine, slope=None, intercept=None):
    image = nib.Nifti1Image(values, affine)
    if slope is not None:
        image.header.set_slope_inter(slope, intercept)
    image.to_filename(path)
    return path


def write_itk(path, values, affine, compress=False):
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image = sitk.GetImageFromArray(np.ascontiguousarray(values.transpose(2, 1, 0)))
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    sitk.WriteImage(image, str(path), useCompression=compress)
    return path


def ct_slices(hu=None, affine=None, intercept=-1024, **fields):
    """DICOM slices of a canonical CT [z, y, x], head first supine: rows run to the left, columns to the back."""
    hu = chest() if hu is None else hu
    values, affine = stored(hu, (0, 1, 2), (True, True, False), affine)
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    slices = []
    series = generate_uid(entropy_srcs=["series"])
    for k in range(values.shape[2]):
        pixels = (values[:, :, k].T.astype(np.int32) - intercept).astype(np.uint16)
        one = Dataset()
        one.file_meta = FileMetaDataset()
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one.SOPClassUID = one.file_meta.MediaStorageSOPClassUID = CTImageStorage
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["slice", str(k)])
        one.PatientName, one.StudyDate, one.AccessionNumber, one.PatientID = SECRETS
        one.Modality = "CT"
        one.SeriesInstanceUID = series
        one.PixelSpacing = [spacing[1], spacing[0]]
        one.ImageOrientationPatient = [*(lps[:3, 0] / spacing[0]), *(lps[:3, 1] / spacing[1])]
        one.ImagePositionPatient = list(lps[:3, 3] + k * lps[:3, 2])
        one.RescaleSlope, one.RescaleIntercept = 1, intercept
        one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
        one.Rows, one.Columns = pixels.shape
        one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 16, 15, 0
        one.PixelData = pixels.tobytes()
        for name, value in fields.items():
            setattr(one, name, value)
        slices.append(one)
    return slices


def write_series(folder, slices, name=lambda k: f"{(k * 7 + 3) % 101:03d}.dcm"):
    """Write slices under names whose order is not theirs."""
    folder.mkdir(exist_ok=True)
    for k, one in enumerate(slices):
        one.save_as(folder / name(k), enforce_file_format=True)
    return folder
