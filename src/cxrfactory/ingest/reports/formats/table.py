"""Reports in a CSV table with ``study_id``, and with a column ``report``, columns named like sections, or both."""

from collections.abc import Iterator
from pathlib import Path

from cxrfactory.errors import CxrError
from cxrfactory.ingest.reports.files import LARGEST_BYTES
from cxrfactory.ingest.reports.found import Found
from cxrfactory.tables.report_headings import SECTIONS
from cxrfactory.tables.report_sections import merge_sections, parse_sections


def read(source: Path, follow_links: bool = False) -> Iterator[Found]:
    """Yield the reports of a table.

    The text in the column of a section takes precedence over the same section in the column ``report``.

    Raises
    ------
    CxrError
        If the table is missing or unreadable, or if it has no column with texts.
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
