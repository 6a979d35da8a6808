"""The state of each stage: jobs done, running and failed, rows, times."""

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from cxrfactory.errors import CxrError
from cxrfactory.logs import last_line
from cxrfactory.status.jobs import Job, Stage
from cxrfactory.status.marks import Marks
from cxrfactory.tables.parquet import read_table, stored_rows


class State(StrEnum):
    """Of a job."""

    DONE = "done"
    RUNNING = "running"
    STOPPED = "stopped"  # begun and not ended, and Snakemake is gone: killed, or power lost
    FAILED = "failed"
    WAITING = "waiting"
    DAMAGED = "damaged"  # a table's footer cannot be read


@dataclass
class StageState:
    """What is known of a stage.

    Parameters
    ----------
    stage
        The stage.
    states
        How many jobs are in each state.
    kept, rejected, excluded
        Rows of the jobs that are done; None where its files tell none.
    seconds
        Wall times of finished jobs.
    trouble
        Jobs that failed, were stopped or are damaged, and what is known of it: one line.
    silent_s
        Seconds since the newest line of a running job's log.
    """

    stage: Stage
    states: Counter = field(default_factory=Counter)
    kept: int | None = None
    rejected: int | None = None
    excluded: int | None = None
    seconds: list[float] = field(default_factory=list)
    trouble: list[tuple[State, Path, str]] = field(default_factory=list)
    silent_s: float | None = None

    @property
    def remaining(self) -> int:
        """Jobs that are not done."""
        return len(self.stage.jobs) - self.states[State.DONE]

    @property
    def seconds_a_job(self) -> float | None:
        """Mean wall time of the finished jobs."""
        return sum(self.seconds) / len(self.seconds) if self.seconds else None


def survey(stages: Sequence[Stage], marks: Marks) -> list[StageState]:
    """Look at every job once. Of tables only footers are read, but for the manifests' column ``included``."""
    return [_look(stage, marks) for stage in stages]


def _look(stage: Stage, marks: Marks) -> StageState:
    found = StageState(stage)
    for job in stage.jobs:
        state = _state(job, marks)
        if state is State.DONE:
            try:
                _count(found, job)
            except CxrError as error:
                state = State.DAMAGED
                found.trouble.append((state, job.outputs[0], str(error)))
        elif state in (State.FAILED, State.STOPPED):
            found.trouble.append((state, job.log, last_line(job.log)))
        elif state is State.RUNNING and job.log.is_file():
            silent_s = max(time.time() - job.log.stat().st_mtime, 0.0)
            found.silent_s = silent_s if found.silent_s is None else min(silent_s, found.silent_s)
        found.states[state] += 1
        seconds = _wall_s(job.benchmark)
        if seconds is not None:
            found.seconds.append(seconds)
    return found


def _state(job: Job, marks: Marks) -> State:
    if any(map(marks.unfinished, job.outputs)):
        return State.RUNNING if marks.locked else State.STOPPED
    if all(path.exists() for path in job.outputs):
        return State.DONE
    # Snakemake writes a job's times when the job has ended well: after the last line of its log. So outputs that
    # somebody deleted since are waiting to be made anew, and a log without times is of a job that failed.
    if job.log.is_file() and not (job.benchmark.is_file() and job.benchmark.stat().st_mtime >= job.log.stat().st_mtime):
        return State.FAILED
    return State.WAITING


def _count(found: StageState, job: Job) -> None:
    first = job.outputs[0]
    if first.suffix == ".parquet":
        rows = stored_rows(first)
        if found.stage.rule in ("ingest", "ingest_scans"):
            included = int(read_table(first, columns=["included"])["included"].sum())
            found.excluded = (found.excluded or 0) + rows - included
            rows = included
        found.kept = (found.kept or 0) + rows
    elif (summary := job.outputs[-1] / "summary.json").is_file():
        accounts = _accounts(summary)
        found.kept = (found.kept or 0) + accounts["kept"]
        found.rejected = (found.rejected or 0) + sum(accounts["rejected"].values())
        found.excluded = (found.excluded or 0) + sum(accounts["excluded"].values())
    if job.rejected is not None:
        found.rejected = (found.rejected or 0) + stored_rows(job.rejected)


def _accounts(path: Path) -> dict:
    try:
        accounts = json.loads(path.read_text(encoding="utf-8"))
        return {name: accounts[name] for name in ("kept", "rejected", "excluded")}
    except (ValueError, KeyError, TypeError) as error:
        raise CxrError(f"{path}: not a release's accounts ({error}); delete its folder and run again") from error


def _wall_s(path: Path) -> float | None:
    """First column of the first row of Snakemake's table of times; None where there is none (yet)."""
    try:
        return float(path.read_text(encoding="utf-8").splitlines()[1].split("\t")[0])
    except (OSError, IndexError, ValueError):
        return None
