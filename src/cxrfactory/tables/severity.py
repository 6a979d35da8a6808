"""Arrow schema of the table of severity: one row per report and finding that it mentions."""

import pyarrow as pa

POLARITIES = ("present", "uncertain", "absent", "history")  # the first counts before the others within one section
GRADES = ("negative", "unspecified", "borderline", "mild", "moderate", "severe")
CHANGES = ("none", "unchanged", "increased", "decreased", "new", "resolved")
# none; "within": one section says that it is there and that it is not; "between": two sections do so.
CONTRADICTIONS = ("none", "within", "between")

SEVERITY = pa.schema(
    [
        pa.field("study_id", pa.string(), nullable=False),  # as in the table of reports
        pa.field("finding", pa.string(), nullable=False),  # a name of the table of findings
        pa.field("polarity", pa.string(), nullable=False),
        pa.field("grade", pa.string(), nullable=False),  # negative where the finding is absent
        pa.field("change", pa.string(), nullable=False),  # compared with an earlier examination
        pa.field("contradiction", pa.string(), nullable=False),
        pa.field("mentions", pa.int32(), nullable=False),  # sentences that mention the finding
        pa.field("section", pa.string(), nullable=False),  # column of the table of reports with the words that decided
        pa.field("sentence", pa.int32(), nullable=False),  # from 0, through the sections in the order they are read
        pa.field("start", pa.int32(), nullable=False),  # first character of the words in the section's text
        pa.field("end", pa.int32(), nullable=False),  # the character after their last
    ]
)
