import hashlib
import json
import random

import cv2
import pandas as pd
import pytest
from pydantic import ValidationError

from cxrfactory.config import CxlsegSplitConfig
from cxrfactory.errors import CxrError
from cxrfactory.models import registry
from cxrfactory.products.cxlseg.card import close_cxlseg
from cxrfactory.products.cxlseg.inputs import NO_REPORT, NO_STUDY, ReportTables, release_labels, select_images
from cxrfactory.products.cxlseg.tables import KEYS, TABLES
from cxrfactory.tables.finding_labels import CHEXPERT_LABELS
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import REJECTED

from .segmented import Release, manifest_row, pack, report_row, shards_of


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setitem(registry.PIXEL_MODELS, "threshold", "tests.models.stub_pixels:build")


@pytest.fixture
def made(tmp_path):
    tables = Release().write(tmp_path)
    return tables, shards_of(tables, tmp_path / "shards", 2)


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read_csv(path):
    return pd.read_csv(path, dtype={key: str for key in KEYS}, keep_default_na=False)


def test_every_image_is_kept_excluded_or_rejected(made, tmp_path):
    summary = pack(*made, tmp_path / "out")
    assert summary == json.loads((tmp_path / "out/part/summary.json").read_text())
    assert (summary["kept"], summary["patients"], summary["studies"]) == (7, 3, 6)
    assert summary["excluded"] == {
        "report rejected: file is empty": 1,
        "the report holds nothing": 1,
        NO_REPORT: 1,
        NO_STUDY: 1,
        "view is LL": 1,
    }
    assert summary["rejected"] == {"no such file": 1}
    assert (tmp_path / "out/part/excluded.csv").read_text().splitlines()[:2] == [
        "dataset,image_id,reason",
        "demo,bare,the study has no report",
    ]
    assert (tmp_path / "out/part/rejected.csv").read_text().splitlines()[1:] == ["demo,lost,cxlseg,no such file"]


def test_reports_of_no_image_are_counted_and_said(made, tmp_path, caplog):
    assert pack(*made, tmp_path / "out")["reports_without_image"] == 0
    assert "of no image" not in caplog.text
    tables = Release(reports=[*Release().reports, *(report_row(f"other{each}") for each in range(3))]).write(tmp_path)
    assert pack(tables, made[1], tmp_path / "more")["reports_without_image"] == 3
    assert "3 reports are of no image: their studies are not in the manifest" in caplog.text


def test_four_tables_join_without_loss_and_name_files_that_are_there(made, tmp_path):
    pack(*made, tmp_path / "out")
    product = tmp_path / "out/product"
    joined = read_csv(product / "CXLSeg-metadata.csv.gz")
    for name in list(TABLES)[1:]:
        other = read_csv(product / f"{name}.csv.gz")
        joined = joined.merge(other, on=list(KEYS), validate="1:1", suffixes=("", f" of {name}"))
        assert read_table(product / f"{name}.parquet")["dicom_id"].tolist() == other["dicom_id"].tolist()
    assert joined["dicom_id"].tolist() == [f"i{number}" for number in range(7)]
    assert joined["Reports"].tolist()[:2] == ['Report 0, "clear".', 'Report 1, "clear".']
    assert joined["Reports"].tolist()[6] == 'Report 0, "clear".'  # the other image of the study
    assert joined["ViewPosition"].tolist() == ["PA"] * 6 + ["AP"]
    assert joined["DicomPath"].tolist()[0] == "files/s0/i0.jpg"
    assert joined["DicomPath of CXLSeg-mask"].tolist()[0] == "files/s0/i0-mask.jpg"
    named = {*joined["DicomPath"], *joined["DicomPath of CXLSeg-mask"]}
    named |= {path.replace(".jpg", ".png") for path in joined["DicomPath of CXLSeg-mask"]}
    assert {name for name in files(product) if not name.startswith("CXLSeg-")} == named
    for name in named:
        assert cv2.imread(str(product / name), cv2.IMREAD_UNCHANGED).shape == (64, 64)


def test_no_patient_in_two_sets_unless_split_by_image(made, tmp_path):
    one = pack(*made, tmp_path / "a", split=CxlsegSplitConfig(split="patient", shares=[1, 1, 1]))
    assert one["split"]["patients_in_two_sets"] == 0
    split = read_table(tmp_path / "a/product/CXLSeg-split.parquet")
    assert (split.groupby("subject_id")["split"].nunique() == 1).all()
    assert split["split"].nunique() == 3
    two = pack(*made, tmp_path / "b", split=CxlsegSplitConfig(split="image", shares=[1, 1, 1]))
    assert two["split"]["patients_in_two_sets"] > 0
    assert two["split"]["images"] == {"train": 3, "validate": 2, "test": 2}
    with pytest.raises(ValidationError, match="Input should be 'patient' or 'image'"):
        CxlsegSplitConfig(split="study")


def test_image_without_patient_needs_the_other_split(tmp_path):
    release = Release(manifest=[manifest_row("i0", "s0", None)])
    tables = release.write(tmp_path)
    named = shards_of(tables, tmp_path / "shards")
    with pytest.raises(CxrError, match="1 of 1 images have no patient id"):
        pack(tables, named, tmp_path / "out")
    assert not (tmp_path / "out/product").exists()
    assert pack(tables, named, tmp_path / "out", split=CxlsegSplitConfig(split="image"))["kept"] == 1


def test_twice_is_the_same_bytes_whatever_the_shards(made, tmp_path):
    tables, named = made
    pack(tables, named, tmp_path / "one")
    pack(tables, shards_of(tables, tmp_path / "other", 3, 2), tmp_path / "two")
    assert files(tmp_path / "one") == files(tmp_path / "two")
    pack(tables, named, tmp_path / "one")  # replaces its own
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_what_is_no_product_is_never_replaced(made, tmp_path):
    mine = tmp_path / "out/product/diary.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(CxrError, match="exists and is no such product"):
        pack(*made, tmp_path / "out")
    assert mine.read_text() == "mine"


def test_shards_of_other_tables_are_named(made, tmp_path):
    tables, named = made
    with pytest.raises(CxrError, match="images missing from the shards and not rejected, first 'i"):
        pack(tables, {**named, "pictures": named["pictures"][:1]}, tmp_path / "out")
    with pytest.raises(CxrError, match=r"image 'i\d' occurs twice"):
        pack(tables, {**named, "pictures": named["pictures"] * 2}, tmp_path / "out")
    row = {"image_id": "i1", "path": "x", "stage": "cxlseg", "reason": "odd"}
    write_table(pd.DataFrame([row]), tmp_path / "r.parquet", REJECTED)
    with pytest.raises(CxrError, match="1 images in the shards and rejected, both, first 'i1'"):
        pack(tables, {**named, "rejected": [*named["rejected"], tmp_path / "r.parquet"]}, tmp_path / "out")
    with pytest.raises(CxrError, match="no shards of pictures given"):
        pack(tables, {**named, "pictures": []}, tmp_path / "out")


def test_labels_come_from_the_table_with_zeros_and_doubts(made, tmp_path):
    table = tmp_path / "chexpert.csv"
    table.write_text("subject_id,study_id,Edema,No Finding\n1,s0,1.0,\n1,s1,-1.0,0.0\n1,s9,0,1\n")
    summary = pack(*made, tmp_path / "out", labels=table)
    found = read_table(tmp_path / "out/product/CXLSeg-segmented.parquet").set_index("dicom_id")
    assert found["Edema"].dropna().to_dict() == {"i0": 1.0, "i1": -1.0, "i6": 1.0}
    assert found["No Finding"].dropna().to_dict() == {"i1": 0.0}
    assert found["Fracture"].isna().all()
    assert summary["labels"]["Edema"] == {"-1": 1, "1": 2}
    assert set(summary["labels"]) == set(CHEXPERT_LABELS)


def test_without_a_table_findings_are_positives_alone(tmp_path):
    rows = [manifest_row("i0", "s0", findings="Edema|Fracture"), manifest_row("i1", "s1")]
    selected, _ = select_images(ReportTables(**Release(manifest=rows).write(tmp_path)))
    labels = release_labels(selected, None)
    assert labels.loc[0].dropna().to_dict() == {"Edema": 1.0, "Fracture": 1.0}
    assert labels.loc[1].isna().all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("study_id,Edema\ns0,2\n", "row 1, column 'Edema': a value beside 1, 0, -1 and empty"),
        ("study_id,Edema\ns0,1\ns0,0\n", "study_id 's0' occurs twice"),
        ("study_id,Oedema\ns0,1\n", "expected study_id, image_id or dicom_id, and labels such as"),
        ("", "not readable as CSV"),
        ("study_id,Pneumonia\ns0,1.0,9\ns1,0.0,9\n", "more cells than there are columns"),
    ],
)
def test_wrong_label_tables_are_one_line(tmp_path, text, words):
    selected, _ = select_images(ReportTables(**Release().write(tmp_path)))
    table = tmp_path / "labels.csv"
    table.write_text(text)
    with pytest.raises(CxrError, match=words) as caught:
        release_labels(selected, table)
    assert "\n" not in str(caught.value)
    with pytest.raises(CxrError, match="no such file"):
        release_labels(selected, tmp_path / "none.csv")


def test_labels_by_image_id_go_before_those_of_the_study(tmp_path):
    selected, _ = select_images(ReportTables(**Release().write(tmp_path)))
    table = tmp_path / "labels.csv"
    table.write_text("study_id,dicom_id,Edema\ns0,i0,1\ns0,i6,0\n")
    labels = release_labels(selected, table)["Edema"].set_axis(selected["image_id"])
    assert labels.dropna().to_dict() == {"i0": 1.0, "i6": 0.0}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda release: release.reports.append(report_row("s0")), "'s0' occurs twice"),
        (
            lambda release: release.manifest.append(manifest_row("x", "s0", path="files/s0/i0.jpeg")),
            "'files/s0/i0.jpg' and another of 2 would be one file",
        ),
    ],
)
def test_tables_that_cannot_be_joined_are_refused(tmp_path, change, words):
    release = Release()
    change(release)
    with pytest.raises(CxrError, match=words):
        select_images(ReportTables(**release.write(tmp_path)))


def test_order_of_the_tables_changes_nothing(tmp_path):
    release = Release()
    selected, excluded = select_images(ReportTables(**release.write(tmp_path / "a")))
    shuffled = random.Random(4)
    shuffled.shuffle(release.manifest)
    shuffled.shuffle(release.reports)
    again = select_images(ReportTables(**release.write(tmp_path / "b")))
    pd.testing.assert_frame_equal(selected, again[0])
    pd.testing.assert_frame_equal(excluded, again[1])


def closed(made, tmp_path, name="closed"):
    config = tmp_path / "config.yaml"
    config.write_text("results: here\n")
    out = tmp_path / "out"
    pack(*made, out)
    close_cxlseg(tmp_path / name, [out / "product"], [out / "part"], tmp_path / "w.safetensors", config, ["A credit"])
    return tmp_path / name


def test_closed_product_is_whole_and_its_sums_hold(made, tmp_path):
    folder = closed(made, tmp_path)
    names = set(files(folder))
    assert {"README.md", "config.yaml", "weights.json", "examples.png", "rejected.csv", "excluded.csv"} <= names
    tables = {f"Demo/{split}.parquet" for split in read_table(folder / "Demo/CXLSeg-split.parquet")["split"]}
    assert {name for name in names if name.startswith("Demo/")} == tables | {
        f"Demo/{name}" for name in files(tmp_path / "out/product")
    }
    sums = dict(reversed(line.split("  ", 1)) for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert set(sums) == names - {"SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    text = (folder / "README.md").read_text()
    assert "| Demo | 13 | 5 | 1 | 7 | 6 | 3 |" in text
    assert "`<image>-mask.png`: without loss" in text
    assert "- A credit" in text
    assert cv2.imread(str(folder / "examples.png")).shape[1] == 4 * 2 * 64
    assert files(closed(made, tmp_path, "again")) == files(folder)
    assert files(closed(made, tmp_path)) == files(folder)  # replaces its own


def test_closing_refuses_what_it_cannot_describe(made, tmp_path):
    folder = closed(made, tmp_path)
    out, config, weights = tmp_path / "out", tmp_path / "config.yaml", tmp_path / "w.safetensors"
    with pytest.raises(CxrError, match=r"0 releases with 0 accounts; .* names its reports"):
        close_cxlseg(folder, [], [], weights, config)
    with pytest.raises(CxrError, match="name a release twice"):
        close_cxlseg(folder, [out / "product"] * 2, [out / "part"] * 2, weights, config)
    with pytest.raises(CxrError, match="exists and is no such product"):
        close_cxlseg(out, [out / "product"], [out / "part"], weights, config)
    assert (out / "product/CXLSeg-split.parquet").is_file()
