"""End-diastole and end-systole by the table of M&Ms."""

import numpy as np
import pytest

from cxrfactory.hearts.reading.ends_table import table_ends
from cxrfactory.hearts.reading.heart import examine_heart
from tests.hearts.reading import heart_files as files

NAME = "211230_M&Ms_Dataset_information_diagnosis_opendataset.csv"
TABLE = ",External code,VendorName,Vendor,Centre,ED,ES,Age\n0,A0S9V9,Siemens,A,1,0,3,40\n1,A1D0Q7,Siemens,A,1,,3,41\n"


def test_a_stack_without_a_time_step_has_its_ends_from_the_table(tmp_path):
    stack, case = files.volume(), tmp_path / "Training" / "Labeled" / "A0S9V9"
    files.nifti(case / "A0S9V9_sa.nii.gz", stack, files.stack_affine(), step=0.0)
    files.nifti(case / "A0S9V9_sa_gt.nii.gz", stack, files.stack_affine(), step=0.0)
    (tmp_path / NAME).write_text(TABLE)
    reading = examine_heart(case)
    assert reading.view_phases == pytest.approx((0, 3 / 6))
    np.testing.assert_array_equal(reading.views[1].short_axis[0].pixels, stack[:, :, 0, 3].T)
    assert f"end-diastole and end-systole are those of {NAME}" in reading.notes
    (case / "Info.cfg").write_text("ED: 1\nES: 3\n")
    assert examine_heart(case).view_phases == pytest.approx((0, 2 / 6))


@pytest.mark.parametrize("case", ["A1D0Q7", "B1", "a/b/c/A0S9V9"])
def test_a_case_without_numbers(tmp_path, case):
    (tmp_path / NAME).write_text(TABLE)
    (tmp_path / case).mkdir(parents=True)
    assert table_ends(tmp_path / case).ed is None


@pytest.mark.parametrize("text", ["SUBJECT_CODE,DISEASE\nA0S9V9,NOR\n", "", "\x00\x00"])
def test_other_tables_say_nothing(tmp_path, text):
    (tmp_path / "dataset_information.csv").write_text(text)
    (tmp_path / "A0S9V9").mkdir()
    assert table_ends(tmp_path / "A0S9V9").ed is None
