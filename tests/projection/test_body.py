"""The body mask: the table goes, the lungs stay, separate arms go when asked."""

import os
from pathlib import Path

import numpy as np
import pydicom
import pytest

from cxrfactory.projection.body import body_mask, without_arms
from cxrfactory.projection.integrals import path_integrals


def lying_patient():
    hu = np.full((8, 80, 160), -1000, np.int16)
    hu[:, 20:60, 40:120] = 30
    hu[:, 30:50, 56:72] = -850  # a lung
    hu[:, 2:8, :] = 200  # the table
    return hu


def test_the_table_goes_and_the_body_stays_with_its_lungs():
    hu = lying_patient()
    body = body_mask(hu)
    assert body.dtype == bool
    assert body.shape == hu.shape
    assert body[:, 20:60, 40:120].all()
    assert not body[:, :12].any()
    assert not body[:, :, :32].any()


def test_the_margin_is_a_few_voxels():
    body = body_mask(lying_patient())
    assert body.sum() < 8 * (40 + 16) * (80 + 16)


def test_nothing_dense_is_all_body():
    assert body_mask(np.full((2, 9, 11), -1000, np.float32)).all()


def test_arms_go_where_they_are_separate():
    hu = lying_patient()
    hu[:, 30:46, 4:20] = 40  # an arm that meets the trunk in slices 0 and 1 only
    hu[:2, 30:46, 4:48] = 40
    body = body_mask(hu)
    assert body[:, 32:44, 6:18].all()
    trunk, changed = without_arms(body, (3.0, 1.0, 1.0))
    assert changed == 6
    assert not trunk[2:, :, :28].any()
    np.testing.assert_array_equal(trunk[:2], body[:2])
    assert trunk[:, 20:60, 40:120].all()


def test_a_patient_without_separate_arms_is_left_alone():
    body = body_mask(lying_patient())
    same, changed = without_arms(body, (3.0, 1.0, 1.0))
    assert changed == 0
    np.testing.assert_array_equal(same, body)
    nothing, changed = without_arms(np.zeros_like(body), (3.0, 1.0, 1.0))
    assert changed == 0
    assert not nothing.any()


def test_the_table_of_a_real_series_goes():
    root = os.environ.get("CXRFACTORY_REAL_DATA")
    if not root or not (Path(root) / "ct_dicom").is_dir():
        pytest.skip("CXRFACTORY_REAL_DATA names no folder with ct_dicom")
    slices = [pydicom.dcmread(path) for path in sorted((Path(root) / "ct_dicom").glob("*.dcm"))]
    slices.sort(key=lambda each: each.ImagePositionPatient[2])
    slices = slices[::4]  # enough, and quicker to decode
    hu = np.stack([each.pixel_array * each.RescaleSlope + each.RescaleIntercept for each in slices])
    hu = hu.astype(np.int16)[:, ::-1, ::-1]  # stored with rows to the back and columns to the left
    spacing = (12.0, *map(float, slices[0].PixelSpacing))
    body = body_mask(hu)
    assert 0.3 < body.mean() < 0.5
    whole, clean = path_integrals(hu, spacing), path_integrals(hu, spacing, body=body)
    behind = np.s_[3:, -20:]  # LL: the last columns lie behind the back; there the table stands
    assert whole[1][behind].max() > 0.5
    assert clean[1][behind].max() == 0
    # Through the trunk nothing but the table's small share of the path changes.
    trunk = np.s_[5:, 160:350]
    lost = whole[0][trunk] - clean[0][trunk]
    assert lost.min() > 0
    assert lost.max() < 0.6
