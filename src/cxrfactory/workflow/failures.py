"""List the failed jobs of a workflow run as its very last lines."""

import atexit
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cxrfactory.logs import last_line


def failed_logs(jobs: Iterable[Any]) -> list[tuple[str, Path | None]]:
    """Return the names and logs of jobs, sorted by name.

    Parameters
    ----------
    jobs
        Snakemake's jobs, or groups of them; every job of a group is listed.
    """
    single = [each for job in jobs for each in (job.jobs if job.is_group() else [job])]
    found = []
    for job in single:
        wildcards = ", ".join(f"{name}={value}" for name, value in job.wildcards_dict.items())
        log = next((Path(str(path)).resolve() for path in job.log), None)
        found.append((f"{job.rule.name} {wildcards}".strip(), log))
    return sorted(found, key=str)


def failure_lines(failed: Iterable[tuple[str, Path | None]]) -> list[str]:
    """Format two lines for each job: its name with the last line of its log, and the log's path."""
    lines = []
    for name, log in failed:
        lines.append(f"failed: {name}: {'it has no log' if log is None else last_line(log)}")
        if log is not None:
            lines.append(f"  {log}")
    return lines


def say_last(jobs: Iterable[Any]) -> None:
    """Print the failed jobs at the exit of the interpreter, because Snakemake prints more after ``onerror``."""
    lines = failure_lines(failed_logs(jobs))
    if lines:
        atexit.register(print, *lines, sep="\n", file=sys.stderr, flush=True)
