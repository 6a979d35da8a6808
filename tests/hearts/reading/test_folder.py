"""A folder of examinations: cases, reasons of those that cannot be read, and what no table may hold."""

import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.hearts.case_table import read_cases
from cxrfactory.hearts.reading.examinations import examinations
from cxrfactory.hearts.reading.folder import read_hearts, write_hearts
from tests.hearts.reading import heart_files as files
from tests.hearts.reading.test_dicom import ES, assert_whole


def test_cases_and_reasons(tmp_path):
    hearts = tmp_path / "hearts"
    files.write(hearts / "one", files.examination(3))
    files.nifti(hearts / "two.nii.gz", files.volume(), files.stack_affine())
    files.write(hearts / "three", files.cine(files.lax(0), 1, 2))
    tables = [tmp_path / name for name in ("cases.parquet", "rejected.parquet", "readings.parquet")]
    assert write_hearts(hearts, *tables, name=lambda name: f"id-{name}") == (2, 1)
    cases = list(read_cases(tables[0]))
    assert [(case.views.case_id, case.views.frame) for case in cases] == [
        ("id-one", "ED"),
        ("id-one", "ES"),
        ("id-two", "ED"),
        ("id-two", "ES"),
    ]
    assert_whole(cases[1].views, 1 / 3)
    assert_whole(cases[3].views, ES)
    assert cases[1].facts["phase"] == pytest.approx(1 / 3, abs=1e-4)
    assert cases[1].vertices_mm is None
    rejected = pd.read_parquet(tables[1])
    assert rejected.image_id.tolist() == ["id-three"]
    assert "no short-axis stack" in rejected.reason[0]
    readings = pd.read_parquet(tables[2])
    assert readings.views.map(list).tolist() == [["2ch", "3ch", "4ch"], []]
    assert readings.misalignment_mm[0] < 1.0
    assert pd.isna(readings.misalignment_mm[1])
    # No table holds a header's words or ids.
    for table in tables:
        content = table.read_bytes() + pd.read_parquet(table).to_csv().encode()
        assert not any(secret.encode() in content for secret in (*files.SECRETS, files.uid(1), "19510203"))


def test_labels_beside_images_of_a_flat_folder(tmp_path):
    stack = files.volume(2)
    for name in ("A1_sa", "A1_sa_gt", "A1_label_sa", "p77_frame01_gt"):
        files.nifti(tmp_path / f"{name}.nii.gz", stack, files.stack_affine())
    read, alone = read_hearts(tmp_path)
    assert read.views[0].case_id == "A1_sa"
    assert read.notes[0] == "2 label files left aside"
    assert alone.case_id == "p77_frame01_gt.nii.gz"
    assert alone.reason == ("p77_frame01_gt.nii.gz: labels by its name, without an image beside it; expected an image")


def test_same_bytes_again(tmp_path):
    files.nifti(tmp_path / "hearts" / "two.nii.gz", files.volume(), files.stack_affine())
    written = []
    for run in ("a", "b"):
        paths = [tmp_path / run / name for name in ("cases.parquet", "rejected.parquet", "readings.parquet")]
        paths[0].parent.mkdir()
        write_hearts(tmp_path / "hearts", *paths)
        written.append([path.read_bytes() for path in paths])
    assert written[0] == written[1]


def test_folder_without_examinations(tmp_path):
    with pytest.raises(CxrError, match="no such folder"):
        examinations(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(CxrError, match=r"no examinations; .* for each; 1 files of other kinds are here"):
        examinations(tmp_path)
    (tmp_path / "a.zip").write_bytes(b"PK")
    with pytest.raises(
        CxrError, match=r"no examinations; .*; 1 archives are here: unpack each into a folder of its own"
    ):
        examinations(tmp_path)
    files.write(tmp_path, files.cine(files.sax(0), 1, 2))
    with pytest.raises(CxrError, match="; 2 DICOM files are here: move those of each examination into a folder of its"):
        examinations(tmp_path)


def test_one_name_for_two_examinations(tmp_path):
    stack = files.volume(2)
    for name in ("1.nii", "1.nii.gz", "2/sa.nii.gz", "2.nii.gz", "3.nii.gz"):
        files.nifti(tmp_path / "hearts" / name, stack, files.stack_affine())
    tables = [tmp_path / name for name in ("cases.parquet", "rejected.parquet", "readings.parquet")]
    assert write_hearts(tmp_path / "hearts", *tables) == (1, 2)
    assert [case.views.case_id for case in read_cases(tables[0])] == ["3", "3"]
    assert pd.read_parquet(tables[1]).reason.tolist() == [
        "1.nii and 1.nii.gz are one case by their names, '1'; expected one of them; rename one",
        "2 and 2.nii.gz are one case by their names, '2'; expected one of them; rename one",
    ]


def test_archives_and_loose_files_beside_examinations(tmp_path):
    files.nifti(tmp_path / "p1.nii.gz", files.volume(2), files.stack_affine())
    files.write(tmp_path, files.cine(files.sax(0), 1, 3))
    (tmp_path / "p2.zip").write_bytes(b"PK")
    (tmp_path / "p3.nrrd").write_text("NRRD")
    for name in ("README.md", "people.csv", "p1.json", ".hidden.zip"):
        (tmp_path / name).write_text("x")
    read, *aside = read_hearts(tmp_path)
    assert read.views[0].case_id == "p1"
    assert {(each.case_id, each.reason) for each in aside} == {
        ("p2.zip", "p2.zip: an archive; expected a folder or a NIfTI file; unpack it into a folder"),
        (
            "p3.nrrd",
            "p3.nrrd: neither a folder nor a NIfTI file by its name; expected one of them for each examination",
        ),
        (
            "0000.dcm",
            "3 loose DICOM files beside the examinations; expected the files of each examination in a folder of its "
            "own",
        ),
    }


def test_folders_of_series_instead_of_examinations(tmp_path):
    says = "folders here are of one patient and study; expected one folder for each examination; put them into one"
    stack = [image for place in range(files.SLICES) for image in files.cine(files.sax(place), 10 + place, 3)]
    files.write(tmp_path / "a_sax", stack)
    for number in (30, 31):
        files.write(tmp_path / f"b_{number}" / "deep", files.cine(files.lax(4), number, 3))
    files.write(tmp_path / "other", files.cine(files.lax(4), 3, 3, patient=2, study=2))
    read, *unread = read_hearts(tmp_path)
    assert f"3 {says} folder, or give the folder above as root" in read.notes
    assert [f"3 {says}" in each.reason for each in unread] == [True, True, False]
