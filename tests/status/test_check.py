import json
import os

import numpy as np
import pytest

from cxrfactory.config import parse_config
from cxrfactory.status.check import check, delete
from cxrfactory.status.marks import Marks
from cxrfactory.tables.weights import sha256_of, write_weights


def found(run):
    read, damage = check(run.stages(), Marks())
    return read, [str(each.output) for each in damage]


def test_whole_files_pass_and_a_flipped_bit_does_not(run):
    run.finish("ingest")
    job = run.finish("preprocess", 1)
    assert found(run) == (3, [])  # summaries in CSV have nothing to check them by
    path = job.outputs[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 16
    before = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a disk loses it: no time stamp tells
    assert found(run) == (3, [str(path)])
    delete(check(run.stages(), Marks())[1])
    assert not path.exists()
    assert found(run) == (2, [])


def test_what_is_being_written_is_left_alone(run):
    path = run.finish("preprocess", 0).outputs[0]
    path.write_bytes(b"half")
    run.mark(path)
    assert found(run) == (0, [])


def test_folders_are_checked_by_their_sums(run):
    folder = run.stage("chexmask").jobs[0].outputs[0]
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("image_id\n1\n")
    (folder / "SHA256SUMS").write_text(f"{sha256_of(folder / 'a.csv')}  a.csv\n")
    assert found(run) == (1, [])
    (folder / "a.csv").write_text("image_id\n")
    assert check(run.stages(), Marks())[1][0].fault.startswith(f"{folder}/a.csv: damaged")
    (folder / "a.csv").unlink()
    assert "no such file, but" in check(run.stages(), Marks())[1][0].fault
    (folder / "SHA256SUMS").write_bytes(b"\x00\x00")
    assert "line 1 is no checksum" in check(run.stages(), Marks())[1][0].fault
    delete(check(run.stages(), Marks())[1])
    assert not folder.exists()


def test_weights_are_checked_by_their_card_and_json_by_its_form(run):
    run.config = parse_config({"datasets": {"padchest": {"root": "results/cohort/release", "shards": 1}}})
    weights, card, *_ = run.stage("train").jobs[0].outputs
    facts = {key: {} for key in ("segmenter", "settings", "normalisation", "data", "metrics")}
    write_weights(weights, {"w": np.zeros(3, np.float32)}, facts)
    assert found(run) == (2, [])
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert found(run) == (2, [str(weights)])
    card.write_text(json.dumps({"sha256": 1})[:-3])
    assert found(run) == (2, [str(weights), str(card)])


def test_a_file_that_may_not_be_read_is_said(run, monkeypatch):
    path = run.finish("preprocess", 0).outputs[0]

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("cxrfactory.status.check.check_whole", refuse)
    damage = check(run.stages(), Marks())[1]
    assert damage[0].fault == f"{path}: cannot be read (Permission denied)"


@pytest.mark.parametrize("kind", ["empty", "half"])
def test_cut_tables_are_found(run, kind):
    path = run.finish("rca", 2).outputs[1]
    path.write_bytes(path.read_bytes()[: 0 if kind == "empty" else 200])
    assert found(run) == (2, [str(path)])
