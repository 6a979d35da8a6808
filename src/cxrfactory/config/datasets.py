"""Datasets of radiographs, and their reports."""

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from cxrfactory.config.sections import LocalPath, Section

FROM_HEADER, ALL_FRONTAL = "from-header", "all-frontal"
# Words that say where the patient or study of an image is found; any other text is a pattern.
FOLDER_LEVEL = re.compile(r"folder-([1-9][0-9]?)")
IMAGE_ID = "image_id"


class ReportsConfig(Section):
    """Where the reports of a dataset are, and how they are kept."""

    source: LocalPath = Field(description="Folder, .zip or .tar.gz of reports, or a CSV table.")
    layout: str = Field(description="How the reports are kept; docs/reports.md describes the layouts.")


class TableColumnsConfig(Section):
    """Names of the columns in the table of a folder of your own; null: the column of the key's own name, if any."""

    image_id: str | None = Field(None, description="Id of the image; without it, the path in the table is the id.")
    path: str | None = Field(
        None, description="Path or file name of the image; without it, the id names the image's file."
    )
    patient_id: str | None = Field(None, description="Patient of the image.")
    study_id: str | None = Field(None, description="Study of the image, which reports are joined by.")
    view: str | None = Field(None, description="View, such as PA.")
    sex: str | None = Field(None, description="Sex: F, M or O.")
    age: str | None = Field(None, description="Age in years, or as in DICOM (058Y).")
    findings: str | None = Field(None, description="Findings, separated by a vertical bar or a semicolon.")


class FolderSourcesConfig(Section):
    """Where the facts about the images in a folder of your own are found."""

    table: LocalPath | None = Field(
        None,
        description="Only for a folder of your own: table of its images (CSV or Parquet), relative to root. Null: "
        "every image file is a row.",
    )
    view: Literal["from-header", "all-frontal"] | None = Field(
        None,
        description="Only for a folder of your own: from-header takes missing views from DICOM headers, all-frontal "
        "counts every image as frontal. Null: the table says the views.",
    )
    sex: Literal["from-header"] | None = Field(
        None, description="Only for a folder of your own: from-header takes a missing sex from DICOM headers."
    )
    age: Literal["from-header"] | None = Field(
        None, description="Only for a folder of your own: from-header takes a missing age from DICOM headers."
    )
    patient: str | None = Field(
        None,
        description="Only for a folder of your own, where the table names no patient: from-header, folder-1 (name of "
        "the first folder below root, folder-2 of the second), or a regular expression whose first group is the "
        "patient in the image's path.",
    )
    study: str | None = Field(
        None,
        description="Only for a folder of your own, where the table names no study: as for patient, or image_id, which "
        "makes each image a study.",
    )
    pseudonymise: bool = Field(
        False,
        description="Only for a folder of your own: replace the ids of images, patients and studies by keyed hashes.",
    )
    private: LocalPath | None = Field(
        None,
        description="Folder for the key of the pseudonyms, keys.csv and links to the images, outside results and root; "
        "it stays with you. Null: private/ and the dataset's name.",
    )

    @field_validator("patient", "study")
    @classmethod
    def _is_place_or_pattern(cls, text: str | None) -> str | None:
        if text is None or text in (FROM_HEADER, IMAGE_ID) or FOLDER_LEVEL.fullmatch(text):
            return text
        try:
            groups = re.compile(text).groups
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"not a regular expression ({error})") from error
        if groups < 1:
            raise ValueError(
                "expected from-header, folder-1 (or another level), or a regular expression with a group in brackets"
            )
        return text

    @model_validator(mode="after")
    def _an_image_is_no_patient(self) -> "FolderSourcesConfig":
        if self.patient == IMAGE_ID:
            raise ValueError("patient: image_id is for studies only; leave patient out where none is known")
        return self


class FolderConfig(FolderSourcesConfig):
    """What describes a folder of your own."""

    columns: TableColumnsConfig | None = Field(
        None,
        description="Only for a folder of your own: column of the table for each of image_id, path, patient_id, "
        "study_id, view, sex, age and findings. Null: columns of these names.",
    )
    frontal: list[str] | None = Field(
        None,
        min_length=1,
        description="Only for a folder of your own: values of the view that count as frontal. Null: PA and AP.",
    )

    def folder_keys(self) -> list[str]:
        """Return the keys for a folder of your own that have a value other than the default."""
        fields = FolderConfig.model_fields
        return [name for name in fields if getattr(self, name) != fields[name].default]


class ReleaseConfig(Section):
    """What describes the files of any dataset."""

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
    exclude: LocalPath | None = Field(
        None,
        description="CSV table of verdicts with the columns dataset, image_id and verdict, as browse exports it: "
        "images whose verdict is bad are excluded. Null: none.",
    )
    reports: ReportsConfig | None = Field(None, description="Reports of the dataset: source and layout. Null: none.")
    labels: LocalPath | None = Field(
        None,
        description="CSV of the dataset's CheXpert labels, by study_id or image id. Null: its own table, where it has "
        "one.",
    )


class DatasetConfig(FolderConfig, ReleaseConfig):
    """One hospital's radiographs, under a name of the user's own."""
