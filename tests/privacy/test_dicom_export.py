"""DICOM exports of films with a mark in every field: de-identified ones hold none, others the patient's and study's."""

import shutil

import numpy as np
import pydicom
import pytest

from cxrfactory.config.export import ChosenImagesConfig
from cxrfactory.config.export_dicom import DicomExportConfig
from cxrfactory.export.dicom_source import ARCHIVE_FIELDS
from cxrfactory.export.nifti import export_nifti
from cxrfactory.export.nrrd import export_nrrd
from tests.door.conftest import HEIGHT, WIDTH, picture
from tests.door.conftest import product as plain  # noqa: F401  (fixture)
from tests.privacy.headers import file_bytes, radiograph, raw
from tests.privacy.marks import found_in, leaks, mark

# Sequences with the UIDs of the image.
REFERENCES = {
    *("ReferencedSeriesSequence", "SourceImageSequence", "SharedFunctionalGroupsSequence", "ContentSequence"),
    *("PerFrameFunctionalGroupsSequence", "CurrentRequestedProcedureEvidenceSequence"),
}


@pytest.fixture(scope="module")
def marked(plain, tmp_path_factory):  # noqa: F811
    """Folder of a product whose films are DICOM with a mark in every field."""
    tmp_path = tmp_path_factory.mktemp("marked")
    shutil.copytree(plain.parents[1], tmp_path / "run")
    for number, name in enumerate("abc"):
        made = radiograph(picture(HEIGHT, WIDTH, number).astype(np.uint16) * 16)
        made.StudyInstanceUID, made.SeriesInstanceUID = mark("UI"), mark("UI")
        raw(made, "PatientSex", mark("CS"))
        (tmp_path / "run" / "release" / f"{name}.png").write_bytes(file_bytes(made))
    return tmp_path / "run" / "results" / plain.name


def test_de_identified_objects_hold_nothing_of_the_header(marked, tmp_path, caplog, capfd):
    pytest.importorskip("highdicom")
    from cxrfactory.export.dicom_folder import export_dicom

    options = DicomExportConfig(with_images=True, with_measurements=True)
    export_dicom(marked, tmp_path / "out", ChosenImagesConfig(), options)
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 9
    assert leaks(tmp_path / "out") == []
    assert not found_in((caplog.text + "".join(capfd.readouterr())).encode())


def test_objects_for_the_archive_hold_patient_and_study_and_no_more(marked, tmp_path, caplog, capfd):
    pytest.importorskip("highdicom")
    from cxrfactory.export.dicom_folder import export_dicom

    options = DicomExportConfig(mode="for-archive", with_measurements=True)
    export_dicom(marked, tmp_path / "out", ChosenImagesConfig(), options)
    original = pydicom.dcmread(marked.parents[1] / "release" / "a.png", force=True)
    for kind in ("seg", "sr"):
        made = pydicom.dcmread(tmp_path / "out" / "demo" / f"a.{kind}.dcm")
        assert made.PatientName == original.PatientName
        assert made.StudyInstanceUID == original.StudyInstanceUID
        marked_fields = {each.keyword for each in made if found_in(str(each.to_json_dict(None, 0)).encode())}
        assert {"PatientName", "PatientID", "StudyDate", "AccessionNumber"} <= marked_fields
        assert marked_fields <= {*ARCHIVE_FIELDS, *REFERENCES}
        assert not any(element.tag.is_private for element in made.iterall())
    assert not found_in((caplog.text + "".join(capfd.readouterr())).encode())
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"demo", "index.csv"}


def test_other_formats_hold_nothing_of_the_header(marked, tmp_path):
    export_nrrd(marked, tmp_path / "nrrd", ChosenImagesConfig(), with_images=True)
    export_nifti(marked, tmp_path / "nifti", ChosenImagesConfig(), with_images=True)
    assert leaks(tmp_path / "nrrd") == leaks(tmp_path / "nifti") == []
