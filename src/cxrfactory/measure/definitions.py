"""The table of definitions: what each measurement is, where it comes from, and how it is graded."""

from cxrfactory.config.measure import MeasureConfig
from cxrfactory.geometry.measurement import DEFINITIONS
from cxrfactory.measure.grading import scale_of

DEFINITION_COLUMNS = (
    "measurement", "title", "unit", "views", "sentence", "source", "mild", "moderate", "severe", "margin",
    "cuts_source",
)  # fmt: skip


def definition_rows(settings: MeasureConfig) -> list[list[str]]:
    """Return a row for each measurement, with the columns of :data:`DEFINITION_COLUMNS`."""
    rows = []
    for name, each in DEFINITIONS.items():
        scale = scale_of(name, settings)
        grades = [""] * 5 if scale is None else [*(f"{cut:g}" for cut in scale.cuts), f"{scale.margin:g}", scale.source]
        views = each.views if isinstance(each.views, str) else "|".join(each.views)
        rows.append([name, each.title, each.unit, views, each.sentence, each.source, *grades])
    return rows
