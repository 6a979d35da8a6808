"""The cohort on a phantom: layouts, counts, broken files, truth, and the same bytes whatever the workers."""

import gzip
import hashlib
import io

import cv2
import numpy as np
import pandas as pd
import pydicom
import pytest

from cxrfactory.cohort.build import LATERAL_TRUTH, TRUTH, CohortPlan, build_cohort
from cxrfactory.cohort.vindr import FINDINGS
from cxrfactory.errors import CxrError
from cxrfactory.tables.parquet import read_table

PLAN = CohortPlan(patients=14, labelled=2, size=160, seed=3)


@pytest.fixture(scope="module")
def cohort(ct_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "cohort"
    build_cohort(ct_folder, folder, PLAN, workers=1)
    return folder


def digest(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def metadata_of(cohort):
    return pd.read_csv(cohort / "mimic-cxr-jpg" / "mimic-cxr-2.0.0-metadata.csv.gz", keep_default_na=False)


def test_roles_share_everyone_out_once():
    plan = CohortPlan(160, 104, 1024, 0)
    roles = [plan.role(number) for number in range(1, 161)]
    assert [sum(role == name for role, _ in roles) for name in ("labelled", "mimic-cxr-jpg", "vindr-cxr")] == [
        104,
        28,
        28,
    ]
    assert len(set(roles)) == 160


def test_same_bytes_whatever_the_workers(cohort, ct_folder, tmp_path):
    build_cohort(ct_folder, tmp_path / "again", PLAN, workers=2)
    assert digest(tmp_path / "again") == digest(cohort)


def test_another_seed_gives_other_patients(cohort, ct_folder, tmp_path):
    build_cohort(ct_folder, tmp_path / "other", CohortPlan(1, 1, 160, 4), workers=1)
    image = "labelled/images/virtual-0001.png"
    assert (tmp_path / "other" / image).read_bytes() != (cohort / image).read_bytes()


def test_labelled_layout(cohort):
    table = pd.read_csv(cohort / "labelled" / "clinical.csv")
    assert list(table.columns) == [
        "File", "Dataset", "Lung Annotations", "Heart Annotations", "Sex", "Age", "Condition", "Patient",
    ]  # fmt: skip
    assert set(table["Dataset"]) == {"Virtual"}
    for file in table["File"]:
        image = cv2.imread(str(cohort / "labelled" / "images" / file), cv2.IMREAD_UNCHANGED)
        assert image.shape == (160, 160)
        assert image.dtype == np.uint8
        for folder, count in (("RL", 44), ("LL", 50), ("H", 26)):
            nodes = np.load(cohort / "labelled" / folder / file.replace(".png", ".npy"))
            assert nodes.shape == (count, 2)
            assert nodes.dtype == np.float64
            assert nodes.min() >= 0
            assert nodes.max() <= 159
        right, left = (np.load(cohort / "labelled" / f / file.replace(".png", ".npy")) for f in ("RL", "LL"))
        assert right[:, 0].mean() < left[:, 0].mean()


def test_mimic_layout(cohort):
    table, root = metadata_of(cohort), cohort / "mimic-cxr-jpg"
    assert table["dicom_id"].str.fullmatch("([0-9a-f]{8}-){4}[0-9a-f]{8}").all()
    assert not table["dicom_id"].duplicated().any()
    views = table["ViewPosition"].value_counts()
    assert views[""] == 3
    assert views.get("LATERAL", 0) + views.get("LL", 0) == 4
    assert views.get("PA", 0) + views.get("AP", 0) == 6 + 3
    unread = []
    for row in table.itertuples():
        subject, study = f"p{row.subject_id}", f"s{row.study_id}"
        path = root / "files" / subject[:3] / subject / study / f"{row.dicom_id}.jpg"
        data = path.read_bytes()
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
        if image is None or not data.endswith(b"\xff\xd9"):
            unread.append(row)
        else:
            assert image.shape == (row.Rows, row.Columns)
            assert row.Rows != row.Columns
    assert len(unread) == 3
    assert {row.ViewPosition for row in unread} <= {"PA", "AP"}
    # gzip holds no time of day
    assert (root / "mimic-cxr-2.0.0-metadata.csv.gz").read_bytes()[4:8] == b"\0\0\0\0"


def test_vindr_layout(cohort):
    root = cohort / "vindr-cxr"
    train, test = (pd.read_csv(root / "annotations" / f"image_labels_{part}.csv") for part in ("train", "test"))
    assert list(test.columns) == ["image_id", *FINDINGS]
    assert list(train.columns) == ["image_id", "rad_id", *FINDINGS]
    assert len(FINDINGS) == 28
    assert (train.groupby("image_id").size() == 3).all()
    assert train["image_id"].nunique() + len(test) == 6
    for part, table in (("train", train), ("test", test)):
        assert {path.stem for path in (root / part).iterdir()} == set(table["image_id"])


def test_dicom_shows_the_picture_by_the_standards_rules(cohort):
    from pydicom.pixels import apply_voi_lut

    kinds = set()
    for path in sorted((cohort / "vindr-cxr").rglob("*.dicom")):
        dataset = pydicom.dcmread(path)
        assert dataset.SOPClassUID == "1.2.840.10008.5.1.4.1.1.1.1"
        assert (dataset.BitsAllocated, dataset.BitsStored) == (16, 12)
        for name in ("PatientName", "PatientID", "AccessionNumber", "InstitutionName", "ReferringPhysicianName"):
            assert "SECRET" in str(dataset[name].value)
        stored = dataset.pixel_array
        assert stored.max() <= 4095
        shown = apply_voi_lut(stored, dataset).astype(float)
        top = 65535 if "VOILUTSequence" in dataset else 4095
        grey = shown / top
        if dataset.PhotometricInterpretation == "MONOCHROME1":
            grey = 1 - grey
        # A picture, not its negative: the middle of the body is brighter than the darkest tenth.
        height, width = grey.shape
        assert grey[height // 2 : -height // 4, width // 2 - 8 : width // 2 + 8].mean() > np.percentile(grey, 10) + 0.15
        kinds.add((dataset.PhotometricInterpretation, dataset.get("VOILUTFunction"), "VOILUTSequence" in dataset))
    assert {kind[0] for kind in kinds} == {"MONOCHROME1", "MONOCHROME2"}
    assert {"SIGMOID", "LINEAR"} <= {kind[1] for kind in kinds}
    assert any(kind[2] for kind in kinds)


def test_truth_covers_every_readable_frontal_image(cohort):
    truth = read_table(cohort / "truth.parquet", TRUTH)
    table = metadata_of(cohort)
    frontal = table[~table["ViewPosition"].isin(["LATERAL", "LL"])]
    assert (truth["release"] == "mimic-cxr-jpg").sum() == len(frontal) - 3
    assert set(truth.loc[truth["release"] == "mimic-cxr-jpg", "image_id"]) <= set(frontal["dicom_id"])
    assert (truth["release"] == "vindr-cxr").sum() == 6
    for row in truth.itertuples():
        masks = [cv2.imdecode(np.frombuffer(png, np.uint8), 0) for png in (row.right_lung, row.left_lung, row.heart)]
        assert all(mask.shape == (row.height, row.width) for mask in masks)
        assert set(np.unique(masks[2])) == {0, 255}
        nodes = np.reshape(row.landmarks, (120, 2))
        filled = np.zeros((row.height, row.width), np.uint8)
        cv2.fillPoly(filled, [np.round(nodes[94:]).astype(np.int32)], 1)
        inside = masks[2] > 0
        assert 2 * (filled & inside).sum() / (filled.sum() + inside.sum()) > 0.95


def test_laterals_have_masks_of_the_whole_projections(cohort):
    sides = read_table(cohort / "truth_lateral.parquet", LATERAL_TRUTH)
    table = metadata_of(cohort)
    laterals = table[table["ViewPosition"].isin(["LATERAL", "LL"])].set_index("dicom_id")
    assert sorted(sides["image_id"]) == sorted(laterals.index)
    for row in sides.itertuples():
        assert (row.height, row.width) == (laterals.loc[row.image_id, "Rows"], laterals.loc[row.image_id, "Columns"])
        right, left, heart = (
            cv2.imdecode(np.frombuffer(png, np.uint8), 0) > 0 for png in (row.right_lung, row.left_lung, row.heart)
        )
        assert (right & left).sum() > 0.5 * right.sum()  # one lung lies over the other
        assert (heart & (right | left)).sum() > 0.3 * heart.sum()


def test_releases_do_not_hold_the_truth(cohort):
    table = gzip.decompress((cohort / "mimic-cxr-jpg" / "mimic-cxr-2.0.0-metadata.csv.gz").read_bytes()).decode()
    assert "landmarks" not in table
    assert len(pd.read_csv(io.StringIO(table)).columns) == 12


def test_an_earlier_cohort_is_replaced_and_nothing_else(ct_folder, tmp_path):
    out = tmp_path / "out"
    for folder in ("ct", "labelled", "vindr-cxr/annotations"):  # as a workflow leaves them before the run
        (out / folder).mkdir(parents=True)
    (out / "ct" / "cxr.nii.gz").write_text("stays")
    build_cohort(ct_folder, out, CohortPlan(1, 1, 128, 0), 1)
    (out / "labelled" / "stale.txt").write_text("old")
    build_cohort(ct_folder, out, CohortPlan(1, 1, 128, 0), 1)
    assert not (out / "labelled" / "stale.txt").exists()
    assert (out / "ct" / "cxr.nii.gz").read_text() == "stays"
    assert sorted(path.name for path in out.iterdir()) == [
        "ct",
        "labelled",
        "mimic-cxr-jpg",
        "truth.parquet",
        "truth_lateral.parquet",
        "vindr-cxr",
    ]


def test_a_real_release_is_never_replaced(ct_folder, tmp_path):
    real = tmp_path / "mimic-cxr-jpg" / "files" / "p10" / "image.jpg"
    real.parent.mkdir(parents=True)
    real.write_text("a real image")
    with pytest.raises(CxrError, match="mimic-cxr-jpg: exists and is not the cohort of an earlier run"):
        build_cohort(ct_folder, tmp_path, CohortPlan(1, 1, 128, 0), 1)
    assert real.read_text() == "a real image"
    assert [path.name for path in tmp_path.iterdir()] == ["mimic-cxr-jpg"]


def test_wrong_plans_are_refused(ct_folder, tmp_path):
    with pytest.raises(CxrError, match="4 patients, 9 labelled"):
        CohortPlan(4, 9, 1024, 0)
    with pytest.raises(CxrError, match="size 10"):
        CohortPlan(4, 2, 10, 0)
    with pytest.raises(CxrError, match="0 workers"):
        build_cohort(ct_folder, tmp_path / "x", PLAN, 0)
    with pytest.raises(CxrError, match="fetch-ct"):
        build_cohort(tmp_path / "nowhere", tmp_path / "x", PLAN, 1)
    assert not (tmp_path / "x").exists()
    assert not any(tmp_path.iterdir())


def test_a_killed_worker_is_one_line(ct_folder, tmp_path, monkeypatch):
    from concurrent.futures.process import BrokenProcessPool

    from cxrfactory.cohort import build

    class Killed:
        def __init__(self, *_, **__):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return False

        def map(self, *_):
            raise BrokenProcessPool("a process was terminated abruptly")

    monkeypatch.setattr(build, "ProcessPoolExecutor", Killed)
    with pytest.raises(CxrError, match="one of 2 workers was killed"):
        build_cohort(ct_folder, tmp_path / "out", CohortPlan(2, 2, 128, 0), workers=2)
    assert not any((tmp_path / "out").iterdir())
