"""Reading of a folder of examinations into the table of cases, with those that cannot be read and why."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from cxrfactory.errors import ImageError
from cxrfactory.hearts.case_table import HeartCase, write_cases
from cxrfactory.hearts.reading.examinations import examinations, same_study
from cxrfactory.hearts.reading.heart import HeartReading, examine_heart
from cxrfactory.hearts.reading.nifti_names import stem
from cxrfactory.hearts.reading.rules import HeartRules
from cxrfactory.hearts.views import LONG_AXIS
from cxrfactory.logs import progress
from cxrfactory.tables.parquet import table_writer, write_table
from cxrfactory.tables.schemas import REJECTED

STAGE = "read-hearts"

READINGS = pa.schema(
    [
        pa.field("case_id", pa.string(), nullable=False),
        pa.field("frames", pa.list_(pa.string()), nullable=False),  # times in the table of cases
        pa.field("views", pa.list_(pa.string()), nullable=False),  # long-axis views
        pa.field("slices", pa.int32(), nullable=False),  # short-axis slices
        pa.field("phases", pa.list_(pa.float64()), nullable=False),  # of all times, share of the cycle
        pa.field("pool_mm2", pa.list_(pa.float64()), nullable=False),  # blood pool at these times
        # across and down of each slice against the long-axis planes, mm; null where unknown
        pa.field("shifts_mm", pa.list_(pa.float64()), nullable=False),
        pa.field("misalignment_mm", pa.float64()),  # largest of them against the median; null where unknown
        pa.field("notes", pa.list_(pa.string()), nullable=False),
    ]
)


@dataclass(frozen=True)
class Unread:
    """An examination that cannot be read, and the reason in one line."""

    case_id: str
    reason: str


def read_hearts(
    folder: str | Path, rules: HeartRules | None = None, name: Callable[[str], str] = str
) -> Iterator[HeartReading | Unread]:
    """Read all examinations of a folder, one after the other.

    Parameters
    ----------
    folder
        Folder with a folder or a NIfTI file for each examination
        (:func:`cxrfactory.hearts.reading.examinations.examinations`).
    rules
        Rules of reading.
    name
        Gives a case its id by the name of its folder or file, such as a pseudonym.

    Yields
    ------
    HeartReading | Unread
        What was read, or why nothing was, in the order of the names; then the files that are no examination.
    """
    found = examinations(folder)
    shared = same_study(found.places)
    cases: dict[str, list[Path]] = defaultdict(list)
    for place in found.places:
        cases[name(stem(place))].append(place)
    for case_id, places in progress(list(cases.items()), "read hearts"):
        place = places[0]
        if len(places) > 1:
            told = " and ".join(each.name for each in places)
            yield Unread(case_id, f"{told} are one case by their names, '{case_id}'; expected one of them; rename one")
            continue
        try:
            reading = examine_heart(place, rules, case_id)
        except ImageError as error:
            yield Unread(case_id, f"{error}; {_shared(shared[place])}" if place in shared else str(error))
            continue
        remarks = [f"{found.labels[place]} label files left aside"] if found.labels[place] else []
        if place in shared and len(reading.views[0].long_axis) < len(LONG_AXIS):
            remarks.append(_shared(shared[place]))
        yield replace(reading, notes=(*remarks, *reading.notes))
    for path, reason in found.aside.items():
        yield Unread(name(path.name), reason)


def _shared(many: int) -> str:
    return (
        f"{many} folders here are of one patient and study; expected one folder for each examination; put them into "
        "one folder, or give the folder above as root"
    )


def write_hearts(
    folder: str | Path,
    cases: str | Path,
    rejected: str | Path,
    readings: str | Path,
    rules: HeartRules | None = None,
    name: Callable[[str], str] = str,
) -> tuple[int, int]:
    """Write the examinations of a folder as a table of cases.

    Parameters
    ----------
    folder, rules, name
        As in :func:`read_hearts`.
    cases
        Table of cases to write, one row a case and time; its facts are ``phase``, and ``misalignment_mm`` if known.
    rejected
        Table of the examinations that cannot be read.
    readings
        Table of :data:`READINGS`: what was found in each examination, with notes.

    Returns
    -------
    Numbers of examinations read and rejected.
    """
    told: list[dict] = []
    refused: list[dict] = []

    def read() -> Iterator[HeartCase]:
        for each in read_hearts(folder, rules, name):
            if isinstance(each, Unread):
                refused.append({"image_id": each.case_id, "path": None, "stage": STAGE, "reason": each.reason})
                continue
            told.append(_reading_row(each))
            yield from heart_cases(each)

    write_cases(cases, read())
    write_table(pd.DataFrame(refused, columns=REJECTED.names), rejected, REJECTED)
    with table_writer(readings, READINGS) as writer:
        writer.write_table(pa.Table.from_pylist(told, schema=READINGS))
    return len(told), len(refused)


def heart_cases(reading: HeartReading) -> list[HeartCase]:
    """Return a reading as rows of the table of cases, without meshes."""
    known = {} if reading.misalignment_mm is None else {"misalignment_mm": reading.misalignment_mm}
    return [
        HeartCase(views, facts={"phase": float(phase), **known})
        for views, phase in zip(reading.views, reading.view_phases, strict=True)
    ]


def _reading_row(reading: HeartReading) -> dict:
    first = reading.views[0]
    return {
        "case_id": first.case_id,
        "frames": [views.frame for views in reading.views],
        "views": sorted(first.long_axis),
        "slices": len(first.short_axis),
        "phases": reading.phases.tolist(),
        "pool_mm2": reading.pool_mm2.tolist(),
        "shifts_mm": [shift if np.isfinite(shift) else None for shift in reading.shifts_mm.reshape(-1).tolist()],
        "misalignment_mm": reading.misalignment_mm,
        "notes": list(reading.notes),
    }
