import gzip

import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.products.cxlseg.tables import (
    KEYS,
    TABLES,
    check_tables,
    mask_path,
    patients_in_two_splits,
    segmented_path,
    write_tables,
)
from cxrfactory.tables.finding_labels import CHEXPERT_LABELS, labels_of_findings


def tables():
    keys = pd.DataFrame({"dicom_id": ["b", "a"], "subject_id": ["1", "1"], "study_id": ["s1", "s2"]})
    paths = pd.Series(["files/p1/s1/b.jpg", "files/p1/s2/a.jpg"])
    labels = pd.DataFrame({name: [None, -1.0] for name in CHEXPERT_LABELS}, dtype="float64")
    return {
        "CXLSeg-metadata": keys.assign(ViewPosition=["PA", None], Reports=['Heart "large", lungs clear.', "x"]),
        "CXLSeg-segmented": keys.assign(DicomPath=paths.map(segmented_path), **labels),
        "CXLSeg-split": keys.assign(split=["train", "test"]),
        "CXLSeg-mask": keys.assign(DicomPath=paths.map(mask_path)),
    }


def test_tables_are_written_joined_and_the_same_each_time(tmp_path):
    written = write_tables(tables(), tmp_path / "one")
    assert sorted(path.name for path in written) == sorted(
        f"{name}{end}" for name in TABLES for end in (".csv.gz", ".parquet")
    )
    backwards = {name: frame.iloc[::-1] for name, frame in reversed(tables().items())}
    again = write_tables(backwards, tmp_path / "two")
    assert [path.read_bytes() for path in written] == [path.read_bytes() for path in again]
    joined = None
    for name in TABLES:
        frame = pd.read_csv(tmp_path / "one" / f"{name}.csv.gz", dtype={key: str for key in KEYS})
        frame = frame.rename(columns={"DicomPath": f"{name} path"})
        joined = frame if joined is None else joined.merge(frame, on=list(KEYS), validate="1:1")
    assert joined["dicom_id"].tolist() == ["a", "b"]
    assert joined["Reports"].tolist() == ["x", 'Heart "large", lungs clear.']
    assert joined["CXLSeg-mask path"].tolist() == ["files/p1/s2/a-mask.jpg", "files/p1/s1/b-mask.jpg"]
    text = gzip.decompress((tmp_path / "one" / "CXLSeg-segmented.csv.gz").read_bytes()).decode()
    assert text.splitlines()[1].startswith("a,1,s2,files/p1/s2/a.jpg,-1.0,-1.0")
    assert text.splitlines()[2] == "b,1,s1,files/p1/s1/b.jpg" + "," * 14


@pytest.mark.parametrize(
    ("table", "change", "words"),
    [
        ("CXLSeg-mask", lambda frame: frame.iloc[:1], "CXLSeg-mask: image 'a' and 0 others"),
        ("CXLSeg-split", lambda frame: frame.assign(split="val"), "'split' holds val; expected one of"),
        ("CXLSeg-segmented", lambda frame: frame.assign(Edema=2.0), "'Edema' holds 2.0"),
        ("CXLSeg-mask", lambda frame: frame.assign(DicomPath="files/p1/s1/b.jpg"), "occurs twice"),
        ("CXLSeg-metadata", lambda frame: frame.assign(dicom_id="a"), "dicom_id 'a' occurs twice"),
        ("CXLSeg-metadata", lambda frame: frame.drop(columns="Reports"), "CXLSeg-metadata: columns"),
    ],
)
def test_tables_that_do_not_fit_are_refused_before_anything_is_written(tmp_path, table, change, words):
    wrong = tables()
    wrong[table] = change(wrong[table])
    with pytest.raises(CxrError, match=words):
        write_tables(wrong, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_missing_table():
    with pytest.raises(CxrError, match=r"tables \['CXLSeg-split'\] are missing"):
        check_tables({name: frame for name, frame in tables().items() if name != "CXLSeg-split"})


def test_patients_in_two_splits():
    split = tables()["CXLSeg-split"]
    assert patients_in_two_splits(split) == ["1"]
    assert patients_in_two_splits(split.assign(split="train")) == []
    assert patients_in_two_splits(split.assign(subject_id=None)) == []


def test_paths():
    assert segmented_path("files/p10/p1/s5/a.b.dcm") == "files/p10/p1/s5/a.b.jpg"
    assert mask_path("x.JPG") == "x-mask.jpg"
    assert mask_path("a/1.2.840", ".png") == "a/1.2.840-mask.png"
    assert segmented_path("1.2.841") == "1.2.841.jpg"


def test_labels_of_findings_never_say_absent():
    labels = labels_of_findings(pd.Series(["Edema|Fracture", "", None, "Oedema"], index=[3, 5, 7, 9]))
    assert tuple(labels.columns) == CHEXPERT_LABELS
    assert labels.loc[3].dropna().to_dict() == {"Edema": 1.0, "Fracture": 1.0}
    assert labels.loc[[5, 7, 9]].isna().all(axis=None)
