import subprocess
import sys

import cv2
import nibabel as nib
import numpy as np
import pytest


@pytest.fixture
def study(tmp_path):
    hu = np.full((24, 20, 16), -1000, np.int16)
    hu[6:18, 5:15, 4:12] = 0
    affine = np.diag([2.0, 2.0, 3.0, 1.0])
    affine[:3, 3] = (-24, -20, -60)
    nib.save(nib.Nifti1Image(hu, affine), tmp_path / "ct.nii.gz")
    nib.save(nib.Nifti1Image((hu == 0).astype(np.uint8), affine), tmp_path / "labels.nii.gz")
    return tmp_path


def run(study, *options):
    command = [sys.executable, "-m", "cxrfactory", "project", "--ct", str(study / "ct.nii.gz")]
    command += ["--labels", str(study / "labels.nii.gz"), "--output", str(study / "out"), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def integrals(study, view):
    return cv2.imread(str(study / "out" / f"{view}_16.png"), cv2.IMREAD_UNCHANGED) / 4096


def test_a_block_of_water_has_its_length_in_both_views(study):
    done = run(study, "--size", "native")
    assert done.returncode == 0, done.stderr
    assert integrals(study, "PA").max() == pytest.approx(0.0192 * 10 * 2, abs=1e-3)
    assert integrals(study, "LL").max() == pytest.approx(0.0192 * 12 * 2, abs=1e-3)
    assert "named by their value" in done.stderr


def test_another_curve(study):
    done = run(study, "--size", "native", "--curve-hu", "-1000,0", "--curve-mu-per-mm", "0,0.05")
    assert done.returncode == 0, done.stderr
    assert integrals(study, "PA").max() == pytest.approx(0.05 * 10 * 2, abs=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--size", "big"), "--size: expected a whole number or 'native', found 'big'"),
        (("--axes", "RAS"), "--axes and --spacing-mm go together"),
        (("--axes", "RAS", "--spacing-mm", "1,1"), "--spacing-mm is [1.0, 1.0]; expected three lengths above 0"),
        (("--curve-hu", "0,1"), "--curve-hu and --curve-mu-per-mm go together"),
        (("--source-object-mm", "1600"), "--source-detector-mm and --source-object-mm go together"),
        (
            ("--size", "native", "--source-object-mm", "1600", "--source-detector-mm", "1800"),
            "the voxel grid cannot be kept",
        ),
    ],
)
def test_options_that_do_not_fit_are_one_line(study, options, message):
    done = run(study, *options)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert not (study / "out").exists()
