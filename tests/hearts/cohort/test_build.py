"""Shards together are the cohort, their bytes repeat, and a patient's frames are in one split."""

import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.hearts.case_table import read_cases
from cxrfactory.hearts.cohort import build
from cxrfactory.hearts.cohort.build import patient_ids, split_of, write_shard
from cxrfactory.hearts.cohort.case import VirtualHeart
from cxrfactory.hearts.views import HeartViews, ImagePlane


@pytest.fixture
def quick(monkeypatch):
    """Cases without images: a plane of the digits of the patient's number."""

    def case(patient_id, frame):
        pixels = np.array([[int(sign) for sign in patient_id[-4:]]], np.float32)
        plane = ImagePlane(pixels, np.zeros(3), np.eye(3)[0], np.eye(3)[1], (1.0, 1.0), 8.0)
        views = HeartViews(patient_id, patient_id, frame, (plane,), {})
        return VirtualHeart(views, np.ones((2, 3), np.float32), 100.0, 40.0, {"noise": 0.1})

    monkeypatch.setattr(build, "draw_patient", lambda anatomy, patient_id, seed: patient_id)
    monkeypatch.setattr(build, "case_of", case)


def keys(path):
    return [(each.views.case_id, each.views.frame) for each in read_cases(path)]


@pytest.mark.usefixtures("quick")
def test_shards_hold_each_frame_of_each_patient_once(anatomy, tmp_path):
    rows = [write_shard(anatomy, tmp_path / f"{shard}.parquet", 9, shard, 3) for shard in range(3)]
    found = [key for shard in range(3) for key in keys(tmp_path / f"{shard}.parquet")]
    assert sum(rows) == 18
    assert sorted(found) == sorted((name, frame) for name in patient_ids(9) for frame in ("ED", "ES"))


@pytest.mark.usefixtures("quick")
def test_a_larger_cohort_has_the_same_patients(anatomy, tmp_path):
    write_shard(anatomy, tmp_path / "small.parquet", 3)
    write_shard(anatomy, tmp_path / "large.parquet", 5)
    assert keys(tmp_path / "large.parquet")[:6] == keys(tmp_path / "small.parquet")


@pytest.mark.usefixtures("quick")
def test_frames_of_a_patient_are_in_one_split(anatomy, tmp_path):
    write_shard(anatomy, tmp_path / "c.parquet", 40, shares=(2, 1, 1))
    splits = {}
    for each in read_cases(tmp_path / "c.parquet"):
        splits.setdefault(each.views.patient_id, set()).add(each.split)
    assert all(len(each) == 1 for each in splits.values())
    assert set().union(*splits.values()) == {"train", "validate", "test"}


def test_splits_meet_their_shares():
    names = [split_of(name, (8, 1, 1)) for name in patient_ids(2000)]
    counts = [names.count(split) for split in ("train", "validate", "test")]
    assert counts == pytest.approx([1600, 200, 200], abs=60)


def test_real_rows_repeat_byte_for_byte(anatomy, tmp_path):
    for name in ("1", "2"):
        assert write_shard(anatomy, tmp_path / name, 1) == 2
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    ed, es = read_cases(tmp_path / "1")
    assert ed.edv_ml == es.edv_ml
    assert ed.vertices_mm.shape == (len(anatomy.mesh.vertices_mm), 3)


@pytest.mark.parametrize(("patients", "shard", "shards"), [(0, 0, 1), (4, 2, 2), (4, -1, 2)])
def test_numbers_out_of_range_are_refused(anatomy, tmp_path, patients, shard, shards):
    with pytest.raises(CxrError, match="expected 1 or more"):
        write_shard(anatomy, tmp_path / "c.parquet", patients, shard, shards)
