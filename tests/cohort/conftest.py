"""A chest of a few thousand voxels: ellipsoids with TotalSegmentator's label values."""

import nibabel as nib
import numpy as np
import pytest

SPACING_MM = (9.0, 9.0, 8.0)
SHAPE = (42, 42, 40)


def phantom() -> tuple[np.ndarray, np.ndarray]:
    """Canonical CT numbers and labels [x, y, z]: body, spine, lungs, heart, liver, spleen, aorta."""
    x, y, z = np.meshgrid(
        *((np.arange(n) - (n - 1) / 2) * step for n, step in zip(SHAPE, SPACING_MM, strict=True)), indexing="ij"
    )

    def ellipsoid(centre, radii):
        return sum(((a - c) / r) ** 2 for a, c, r in zip((x, y, z), centre, radii, strict=True)) < 1

    hu = np.full(SHAPE, -1000.0)
    labels = np.zeros(SHAPE, np.uint8)
    parts = [  # x > 0 is the patient's right
        ((0, 0, 0), (165, 115, 900), 40, 0),
        ((72, 0, 15), (50, 80, 120), -850, 13),
        ((-72, 0, 15), (50, 80, 120), -850, 10),
        ((-30, 25, -20), (62, 45, 55), 45, 51),
        ((70, 0, -105), (80, 85, 75), 60, 5),
        ((-75, 0, -115), (70, 85, 75), 60, 1),
        ((0, -60, 0), (18, 18, 900), 400, 35),
        ((0, -75, 0), (7, 7, 900), 30, 79),
        ((-5, -20, 60), (14, 14, 60), 60, 52),
    ]
    for centre, radii, value, label in parts:
        inside = ellipsoid(centre, radii)
        hu[inside], labels[inside] = value, label
    return hu.astype(np.float32), labels


@pytest.fixture(scope="session")
def ct_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ct")
    hu, labels = phantom()
    affine = np.diag([*SPACING_MM, 1.0])
    nib.save(nib.Nifti1Image(hu, affine), folder / "cxr.nii.gz")
    nib.save(nib.Nifti1Image(labels, affine), folder / "mask.nii.gz")
    return folder
