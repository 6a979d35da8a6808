"""The user's verdicts outlive the server, and steps can be taken back."""

import csv
import json

import numpy as np
import pyarrow as pa
import pytest

from cxrfactory.browse.verdicts import Verdicts
from cxrfactory.errors import CxrError
from cxrfactory.products.browsed import Index, TextColumn

HOSTILE = ['=1+1,"a"\nb', "\u202e<script>", "a"]


@pytest.fixture
def index():
    return Index(pa.array([*HOSTILE, "a"]), TextColumn("d", "d", np.array([0, 0, 0, 1], np.int32), ["one", "two"]), {})


def state(verdicts):
    return {(each.dataset, each.image_id): (each.verdict, each.note, key) for key, each in verdicts.current()}


def test_steps_survive_a_restart_and_undo_takes_back_the_last_one(index, tmp_path):
    path = tmp_path / "new" / "verdicts.jsonl"
    verdicts = Verdicts(path, index)
    assert not path.exists()  # looking alone writes nothing
    assert verdicts.undo() is None
    verdicts.put(0, "bad", 'says "no"\n')
    verdicts.put(2, "good", "")
    verdicts.put(3, "flag", "the other a")
    verdicts.put(0, "good", "")
    assert verdicts.name_of(0) == "good"
    key, now = verdicts.undo()
    assert (key, now.verdict, now.note) == (0, "bad", 'says "no"\n')
    expected = {("one", HOSTILE[0]): ("bad", 'says "no"\n', 0), ("one", "a"): ("good", "", 2),
                ("two", "a"): ("flag", "the other a", 3)}  # fmt: skip
    assert state(verdicts) == expected
    before = path.read_bytes()
    again = Verdicts(path, index)
    assert state(again) == expected
    assert [again.name_of(each) for each in range(4)] == ["bad", "none", "good", "flag"]
    key, now = again.undo()
    assert (key, now.verdict) == (3, "none")
    again.put(2, "none", "")
    assert state(again) == {("one", HOSTILE[0]): ("bad", 'says "no"\n', 0)}
    assert path.read_bytes().startswith(before)  # steps are only appended
    assert state(Verdicts(path, index)) == state(again)


def test_csv_has_the_current_verdicts_and_words_stay_words(index, tmp_path):
    verdicts = Verdicts(tmp_path / "v.jsonl", index)
    verdicts.put(0, "bad", 'a,b\n"c"')
    verdicts.put(1, "good", "")
    verdicts.put(2, "bad", "")
    verdicts.put(2, "none", "")
    header, *rows = csv.reader(verdicts.as_csv().splitlines(keepends=True))
    assert header == ["dataset", "image_id", "verdict", "note", "when"]
    assert [row[:4] for row in rows] == [["one", HOSTILE[0], "bad", 'a,b\n"c"'], ["one", HOSTILE[1], "good", ""]]
    assert all(row[4].endswith("Z") for row in rows)


def test_verdicts_on_images_of_another_product_are_kept(index, tmp_path):
    path = tmp_path / "v.jsonl"
    path.write_text(json.dumps({"dataset": "far", "image_id": "z", "verdict": "bad"}))  # and no line end
    verdicts = Verdicts(path, index)
    verdicts.put(2, "flag", "")
    assert state(verdicts) == {("far", "z"): ("bad", "", None), ("one", "a"): ("flag", "", 2)}
    assert state(Verdicts(path, index)) == state(verdicts)


@pytest.mark.parametrize("line", ["{", "[]", '{"dataset": "a"}', '{"dataset":"a","image_id":"b","verdict":"worse"}'])
def test_a_line_that_is_no_verdict_is_told_by_its_number(index, tmp_path, line):
    path = tmp_path / "v.jsonl"
    path.write_text('{"undo": true}\n\n' + line + "\n")
    with pytest.raises(CxrError, match="line 3 is no verdict"):
        Verdicts(path, index)
