"""Arrow schemas of the tables of reports, which have one row per study."""

import pyarrow as pa

from cxrfactory.tables.report_headings import SECTIONS

REPORTS = pa.schema(
    [
        pa.field("study_id", pa.string(), nullable=False),  # as in the release's manifest
        pa.field("path", pa.string(), nullable=False),  # path of the report within the source
        *(pa.field(name, pa.string()) for name in SECTIONS),  # text on one line; null if the report lacks the section
        pa.field("report", pa.string()),  # the text of the dataset; null if excluded
        pa.field("report_source", pa.string()),  # names of its sections: findings+impression, comparison, ...
        pa.field("exclusion_reason", pa.string()),  # null if there is a report
    ]
)

REJECTED_REPORTS = pa.schema(
    [
        pa.field("study_id", pa.string()),  # null if unknown
        pa.field("path", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
