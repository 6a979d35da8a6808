"""Collect the reports of a release in one table; excluded and rejected reports are listed with a reason."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from cxrfactory.config import ReportsConfig
from cxrfactory.errors import CxrError
from cxrfactory.ingest.reports.found import Found
from cxrfactory.ingest.reports.registry import reader
from cxrfactory.ingest.rows import printable
from cxrfactory.logs import get_logger
from cxrfactory.tables.atomic import text_file
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.pseudonyms import Pseudonyms, open_pseudonyms
from cxrfactory.tables.report_headings import SECTIONS
from cxrfactory.tables.report_sections import join_report
from cxrfactory.tables.reports import REJECTED_REPORTS, REPORTS

STAGE = "reports"
NOTHING = "the report holds neither findings, impression nor comparison"

log = get_logger(__name__)


def collect_reports(
    settings: ReportsConfig,
    output: str | Path,
    rejected: str | Path,
    summary: str | Path | None = None,
    follow_links: bool = False,
    private: str | Path | None = None,
) -> dict[str, int]:
    """Write the reports of a release as a table of sections.

    Parameters
    ----------
    settings
        ``source`` is the folder, archive or table with the reports, which is only read. ``layout`` is one of
        :data:`cxrfactory.ingest.reports.registry.NAMES`.
    output
        Parquet file to write, schema ``REPORTS``, sorted by ``study_id``.
    rejected
        Parquet file to write of the reports that cannot be used, schema ``REJECTED_REPORTS``, sorted by ``path``.
    summary
        CSV file to write with the counts.
    follow_links
        Follow links in a folder of reports that lead out of it.
    private
        Private folder of pseudonyms. With it, the tables and messages hold the pseudonyms of studies, and neither
        original ids nor names of files.

    Returns
    -------
    dict of str to int
        The counts; see :func:`count`.

    Raises
    ------
    CxrError
        If the layout is unknown, if the source cannot be read, or if none of its reports can be read.
    """
    source, read = Path(settings.source), reader(settings.layout)
    label = str(source) if private is None else "the source of the reports"
    try:
        found = list(read(source, follow_links))
    except CxrError as error:
        raise CxrError(str(error).replace(str(source), label)) from error
    rows, faults = _sort_out(found if private is None else _pseudonymised(found, open_pseudonyms(private)))
    if rows.empty and faults.empty:
        raise CxrError(f"{label}: no report in it; expected at least one")
    if rows.empty:
        raise CxrError(f"{label}: none of {len(faults)} reports can be read; first: {faults['reason'].iloc[0]}")
    counts = count(rows, len(faults))
    write_table(faults, rejected, REJECTED_REPORTS)
    write_table(rows, output, REPORTS)
    if summary is not None:
        with text_file(summary) as stream:
            stream.write("what,reports\n")
            stream.writelines(f"{name},{number}\n" for name, number in counts.items())
    log.info(
        "%s: %d reports, %d with a text (%d of findings and impression, %d of a comparison alone), %d without, "
        "%d rejected",
        label, counts["reports"], counts["used"], counts["source findings+impression"],
        counts["source comparison"], counts["excluded"], counts["rejected"],
    )  # fmt: skip
    log.info("wrote %s", output)
    return counts


def count(rows: pd.DataFrame, rejected: int) -> dict[str, int]:
    """Count a table of reports.

    Returns
    -------
    dict of str to int
        ``reports`` = ``used`` + ``excluded`` + ``rejected``. ``section <name>`` is the number of reports with that
        section. ``source <sections>`` is the number of texts that are made of those sections.
    """
    counts = {
        "reports": len(rows) + rejected,
        "used": int(rows["report"].notna().sum()),
        "excluded": int(rows["report"].isna().sum()),
        "rejected": rejected,
    }
    counts |= {f"section {name}": int(rows[name].notna().sum()) for name in SECTIONS}
    sources = ("findings+impression", "findings", "impression", "unheaded", "comparison")
    return counts | {f"source {name}": int((rows["report_source"] == name).sum()) for name in sources}


def _pseudonymised(found: list[Found], pseudonyms: Pseudonyms) -> list[Found]:
    return [
        replace(
            one,
            path=pseudonyms.of("report", one.path),
            study_id=None if one.study_id is None else pseudonyms.of("study", one.study_id),
        )
        for one in found
    ]


def _sort_out(found: list[Found]) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows, faults, first = [], [], {}
    # Sorting makes the choice between two reports of a study independent of the order of files in an archive.
    for one in sorted(found, key=lambda one: one.path):
        fault = one.fault
        if fault is None and one.study_id in first:
            fault = f"the study has a report already, {printable(first[one.study_id], 200)}"
        if fault is not None or one.study_id is None:
            log.warning("rejected %s: %s", printable(one.study_id or one.path, 200), fault)
            faults.append({"study_id": one.study_id, "path": one.path, "stage": STAGE, "reason": fault})
            continue
        first[one.study_id] = one.path
        joined = join_report(one.sections)
        rows.append(
            {
                "study_id": one.study_id,
                "path": one.path,
                **{name: one.sections.get(name) for name in SECTIONS},
                "report": joined.text if joined else None,
                "report_source": joined.source if joined else None,
                "exclusion_reason": None if joined else NOTHING,
            }
        )
    rows.sort(key=lambda row: row["study_id"])
    return _frame(rows, REPORTS.names), _frame(faults, REJECTED_REPORTS.names)


def _frame(rows: list[dict], names: list[str]) -> pd.DataFrame:
    # With dtype object, a column that contains only nulls does not change.
    return pd.DataFrame(rows, columns=names, dtype=object)
