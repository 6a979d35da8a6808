"""A release of tiny CT studies: a box of tissue in air, with three labels that overlap in projection."""

import nibabel as nib
import numpy as np
import pytest

SPACING_MM = (2.0, 3.0, 4.0)  # x, y, z
NAMES = "id,name\n1,heart\n2,lung_upper_lobe_left\n3,lung_lower_lobe_left\n4,liver\n5,hip_left\n"


def volumes():
    """Canonical CT numbers and labels [x, y, z], none of them symmetric."""
    hu = np.full((20, 16, 12), -1000, np.int16)
    labels = np.zeros(hu.shape, np.uint8)
    hu[3:17, 2:13, 1:11] = 40
    hu[12:16, 8:12, 6:10] = 700
    labels[4:8, 3:9, 5:9] = 2
    labels[4:8, 3:9, 2:5] = 3
    labels[9:13, 6:11, 3:7] = 1
    labels[5, 5, 10] = 5
    return hu, labels


def save(values, path, axes="RAS", affine=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    own = np.diag([*SPACING_MM, 1.0]) if affine is None else affine
    own[:3, 3] = (-10, 5, 7)
    image = nib.Nifti1Image(values, own)
    turn = nib.orientations.ornt_transform(nib.io_orientation(own), nib.orientations.axcodes2ornt(axes))
    nib.save(image.as_reoriented(turn), path)


@pytest.fixture
def release(tmp_path):
    """Studies a (RAS), b (stored otherwise) and broken (no orientation), as one label volume each."""
    root = tmp_path / "release"
    hu, labels = volumes()
    for study, axes in (("a", "RAS"), ("b", "PIL")):
        save(hu, root / study / "ct.nii.gz", axes)
        save(labels, root / study / "labels.nii.gz", axes)
    (root / "broken").mkdir()
    nib.save(nib.Nifti1Image(hu, np.eye(4)), root / "broken" / "ct.nii.gz")
    save(labels, root / "broken" / "labels.nii.gz")
    (root / "names.csv").write_text(NAMES)
    return root
