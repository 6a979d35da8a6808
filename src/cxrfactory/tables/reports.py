"""Arrow schemas of the tables of reports, one row a study."""

import pyarrow as pa

from cxrfactory.tables.report_headings import SECTIONS

REPORTS = pa.schema(
    [
        pa.field("study_id", pa.string(), nullable=False),  # as the release's manifest has it
        pa.field("path", pa.string(), nullable=False),  # of the report, within the source
        *(pa.field(name, pa.string()) for name in SECTIONS),  # on one line; null where the report has none
        pa.field("report", pa.string()),  # the text of the dataset; null where excluded
        pa.field("report_source", pa.string()),  # sections that it is made of: findings+impression, comparison, ...
        pa.field("exclusion_reason", pa.string()),  # null where there is a report
    ]
)

REJECTED_REPORTS = pa.schema(
    [
        pa.field("study_id", pa.string()),  # null where it cannot be told
        pa.field("path", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
