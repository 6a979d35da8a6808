"""Format the state of a product as a page of text."""

import shlex
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cxrfactory.logs import duration
from cxrfactory.status.check import Damage
from cxrfactory.status.survey import StageState, State

_HEADER = ("release", "stage", "done", "kept", "rejected", "excluded", "running", "failed", "a job", "left")
_SHOWN = 10  # number of problems shown; the others are only counted


def seconds_left(states: Sequence[StageState]) -> float | None:
    """Estimate the wall time until the product is complete, with as many parallel jobs as now (at least one), seconds.

    The result is None if a stage with remaining work has no finished job to estimate from.
    """
    running = max(sum(each.states[State.RUNNING] for each in states), 1)
    total = 0.0
    for each in states:
        if each.remaining:
            if each.seconds_a_job is None:
                return None
            total += each.remaining * each.seconds_a_job
    return total / running


def report(target: str, states: Sequence[StageState], now: datetime, locked: bool) -> list[str]:
    """Return the lines to print.

    Parameters
    ----------
    target
        Name of the product.
    states
        States of the product's stages.
    now
        Current time, from which the expected end is computed.
    locked
        Whether Snakemake has locked the folder: it runs, or was killed.
    """
    rows = [_HEADER, *(_row(each) for each in states)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    table = [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return [_headline(target, states, now, locked), "", *table, *_running(states), *_troubles(states)]


def _headline(target: str, states: Sequence[StageState], now: datetime, locked: bool) -> str:
    jobs = sum(len(each.stage.jobs) for each in states)
    counts = {state: sum(each.states[state] for each in states) for state in State}
    parts = [f"{counts[State.DONE]} of {jobs} jobs done"]
    parts += [f"{counts[state]} {state}" for state in State if counts[state] and state is not State.DONE]
    if counts[State.DONE] < jobs:
        left = seconds_left(states)
        if left is None:
            parts.append("time left unknown: a stage has no finished job yet")
        elif counts[State.RUNNING]:
            end = now + timedelta(seconds=left)
            parts.append(f"about {duration(left)} left, until {end:%Y-%m-%d %H:%M}")
        else:
            parts.append(f"about {duration(left)} of work left, one job at a time")
        silent = [each.silent_s for each in states if each.silent_s is not None]
        if silent:
            parts.append(f"last log line {duration(min(silent))} ago")
        if not counts[State.RUNNING]:
            parts.append("Snakemake holds its lock" if locked else "no Snakemake is running")
    return f"{target}: {'; '.join(parts)}"


def _row(each: StageState) -> tuple[str, ...]:
    def shown(count: int | None) -> str:
        return "" if count is None else str(count)

    mean = each.seconds_a_job
    failed = sum(each.states[state] for state in (State.FAILED, State.STOPPED, State.DAMAGED))
    running = each.states[State.RUNNING]
    left = "" if mean is None or not each.remaining else duration(each.remaining * mean / max(running, 1))
    return (
        each.stage.release,
        each.stage.rule,
        f"{each.states[State.DONE]}/{len(each.stage.jobs)}",
        *map(shown, (each.kept, each.rejected, each.excluded)),
        shown(running or None),
        shown(failed or None),
        "" if mean is None else f"{mean:.1f} s",
        left,
    )


def _running(states: Sequence[StageState]) -> list[str]:
    progress = [each for state in states for each in state.progress]
    lines = [line for path, said in progress[:_SHOWN] for line in (f"running: {path}", f"    {said}")]
    if len(progress) > _SHOWN:
        lines.append(f"and {len(progress) - _SHOWN} more running jobs")
    return ["", *lines] if lines else []


def _troubles(states: Sequence[StageState]) -> list[str]:
    troubles = [trouble for each in states for trouble in each.trouble]
    lines = [line for state, path, what in troubles[:_SHOWN] for line in (f"{state}: {path}", f"    {what}")]
    if len(troubles) > _SHOWN:
        lines.append(f"and {len(troubles) - _SHOWN} more")
    return ["", *lines] if lines else []


def again(damage: Sequence[Damage], target: str, configfile: Path | None, deleted: bool) -> list[str]:
    """Return the commands that make damaged outputs again.

    Parameters
    ----------
    damage
        Damage found by :func:`cxrfactory.status.check.check`.
    target
        Folder of the product.
    configfile
        Config of the run; None for the default.
    deleted
        Whether the outputs have already been deleted.
    """
    config = "" if configfile is None else f" --configfile {shlex.quote(str(configfile))}"
    places = [shlex.quote(str(each.output)) for each in damage]
    verb = "deleted:" if deleted else "rm -r --"
    # Outputs are also named as targets, so that they are made even if no newer file depends on them.
    targets = [*places, *([] if shlex.quote(target) in places else [shlex.quote(target)])]
    return [f"{verb} {' '.join(places)}", f"snakemake --cores all {' '.join(targets)}{config}"]
