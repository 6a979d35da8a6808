import os
from datetime import datetime

import pytest

from cxrfactory.status.marks import Marks
from cxrfactory.status.report import report, seconds_left
from cxrfactory.status.survey import State, survey


def look(run):
    return {each.stage.rule: each for each in survey(run.stages(), Marks())}


def test_nothing_yet(run):
    states = look(run)
    assert all(each.states == {State.WAITING: len(each.stage.jobs)} for each in states.values())
    assert seconds_left(list(states.values())) is None
    text = report("chexmask", list(states.values()), datetime(2026, 1, 1), False)
    assert text[0].startswith("chexmask: 0 of ")
    assert "no Snakemake is running" in text[0]


def test_rows_are_counted_in_what_is_done(run):
    run.finish("ingest", rows=8)
    run.finish("preprocess", 0, rows=5, rejected=2, seconds=10)
    run.finish("preprocess", 1, rows=3, rejected=0, seconds=20)
    found = look(run)
    assert (found["ingest"].kept, found["ingest"].excluded, found["ingest"].rejected) == (6, 2, None)
    assert (found["preprocess"].kept, found["preprocess"].rejected) == (8, 2)
    assert found["preprocess"].states == {State.DONE: 2, State.WAITING: 1}
    assert found["preprocess"].seconds_a_job == 15


def test_running_stopped_failed_and_deleted_are_told_apart(run):
    jobs = run.stage("preprocess").jobs
    run.mark(jobs[0].outputs[0])
    run.log(jobs[0], "00:00:01 INFO preprocess: 5 of 9")
    run.log(jobs[1], "error: results/manifest/padchest.parquet: no such file")
    run.finish("preprocess", 2).outputs[0].unlink()  # a log of a job that ended well, its shard deleted since
    found = look(run)["preprocess"]
    assert found.states == {State.STOPPED: 1, State.FAILED: 1, State.WAITING: 1}
    assert [(state, path, line) for state, path, line in found.trouble] == [
        (State.STOPPED, jobs[0].log, "00:00:01 INFO preprocess: 5 of 9"),
        (State.FAILED, jobs[1].log, "error: results/manifest/padchest.parquet: no such file"),
    ]
    run.lock()
    found = look(run)["preprocess"]
    assert found.states[State.RUNNING] == 1
    assert found.silent_s > 1000
    run.log(jobs[2], "error: anew")  # made again and failed: the log is newer than the times
    assert look(run)["preprocess"].states[State.FAILED] == 2


def test_outputs_of_an_earlier_run_do_not_hide_a_failure_but_those_made_by_hand_count(run):
    job = run.finish("infer", 1)
    for path in job.outputs:
        os.utime(path, (run.time - 5, run.time - 5))
    run.log(job, "error: results/preprocess/padchest/0001-of-0003.parquet: not a readable Parquet file")
    assert look(run)["infer"].states[State.FAILED] == 1
    for path in job.outputs:
        run.stamp(path)
    assert look(run)["infer"].states[State.DONE] == 1


def test_time_left_is_shared_by_the_jobs_that_run(run):
    run.finish("preprocess", 0, seconds=10)
    stages = [run.stage("preprocess")]
    assert seconds_left(survey(stages, Marks())) == 20
    run.lock()
    for job in run.stage("preprocess").jobs[1:]:
        run.mark(job.outputs[0])
    states = survey(stages, Marks())
    assert seconds_left(states) == 10
    lines = report("chexmask", states, datetime(2026, 1, 1, 23, 59, 55), True)
    assert lines[0].startswith("chexmask: 1 of 3 jobs done; 2 running; about 10 s left, until 2026-01-02 00:00")
    assert lines[-1].split() == ["padchest", "preprocess", "1/3", "4", "1", "2", "10.0", "s", "10", "s"]


@pytest.mark.parametrize("content", [b"", b"PAR1 cut off"])
def test_a_shard_without_a_readable_end_is_damaged(run, content):
    path = run.finish("infer", 1).outputs[0]
    path.write_bytes(content)
    found = look(run)["infer"]
    assert found.states[State.DAMAGED] == 1
    assert found.trouble[0][2].startswith(f"{path}: not a readable Parquet file")


def test_accounts_of_a_packed_release_are_read(run):
    job = run.stage("package").jobs[0]
    for folder in job.outputs:
        folder.mkdir(parents=True)
    (job.outputs[1] / "summary.json").write_text('{"kept": 7, "rejected": {"rca": 2}, "excluded": {"a": 1, "b": 4}}')
    found = look(run)["package"]
    assert (found.kept, found.rejected, found.excluded) == (7, 2, 5)
    (job.outputs[1] / "summary.json").write_text('{"kept": 7')
    assert look(run)["package"].states == {State.DAMAGED: 1}


def test_long_names_are_cut_into_folders_by_snakemake(run):
    path = run.stage("preprocess").jobs[0].outputs[0]
    run.mark(path, limit=20)
    marks = Marks()
    assert marks.unfinished(path)
    assert not marks.unfinished(run.stage("preprocess").jobs[1].outputs[0])
    assert not marks.locked


def test_running_jobs_say_how_far_they_are(run):
    run.lock()
    job = run.stage("infer").jobs[1]
    run.mark(job.outputs[0])
    run.log(job, "2026-11-27 12:00:00 INFO [padchest/1] infer: 40 of 138 (28 %), 4.1/s, 24 s left")
    states = look(run)
    assert {rule: each.progress for rule, each in states.items() if each.progress} == {
        "infer": [(job.log, "40 of 138 (28 %), 4.1/s, 24 s left")]
    }
    lines = report("chexmask", list(states.values()), datetime(2026, 1, 1), True)
    assert lines[-2:] == [f"running: {job.log}", "    40 of 138 (28 %), 4.1/s, 24 s left"]
