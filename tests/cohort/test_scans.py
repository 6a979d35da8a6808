import nibabel as nib
import numpy as np
import pytest

from cxrfactory.cohort.scans import STORED_AXES, build_scans, load_scan_source, write_scan
from cxrfactory.cohort.source import read_source
from cxrfactory.config import CohortScansConfig
from cxrfactory.errors import CxrError
from cxrfactory.projection.deform import identity_shape

from .conftest import SPACING_MM


@pytest.fixture
def folder(ct_folder):
    (ct_folder / "structures.csv").write_text("id,structure\n51,heart\n")
    return ct_folder


def test_scans_are_stored_along_different_axes_and_hold_the_labels(folder, tmp_path):
    build_scans(folder, tmp_path / "release", CohortScansConfig(scans=4, scan_spacing_mm=9.0), workers=2)
    seen = set()
    for number in range(1, 5):
        ct, labels = (nib.load(tmp_path / "release" / part / f"scan{number:04d}.nii.gz") for part in ("ct", "labels"))
        assert ct.get_data_dtype() == np.int16
        assert labels.get_data_dtype() == np.uint8
        assert np.allclose(ct.affine, labels.affine)
        seen.add("".join(nib.aff2axcodes(ct.affine)))
        values, mask = np.asanyarray(ct.dataobj), np.asanyarray(labels.dataobj)
        assert set(np.unique(mask)) <= {0, 1, 5, 10, 13, 35, 51, 52, 79}
        assert -900 < values[mask == 13].mean() < -700  # the lung is still where the label says it is
        assert (mask == 51).sum() > 100
    assert seen == set(STORED_AXES)
    assert (tmp_path / "release" / "structures.csv").read_text() == "id,structure\n51,heart\n"


def test_the_undeformed_patient_is_the_source(folder, tmp_path, monkeypatch):
    class Same:
        shape = identity_shape()

    monkeypatch.setattr("cxrfactory.cohort.scans.draw_person", lambda number, seed: Same)
    write_scan(load_scan_source(folder), tmp_path, 1, SPACING_MM[0], 0)
    image = nib.as_closest_canonical(nib.load(tmp_path / "labels" / "scan0001.nii.gz"))
    _, labels, _ = read_source(folder)
    found = np.asanyarray(image.dataobj)
    z = 20
    nearest = round((np.array([0, 0, z * SPACING_MM[2]]) / SPACING_MM[0])[2])
    assert (found[..., nearest] == labels[..., z]).mean() > 0.98


def test_bytes_do_not_depend_on_the_workers(folder, tmp_path):
    for workers in (1, 3):
        settings = CohortScansConfig(scans=3, scan_spacing_mm=10.0, seed=1)
        build_scans(folder, tmp_path / str(workers), settings, workers)
    one, three = (sorted((tmp_path / str(workers)).rglob("*.gz")) for workers in (1, 3))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in three]


def test_a_real_release_is_not_replaced(folder, tmp_path):
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "scan.nii.gz").touch()
    with pytest.raises(CxrError, match="is not the cohort of an earlier run"):
        build_scans(folder, tmp_path / "release", CohortScansConfig(scans=1, scan_spacing_mm=9.0))
    assert (tmp_path / "release" / "scan.nii.gz").exists()
