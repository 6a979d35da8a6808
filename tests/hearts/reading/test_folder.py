"""A folder of examinations: cases, reasons of those that cannot be read, and what no table may hold."""

import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.hearts.case_table import read_cases
from cxrfactory.hearts.reading.folder import examinations, read_hearts, write_hearts
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
    assert alone.case_id == "p77_frame01_gt"
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
    with pytest.raises(CxrError, match="no examinations"):
        examinations(tmp_path)
