"""Datasets of radiographs, and their reports."""

from pydantic import Field

from cxrfactory.config.sections import LocalPath, Section


class ReportsConfig(Section):
    """Where the reports of a dataset are, and how they are kept."""

    source: LocalPath = Field(description="Folder, .zip or .tar.gz of reports, or a CSV table.")
    layout: str = Field(description="How the reports are kept; docs/reports.md describes the layouts.")


class DatasetConfig(Section):
    """One hospital's radiographs, under a name of the user's own."""

    root: LocalPath = Field(description="Folder of the dataset, as downloaded.")
    layout: str | None = Field(
        None,
        description="How the files lie in root; docs/ingest.md describes the layouts. Null: the layout that has the "
        "dataset's name.",
    )
    shards: int | None = Field(
        None,
        ge=1,
        le=9999,
        description="Number of files that the images are split into; 1,000 to 5,000 images each. Null: the layout's "
        "number.",
    )
    view_from_procedure: bool = Field(
        False,
        description="Let the text of the procedure decide where the view is missing; only for layouts with that text.",
    )
    check_files: bool = Field(False, description="Look for every image file at ingest already.")
    follow_links: bool = Field(False, description="Let links in root lead out of it, for trees of links.")
    reports: ReportsConfig | None = Field(None, description="Reports of the dataset: source and layout. Null: none.")
    labels: LocalPath | None = Field(
        None,
        description="CSV of the dataset's CheXpert labels, by study_id or image id. Null: its own table, where it has "
        "one.",
    )
