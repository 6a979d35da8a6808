"""The source chest: orientation, missing files, anatomy found from labels."""

import nibabel as nib
import numpy as np
import pytest

from cxrfactory.cohort.source import SourceChest, load_source, prepare_source
from cxrfactory.cohort.surroundings import extend_neck, without_table
from cxrfactory.errors import CxrError
from tests.cohort.conftest import SPACING_MM, phantom


def test_anatomy_of_the_phantom(ct_folder):
    source = load_source(ct_folder)
    assert source.anatomy.heart_mm[0] < 0  # the heart lies to the patient's left
    assert source.anatomy.half_width_mm == pytest.approx(122, abs=10)
    assert source.anatomy.dome_height_mm < 0
    assert source.frontal.values.shape[0] == 2
    assert source.organs.values.shape[0] == 6


def test_a_flipped_file_gives_the_same_chest(ct_folder, tmp_path):
    hu, labels = phantom()
    affine = np.diag([-SPACING_MM[0], -SPACING_MM[1], SPACING_MM[2], 1.0])
    for name, values in (("cxr", hu), ("mask", labels)):
        nib.save(nib.Nifti1Image(values[::-1, ::-1], affine), tmp_path / f"{name}.nii.gz")
    one, two = load_source(ct_folder), load_source(tmp_path)
    np.testing.assert_array_equal(one.frontal.values.numpy(), two.frontal.values.numpy())
    assert one.anatomy == two.anatomy


def test_travels_as_arrays(ct_folder):
    source = load_source(ct_folder)
    back = SourceChest.from_arrays(source.to_arrays())
    np.testing.assert_array_equal(back.organs.values.numpy(), source.organs.values.numpy())
    assert back.low_mm == source.low_mm


def test_faults_are_named(ct_folder, tmp_path):
    with pytest.raises(CxrError, match="no such file; run"):
        load_source(tmp_path)
    hu, labels = phantom()
    with pytest.raises(CxrError, match="no heart"):
        prepare_source(hu, np.where(labels == 51, 0, labels).astype(np.uint8), SPACING_MM)
    (tmp_path / "cxr.nii.gz").write_bytes(b"no volume")
    with pytest.raises(CxrError, match="not a readable NIfTI"):
        load_source(tmp_path)
    nib.save(nib.Nifti1Image(hu, np.eye(4)), tmp_path / "cxr.nii.gz")
    nib.save(nib.Nifti1Image(labels[:-1], np.eye(4)), tmp_path / "mask.nii.gz")
    with pytest.raises(CxrError, match="expected one shape"):
        load_source(tmp_path)


def test_the_table_goes_and_the_body_stays():
    hu = np.full((6, 60, 80), -1000, np.float32)
    hu[:, 20:50, 10:70] = 30
    hu[:, 28:40, 20:40] = -850  # a lung
    hu[:, 2:6, :] = 200  # the table
    cleaned = without_table(hu)
    assert cleaned[:, 2:6].max() == -1024
    np.testing.assert_array_equal(cleaned[:, 20:50, 10:70], hu[:, 20:50, 10:70])


def test_the_neck_narrows_and_holds_no_organ():
    hu = np.full((5, 40, 60), -1000, np.float32)
    hu[:, 8:32, 4:56] = 30
    taller, groups, added_mm = extend_neck(hu, np.ones(hu.shape, np.uint8), (6.0, 6.0, 3.0))
    assert added_mm == 45.0
    assert len(taller) == len(groups) == 5 + 15
    widths = (taller > -500).any(axis=1).sum(axis=1)
    assert widths[5] > widths[-1] > 0
    assert not groups[5:].any()
