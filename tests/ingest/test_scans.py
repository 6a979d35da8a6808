from types import SimpleNamespace

import pytest

from cxrfactory.config import ScanConfig
from cxrfactory.errors import CxrError
from cxrfactory.ingest.scans import ingest_scans
from cxrfactory.ingest.verdicts import REASON
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import SCANS
from cxrfactory.workflow.plan import Plan


def make(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def settings(root, ct, labels, patient=None):
    """Unchecked, so that the stage's own checks are met."""
    return ScanConfig.model_construct(root=str(root), ct=ct, labels=labels, patient=patient)


def rows(root, tmp_path, ct, labels, patient=None):
    counts = ingest_scans(settings(root, ct, labels, patient), tmp_path / "out.parquet", "r")
    frame = read_table(tmp_path / "out.parquet", SCANS)
    assert (int(frame["included"].sum()), int((~frame["included"]).sum())) == counts
    return frame.set_index("study_id")


def test_every_study_is_a_row_and_says_what_it_lacks(tmp_path):
    root = tmp_path / "release"
    make(root, "b/ct.nii.gz", "b/labels.nii.gz", "a/ct.nii.gz", "c/labels.nii.gz", "c/notes.txt")
    frame = rows(root, tmp_path, "{study}/ct.nii.gz", "{study}/labels.nii.gz")
    assert list(frame.index) == ["a", "b", "c"]
    assert frame.loc["b", "ct"] == "b/ct.nii.gz"
    assert frame["exclusion_reason"].tolist()[::2] == ["no labels in the release", "no CT in the release"]
    assert frame.loc["b", "exclusion_reason"] is None or frame["exclusion_reason"].isna()["b"]


def test_radgenome_layout_with_patients(tmp_path):
    root = tmp_path / "release"
    make(root, "train/train_1/train_1_a/train_1_a_1.nii.gz", "train/train_1/train_1_b/train_1_b_1.nii.gz")
    make(root, "masks/seg_train_1_a_1/lung.nii.gz", "masks/seg_train_1_b_1/lung.nii.gz")
    frame = rows(root, tmp_path, "train/*/*/{study}.nii.gz", "masks/seg_{study}", r"([a-z]+_\d+)_")
    assert frame["included"].all()
    assert set(frame["patient_id"]) == {"train_1"}
    assert frame.loc["train_1_a_1", "labels"] == "masks/seg_train_1_a_1"


def test_id_that_occurs_twice_in_a_pattern_must_be_the_same(tmp_path):
    root = tmp_path / "release"
    make(root, "x/x.nii", "x/y.nii", "x/l.nii")
    frame = rows(root, tmp_path, "{study}/{study}.nii", "{study}/l.nii")
    assert list(frame.index) == ["x"]


def test_what_is_no_study_is_counted_by_kind(tmp_path, caplog):
    root = tmp_path / "release"
    make(root, "a/ct.nii.gz", "a/labels.nii.gz", "a/other.nii.gz", "b/labels.nii.gz", ".git/config", "a/._ct.nii.gz")
    make(root, "old/c/ct.nii.gz", "names.csv", "a/all.zip")
    for path in ("names.csv", "a/all.zip", "a/other.nii.gz"):
        (root / path).write_text("x")
    (root / "b/ct.nii.gz").symlink_to("gone")
    (root / "d").mkdir()
    (root / "d/ct.nii.gz").symlink_to("gone")
    with caplog.at_level("INFO"):
        frame = rows(root, tmp_path, "{study}/ct.nii.gz", "{study}/labels.nii.gz")
    assert frame.loc[["b", "d"], "exclusion_reason"].tolist() == ["its CT is a link to nothing"] * 2
    assert (
        "beside CT and labels: 1 archives, 1 folders, 2 hidden, 2 links to nothing, 1 tables and texts, "
        "1 volumes that match neither pattern" in caplog.text
    )
    assert "1 of 1 files of CT are empty" in caplog.text


@pytest.mark.parametrize(
    ("ct", "labels", "patient", "message"),
    [
        ("{study}/none.nii", "{study}/l.nii", None, "nothing matches ct pattern"),
        ("x/ct.nii", "{study}/l.nii", None, "expected {study} where"),
        ("../{study}.nii", "{study}/l.nii", None, "without '..'"),
        ("*/{study}.nii", "{study}/l.nii", None, "two ct paths"),
        ("x/{study}.nii", "{study}/l.nii", "(", "not a regular expression"),
        ("x/{study}.nii", "{study}/l.nii", "abc", "expected a group"),
        ("x/{study}.nii", "{study}/l.nii", r"(\d+)", "does not fit study id 'ct'"),
    ],
)
def test_wrong_patterns_are_one_line(tmp_path, ct, labels, patient, message):
    root = tmp_path / "release"
    make(root, "x/ct.nii", "y/ct.nii", "x/l.nii")
    with pytest.raises(CxrError, match=message) as caught:
        ingest_scans(settings(root, ct, labels, patient), tmp_path / "out.parquet", "r")
    assert "\n" not in str(caught.value)


def test_missing_root_is_named(tmp_path):
    with pytest.raises(CxrError, match="no such folder"):
        ingest_scans(settings(tmp_path / "none", "{study}", "{study}"), tmp_path / "o.parquet", "r")


def judged(tmp_path, root, text):
    (tmp_path / "v.csv").write_text(f"dataset,image_id,verdict,note,when\n{text}")
    given = ScanConfig(
        root=str(root), ct="{study}/ct.nii.gz", labels="{study}/l.nii.gz", exclude=str(tmp_path / "v.csv")
    )
    ingest_scans(given, tmp_path / "out.parquet", "chest-ct")
    frame = read_table(tmp_path / "out.parquet", SCANS).set_index("study_id")
    assert (frame["included"] == frame["exclusion_reason"].isna()).all()
    return frame["exclusion_reason"].dropna().to_dict()


def test_a_study_with_a_view_judged_bad_is_excluded(tmp_path):
    root = tmp_path / "release"
    make(root, *(f"{study}/{name}.nii.gz" for study in "abcd" for name in ("ct", "l")), "e/ct.nii.gz")
    lines = "chest-ct,a/LL,bad,Smith,\nchest-ct,b,Bad,,\nother,c/PA,bad,,\nchest-ct,d/PA,bad,,\nchest-ct,d/PA,good,,\n"
    missing = "no labels in the release"
    assert judged(tmp_path, root, lines) == {"a": REASON, "b": REASON, "e": missing}
    assert judged(tmp_path, root, "chest-ct,e/PA,bad,,\n") == {"e": missing}  # the earlier reason stays
    for odd in ("x/PA", "a/AP", "a/"):
        with pytest.raises(CxrError, match=rf"v\.csv: row 2: '{odd}' is not in chest-ct \(1 of 2 ids") as error:
            judged(tmp_path, root, f"chest-ct,a/PA,bad,,\nchest-ct,{odd},bad,,\n")
        assert "STUDY/PA or STUDY/LL, or STUDY" in str(error.value)


def test_verdicts_are_an_input_and_an_option_of_the_rule():
    release = {"root": "r", "exclude": "v.csv"}
    scans = Plan.of({"scans": {"mine": release, "bare": {"root": "b"}}, "infer": {"weights": "pretrained"}}).scans
    assert [scans.verdicts(SimpleNamespace(scans=name)) for name in ("mine", "bare")] == [["v.csv"], []]
    assert "--exclude=v.csv" in scans.settings(SimpleNamespace(scans="mine")).options("ct", "labels", "exclude")
