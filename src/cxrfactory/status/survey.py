"""Survey the state of each stage: jobs done, running and failed, rows, times."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path

from cxrfactory.errors import CxrError
from cxrfactory.logs import last_line
from cxrfactory.status.jobs import Job, StageJobs
from cxrfactory.status.marks import Marks
from cxrfactory.tables.parquet import read_table, stored_rows
from cxrfactory.workflow.progress import state_of, tail

_THREADS = 8  # parallel reads, because footers on a network file system have a long latency


class State(StrEnum):
    """State of a job."""

    DONE = "done"
    RUNNING = "running"
    STOPPED = "stopped"  # started and not ended, and Snakemake does not run: it was killed, or power was lost
    FAILED = "failed"
    WAITING = "waiting"
    DAMAGED = "damaged"  # a table's footer cannot be read


@dataclass
class StageState:
    """State of a stage.

    Parameters
    ----------
    stage
        The stage.
    states
        Number of jobs in each state.
    kept, rejected, excluded
        Row counts over the jobs that are done; None if the files do not give them.
    seconds
        Wall times of the finished jobs.
    trouble
        Jobs that failed, were stopped or are damaged: state, file, and one line about the problem.
    silent_s
        Seconds since the newest log line of any running job.
    progress
        Log of each running job that states its progress, and the state, such as ``40 of 138 (28 %), 24 s left``.
    """

    stage: StageJobs
    states: Counter = field(default_factory=Counter)
    kept: int | None = None
    rejected: int | None = None
    excluded: int | None = None
    seconds: list[float] = field(default_factory=list)
    trouble: list[tuple[State, Path, str]] = field(default_factory=list)
    silent_s: float | None = None
    progress: list[tuple[Path, str]] = field(default_factory=list)

    @property
    def remaining(self) -> int:
        """Number of jobs that are not done."""
        return len(self.stage.jobs) - self.states[State.DONE]

    @property
    def seconds_a_job(self) -> float | None:
        """Mean wall time of the finished jobs, seconds."""
        return sum(self.seconds) / len(self.seconds) if self.seconds else None


@dataclass(frozen=True)
class _Found:
    """Facts from one job's files."""

    state: State
    counts: tuple[int | None, int | None, int | None] = (None, None, None)  # kept, rejected, excluded
    trouble: tuple[State, Path, str] | None = None
    seconds: float | None = None
    silent_s: float | None = None
    progress: tuple[Path, str] | None = None


def survey(stages: Sequence[StageJobs], marks: Marks) -> list[StageState]:
    """Inspect every job once; of tables, only footers and the manifests' column ``included`` are read."""
    with ThreadPoolExecutor(_THREADS) as pool:
        return [_sum(stage, pool.map(partial(_look, stage.rule, marks), stage.jobs)) for stage in stages]


def _sum(stage: StageJobs, jobs: Iterable[_Found]) -> StageState:
    total = StageState(stage)
    for job in jobs:
        total.states[job.state] += 1
        total.kept, total.rejected, total.excluded = (
            before if count is None else (before or 0) + count
            for before, count in zip((total.kept, total.rejected, total.excluded), job.counts, strict=True)
        )
        if job.trouble is not None:
            total.trouble.append(job.trouble)
        if job.seconds is not None:
            total.seconds.append(job.seconds)
        if job.silent_s is not None:
            total.silent_s = job.silent_s if total.silent_s is None else min(job.silent_s, total.silent_s)
        if job.progress is not None:
            total.progress.append(job.progress)
    return total


def _look(rule: str, marks: Marks, job: Job) -> _Found:
    state, seconds = _state(job, marks), _wall_s(job.benchmark)
    if state is State.DONE:
        try:
            return _Found(state, _count(rule, job), seconds=seconds)
        except CxrError as error:
            return _Found(State.DAMAGED, trouble=(State.DAMAGED, job.outputs[0], str(error)), seconds=seconds)
    if state in (State.FAILED, State.STOPPED):
        return _Found(state, trouble=(state, job.log, last_line(job.log)), seconds=seconds)
    if state is State.RUNNING and job.log.is_file():
        said = state_of(tail(job.log))
        silent_s = max(time.time() - job.log.stat().st_mtime, 0.0)
        return _Found(state, seconds=seconds, silent_s=silent_s, progress=None if said is None else (job.log, said))
    return _Found(state, seconds=seconds)


def _state(job: Job, marks: Marks) -> State:
    if any(map(marks.unfinished, job.outputs)):
        return State.RUNNING if marks.locked else State.STOPPED
    # Snakemake writes a job's times after the job has succeeded, which is after the last line of its log. A newer log
    # belongs to a failed job, unless the outputs are newer too: then the job was run by hand.
    logged, timed = _changed_s(job.log), _changed_s(job.benchmark)
    written = [_changed_s(path) for path in job.outputs]
    if None not in written:
        later = logged is not None and timed is not None and logged > timed
        return State.FAILED if later and max(written) <= timed else State.DONE
    return State.FAILED if logged is not None and (timed is None or logged > timed) else State.WAITING


def _changed_s(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None


def _count(rule: str, job: Job) -> tuple[int | None, int | None, int | None]:
    """Count rows kept, rejected and excluded; a count is None if the job's files do not give it."""
    first = job.outputs[0]
    rejected = None if job.rejected is None else stored_rows(job.rejected)
    if first.suffix == ".parquet":
        if rule not in ("ingest", "ingest_scans"):
            return stored_rows(first), rejected, None
        included = read_table(first, columns=["included"])["included"]
        return int(included.sum()), rejected, int((~included).sum())
    summary = job.outputs[-1] / "summary.json"
    if not summary.is_file():
        return None, rejected, None
    accounts = _accounts(summary)
    return accounts["kept"], sum(accounts["rejected"].values()), sum(accounts["excluded"].values())


def _accounts(path: Path) -> dict:
    try:
        accounts = json.loads(path.read_text(encoding="utf-8"))
        return {name: accounts[name] for name in ("kept", "rejected", "excluded")}
    except (ValueError, KeyError, TypeError) as error:
        raise CxrError(f"{path}: not a release's accounts ({error}); delete its folder and run again") from error


def _wall_s(path: Path) -> float | None:
    """Read the first column of the first row of Snakemake's table of times; None if it does not exist (yet)."""
    try:
        return float(path.read_text(encoding="utf-8").splitlines()[1].split("\t")[0])
    except (OSError, IndexError, ValueError):
        return None
