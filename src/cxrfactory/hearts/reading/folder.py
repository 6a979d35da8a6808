"""Reading of a folder of examinations into the table of cases, with those that cannot be read and why."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.hearts.case_table import HeartCase, write_cases
from cxrfactory.hearts.reading.heart import HeartReading, examine_heart
from cxrfactory.hearts.reading.nifti_names import is_label_file, stem, without_label_words
from cxrfactory.hearts.reading.rules import HeartRules
from cxrfactory.imaging.volume.nifti import SUFFIXES
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


def examinations(folder: str | Path) -> list[Path]:
    """Return the examinations of a folder by name: each folder in it, and each NIfTI file.

    Raises
    ------
    CxrError
        If the folder is missing or holds no such thing.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CxrError(f"{folder}: no such folder; expected a folder of examinations")
    found = [
        path
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".") and (path.is_dir() or path.name.lower().endswith(SUFFIXES))
    ]
    if not found:
        raise CxrError(f"{folder}: no examinations; expected one folder or one NIfTI file for each")
    return found


def read_hearts(
    folder: str | Path, rules: HeartRules | None = None, name: Callable[[str], str] = str
) -> Iterator[HeartReading | Unread]:
    """Read all examinations of a folder, one after the other.

    Parameters
    ----------
    folder
        Folder with a folder or a NIfTI file for each examination (:func:`examinations`).
    rules
        Rules of reading.
    name
        Gives a case its id by the name of its folder or file, such as a pseudonym.

    Yields
    ------
    HeartReading | Unread
        What was read, or why nothing was, in the order of the names.
    """
    found = examinations(folder)
    labels, alone = _labels(found)
    for place in progress(found, "read hearts"):
        case_id = name(stem(place))
        if place in alone:
            yield Unread(case_id, f"{place.name}: labels by its name, without an image beside it; expected an image")
        if _is_labels(place):
            continue
        try:
            reading = examine_heart(place, rules, case_id)
        except ImageError as error:
            yield Unread(case_id, str(error))
            continue
        many = labels.get(place, 0)
        yield replace(reading, notes=(f"{many} label files left aside", *reading.notes)) if many else reading


def _is_labels(place: Path) -> bool:
    return is_label_file(place) and not place.is_dir()


def _labels(found: Sequence[Path]) -> tuple[Counter[Path], set[Path]]:
    """Return how many label files each image has beside it, and the label files of no image."""
    images = {without_label_words(place): place for place in found if not _is_labels(place)}
    labels = [(place, images.get(without_label_words(place))) for place in found if _is_labels(place)]
    return Counter(image for _, image in labels if image), {place for place, image in labels if image is None}


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
