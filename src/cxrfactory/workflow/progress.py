"""Show the progress of long jobs on the terminal while Snakemake runs.

Jobs write their lines into their logs, so that a plain ``snakemake`` would be silent for minutes. A thread of the main
process regularly reads the last lines of the running jobs' logs. It only writes its own lines to standard error, it
ends with the run, and its errors never stop the run.
"""

import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cxrfactory.logs import duration, get_logger

INTERVAL_S = 20.0
_TAIL_BYTES = 16384
_EVENT = re.compile(r"^\S+ \S+ INFO (?:\[[^\]]*\] )?(?P<event>.*)$")
# Pattern of cxrfactory.logs.progress: "infer: 120 of 1000 (12 %), 3.4/s, 4 min left".
_COUNTED = re.compile(r"(?P<state>\d+ of \d+ \(\d+ %\), .+ left)$")
# Pattern of trainings: "epoch 80 of 220, 52 s: loss 0.1, val ...".
_TRAINING = re.compile(r"(?P<unit>epoch|step) (?P<done>\d+) of (?P<total>\d+), (?P<spent>\d+) s\b")


def state_of(lines: list[str]) -> str | None:
    """Return the newest progress in a log's lines, e.g. ``epoch 80 of 220, 2 min left``; None if there is none."""
    for line in reversed(lines):
        found = _EVENT.match(line)
        if found is None:
            continue
        event = found["event"]
        if counted := _COUNTED.search(event):
            return counted["state"]
        if training := _TRAINING.search(event):
            done, total, spent = (int(training[name]) for name in ("done", "total", "spent"))
            left = f", {duration((total - done) * spent / done)} left" if 0 < done < total else ""
            return f"{training['unit']} {done} of {total}{left}"
    return None


class Watcher:
    """Reports the progress of running jobs until it is stopped.

    Parameters
    ----------
    running
        Function that returns Snakemake's running jobs, or groups of them.
    say
        Function that receives each line.
    interval_s
        Seconds that a job must have run before its progress is reported; the logs are read twice in this time. An
        unchanged state is not reported again.
    """

    def __init__(
        self, running: Callable[[], list[Any]], say: Callable[[str], None], interval_s: float = INTERVAL_S
    ) -> None:
        self._running, self._say, self._interval_s = running, say, interval_s
        self._began: dict[str, float] = {}
        self._said: dict[str, str] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="progress", daemon=True)

    def start(self) -> None:
        """Start the thread that watches the jobs."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread."""
        self._end.set()

    def look(self, now: float) -> None:
        """Report new progress of each running job; ``now`` is a monotonic time in seconds."""
        jobs = dict(_named(self._running()))
        self._began = {name: self._began.get(name, now) for name in jobs}
        self._said = {name: said for name, said in self._said.items() if name in jobs}
        for name, log in jobs.items():
            ran = now - self._began[name]
            state = state_of(tail(log)) if ran >= self._interval_s else None
            if state is not None and state != self._said.get(name):
                self._said[name] = state
                self._say(f"{name}: {state}")

    def _watch(self) -> None:
        try:
            while not self._end.wait(self._interval_s / 2):
                self.look(time.monotonic())
        except Exception as error:  # no error of the display may stop the run
            get_logger(__name__).warning("progress is shown no more: %s: %s", type(error).__name__, error)


def _named(jobs: list[Any]) -> Iterator[tuple[str, Path]]:
    """Yield each job's rule and wildcards, e.g. ``infer vindr-cxr 0001-of-0002``, with its log."""
    for job in jobs:
        for each in job.jobs if job.is_group() else [job]:
            log = next(map(str, each.log), None)
            if log is not None:
                yield " ".join([each.rule.name, *map(str, each.wildcards_dict.values())]), Path(log)


def tail(path: Path) -> list[str]:
    """Return the last lines of a log; none if it cannot be read."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(path.stat().st_size - _TAIL_BYTES, 0))
            return stream.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []


_watcher: Watcher | None = None


def show_progress(workflow: Any, interval_s: float = INTERVAL_S) -> None:
    """Start reporting the progress of a run, in Snakemake's ``onstart``; with ``--quiet`` nothing is reported."""
    global _watcher
    if getattr(workflow.output_settings, "quiet", None):
        return
    scheduler = workflow.scheduler
    _watcher = Watcher(lambda: list(scheduler.running), _to_terminal, interval_s)
    _watcher.start()


def stop_progress() -> None:
    """Stop reporting the progress, in ``onsuccess`` and ``onerror``."""
    if _watcher is not None:
        _watcher.stop()


def _to_terminal(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
