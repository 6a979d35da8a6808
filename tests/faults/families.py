"""The corpus by family: how a case is run, and the cases."""

from collections.abc import Callable
from pathlib import Path

from .corpus import dicom, jpeg, labelled, other_files, png, reports, series, tables, values, volumes
from .corpus.case import Case
from .runners import Result, run_labelled, run_radiograph, run_reports, run_study, run_table, run_value

FAMILIES: dict[str, tuple[Callable[[Case, Path], Result], list[Case]]] = {
    "radiographs": (run_radiograph, [*png.CASES, *jpeg.CASES, *dicom.CASES, *other_files.CASES]),
    "studies": (run_study, [*volumes.CASES, *series.CASES]),
    "labelled": (run_labelled, labelled.CASES),
    "reports": (run_reports, reports.CASES),
    "tables": (run_table, tables.CASES),
    "values": (run_value, values.CASES),
}
