"""How releases keep their reports: one reader a layout, from a source to studies with their sections.

A reader yields a :class:`Found` for each report, readable or not; only faults of the whole source are raised.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.ingest.reports.files import LARGEST_BYTES, report_files
from cxrfactory.ingest.reports.indiana import read_indiana
from cxrfactory.tables.report_headings import SECTIONS
from cxrfactory.tables.report_sections import merge_sections, parse_sections

_MIMIC_FILE = re.compile(r"s(\d+)\.txt", re.IGNORECASE)


@dataclass(frozen=True)
class Found:
    """One report: its sections, or the reason why there are none.

    Attributes
    ----------
    path
        Where it stands within the source.
    study_id
        Null where it cannot be told.
    sections
        Text by name of section, each on one line.
    fault
        Why the report cannot be read; null where it can.
    """

    path: str
    study_id: str | None
    sections: dict[str, str]
    fault: str | None = None


def read_text(source: Path, follow_links: bool = False) -> Iterator[Found]:
    """Text files, one a study, whose name without ``.txt`` is the study's id."""
    yield from _texts(source, lambda name: PurePosixPath(name).stem, follow_links)


def read_mimic(source: Path, follow_links: bool = False) -> Iterator[Found]:
    """MIMIC-CXR: ``mimic-cxr-reports.zip``, or its folder, with ``files/p10/p<subject>/s<study>.txt``."""
    yield from _texts(source, _mimic_study, follow_links)


def read_xml(source: Path, follow_links: bool = False) -> Iterator[Found]:
    """Indiana University (Open-i): ``NLMCXR_reports.tgz``, or its folder, with ``ecgen-radiology/<n>.xml``."""
    for path, read in report_files(source, ".xml", follow_links):
        try:
            study, pieces = read_indiana(read())
        except ImageError as error:
            yield Found(path, None, {}, str(error))
        else:
            yield Found(path, study, merge_sections(pieces))


def read_table(source: Path, follow_links: bool = False) -> Iterator[Found]:
    """CSV table with ``study_id`` and a column ``report``, or columns named like sections, or both.

    What stands in a section's own column goes before what is found in the report.
    """
    from cxrfactory.ingest.tabular import read_columns

    if not source.is_file():
        raise CxrError(f"{source}: no such file; expected a CSV table of reports")
    frame = read_columns(source, ["study_id"], ["report", *SECTIONS])
    names = [name for name in frame.columns if name != "study_id"]
    if not names:
        raise CxrError(f"{source}: no column holds text; expected 'report' or sections such as 'findings'")
    for number, row in enumerate(frame.to_dict("records"), start=1):
        place = f"{source.name}:{number}"
        if not row["study_id"].strip():
            yield Found(place, None, {}, "study_id is empty")
            continue
        if max(len(row[name]) for name in names) > LARGEST_BYTES:
            yield Found(
                place, row["study_id"].strip(), {}, f"text of more than {LARGEST_BYTES} signs; expected a report"
            )
            continue
        sections = parse_sections(row.get("report", ""))
        own = merge_sections((name, row[name]) for name in SECTIONS if name in names)
        yield Found(place, row["study_id"].strip(), sections | own)


LAYOUTS: dict[str, Callable[[Path, bool], Iterator[Found]]] = {
    "text": read_text,
    "mimic": read_mimic,
    "indiana": read_xml,
    "table": read_table,
}


def _mimic_study(path: str) -> str:
    match = _MIMIC_FILE.fullmatch(PurePosixPath(path).name)
    if match is None:
        raise ImageError("file name is not s<study>.txt")
    return match[1]


def _texts(source: Path, study_of: Callable[[str], str], follow_links: bool) -> Iterator[Found]:
    for path, read in report_files(source, ".txt", follow_links):
        study = None
        try:
            study = study_of(path)
            text = read().decode("utf-8-sig")
            if "\0" in text:
                raise ImageError("file holds zero bytes; expected text")
        except UnicodeDecodeError as error:
            yield Found(path, study, {}, f"not UTF-8 text (byte {error.start})")
        except ImageError as error:
            yield Found(path, study, {}, str(error))
        else:
            yield Found(path, study, parse_sections(text))
