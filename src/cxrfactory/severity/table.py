"""Stage severity: a table of reports becomes a table of findings with polarity, grade and place."""

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from cxrfactory.config.severity import SeverityConfig
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger, progress
from cxrfactory.severity.language import in_english
from cxrfactory.severity.lexicon import lexicon
from cxrfactory.severity.reports import ADDENDUM, OTHERWISE, SECTIONS, read_report, read_sections
from cxrfactory.tables.atomic import text_file
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.reports import REPORTS
from cxrfactory.tables.severity import GRADES, POLARITIES, SEVERITY

_COLUMNS = ["study_id", *SECTIONS, *OTHERWISE, ADDENDUM]
_SUMMARY = ("finding", "polarity", "grade", "reports", "contradictions_within", "contradictions_between")

log = get_logger(__name__)


def write_severity(
    reports: str | Path, output: str | Path, summary: str | Path | None = None, settings: SeverityConfig | None = None
) -> dict[str, int]:
    """Write what reports say about each finding.

    Parameters
    ----------
    reports
        Table of reports, schema :data:`cxrfactory.tables.reports.REPORTS`; it is only read.
    output
        Parquet file to write, schema :data:`cxrfactory.tables.severity.SEVERITY`, sorted by study and finding.
    summary
        CSV file to write with the number of reports by finding, polarity and grade, and their contradictions.
    settings
        Tables of phrases; None takes those of the package.

    Returns
    -------
    dict of str to int
        ``reports``; ``read``: those in English with findings, impression or a text without headings; ``rows``;
        ``within`` and ``between``: rows with a contradiction.

    Raises
    ------
    CxrError
        If the table of reports or a table of phrases cannot be read.
    """
    settings = settings or SeverityConfig()
    words = lexicon(settings.findings, settings.cues)
    if Path(reports).suffix.lower() == ".csv":
        raise CxrError(
            f"{reports}: a CSV table; expected the table (.parquet) that stage reports makes of it: "
            f"stage reports {reports} --layout table --output FILE.parquet"
        )
    schema = pa.schema([REPORTS.field(name) for name in _COLUMNS])
    given = read_table(reports, schema).sort_values("study_id", kind="stable")
    rows: list[dict[str, Any]] = []
    read, foreign = 0, []
    for record in progress(given.to_dict("records"), "severity"):
        sections = {name: text for name, text in record.items() if name != "study_id" and isinstance(text, str)}
        if not in_english(" ".join(sections[name] for name in read_sections(sections))):
            foreign.append(record["study_id"])
            continue
        read += bool(read_sections(sections))
        rows += ({"study_id": record["study_id"], **row} for row in read_report(sections, words))
    counts = {"reports": len(given), "read": read, "rows": len(rows)}
    counts |= {kind: sum(row["contradiction"] == kind for row in rows) for kind in ("within", "between")}
    write_table(pd.DataFrame(rows, columns=SEVERITY.names), output, SEVERITY, sort=False)
    if summary is not None:
        _write_summary(rows, list(words.titles), summary)
    log.info(
        "%s: %d reports, %d with findings, impression or text; %d rows; contradictions: %d within a section, "
        "%d between sections",
        reports, counts["reports"], read, len(rows), counts["within"], counts["between"],
    )  # fmt: skip
    if foreign:
        log.warning(
            "%s: %d of %d reports are not in English and were not read, such as that of study %s",
            reports, len(foreign), len(given), foreign[0],
        )  # fmt: skip
    log.info("wrote %s", output)
    return counts


def _write_summary(rows: list[dict[str, Any]], findings: list[str], path: str | Path) -> None:
    reports = Counter((row["finding"], row["polarity"], row["grade"]) for row in rows)
    against = Counter((row["finding"], row["polarity"], row["grade"], row["contradiction"]) for row in rows)
    order = sorted(reports, key=lambda key: (findings.index(key[0]), POLARITIES.index(key[1]), GRADES.index(key[2])))
    with text_file(path) as stream:
        stream.write(",".join(_SUMMARY) + "\n")
        for key in order:
            counts = (reports[key], against[(*key, "within")], against[(*key, "between")])
            stream.write(",".join((*key, *map(str, counts))) + "\n")
