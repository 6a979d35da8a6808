"""What goes in: releases, the labelled set, the virtual cohort, and how radiographs are prepared."""

from typing import Literal

from pydantic import Field, model_validator

from cxrfactory.config.sections import Section, Share


class CohortConfig(Section):
    """The embedded default: virtual patients deformed from one real chest CT."""

    folder: str = Field("results/cohort", description="where it is made; the default releases stand in it")
    patients: int = Field(160, ge=4, description="virtual patients")
    labelled: int = Field(104, ge=2, description="how many of them are the labelled training set")
    scans: int = Field(64, ge=1, description="virtual patients that are also written as a release of chest CT")
    scan_spacing_mm: float = Field(2.0, gt=0, le=10, description="voxel size of those scans")
    findings: Share = Field(
        0.0, description="chance of each of four virtual lung findings on frontal films of the release with reports"
    )
    with_reports: Share = Field(0.5, description="share of the patients not labelled that are in that release")
    release_size: int = Field(1024, ge=96, description="scale of the releases' radiographs, pixels")
    seed: int = Field(0, ge=0, description="another seed makes another cohort")

    @model_validator(mode="after")
    def _some_are_released(self) -> "CohortConfig":
        if self.labelled >= self.patients:
            raise ValueError(f"labelled is {self.labelled}; expected fewer than patients ({self.patients})")
        return self


class ReportsConfig(Section):
    """Where the reports of a dataset are, and how they are kept."""

    source: str = Field(description="Folder, .zip or .tar.gz of reports, or a CSV table.")
    layout: str = Field(description="How the reports are kept; docs/reports.md describes the layouts.")


class DatasetConfig(Section):
    """One hospital's radiographs, under a name of the user's own."""

    root: str = Field(description="Folder of the dataset, as downloaded.")
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
        "number where the dataset has the layout's name, else 1.",
    )
    view_from_procedure: bool = Field(
        False,
        description="Let the text of the procedure decide where the view is missing; only for layouts with that text.",
    )
    check_files: bool = Field(False, description="Look for every image file at ingest already.")
    follow_links: bool = Field(False, description="Let links in root lead out of it, for trees of links.")
    reports: ReportsConfig | None = Field(None, description="Reports of the dataset: source and layout. Null: none.")
    labels: str | None = Field(
        None,
        description="CSV of the dataset's CheXpert labels, by study_id or image id. Null: its own table, where it has "
        "one.",
    )


class ScanConfig(Section):
    """One release of chest CT with labels."""

    root: str = Field(description="folder of the release, as downloaded; only read")
    ct: str = Field(
        "{study}/ct.nii.gz",
        description="where a study's CT is: {study} stands for its id, * for anything; a file or a DICOM folder",
    )
    labels: str = Field(
        "{study}/labels.nii.gz", description="where its labels are: one volume, or a folder of one file a structure"
    )
    names: str | None = Field(None, description="table of label values and names, in root; for one-volume labels")
    patient: str | None = Field(
        None, description="regular expression whose first group takes the patient out of the study id; none: one each"
    )
    axes: str | None = Field(
        None, description="sides to which the stored axes grow, e.g. RAS; only for files without an orientation"
    )
    spacing_mm: list[float] | None = Field(None, description="voxel size along the stored axes; goes with axes")
    follow_links: bool = Field(False, description="let links in root lead out of it, for trees of links")
    shards: int = Field(1, ge=1, le=9999, description="files that its studies are split into; some 100 studies each")

    @model_validator(mode="after")
    def _patterns(self) -> "ScanConfig":
        for name in ("ct", "labels"):
            if "{study}" not in getattr(self, name):
                raise ValueError(f"{name} is '{getattr(self, name)}'; expected a path that holds {{study}}")
        if (self.axes is None) != (self.spacing_mm is None):
            raise ValueError("axes and spacing_mm go together; give both or neither")
        if self.spacing_mm is not None and (len(self.spacing_mm) != 3 or min(self.spacing_mm) <= 0):
            raise ValueError(f"spacing_mm is {self.spacing_mm}; expected three lengths above 0")
        return self


class LabelledConfig(Section):
    """The labelled training set, in the layout of the Chest-xray-landmark dataset."""

    root: str = Field("results/cohort/labelled", description="folder with RL/, LL/, H/ and clinical.csv")
    images: dict[str, str] = Field(
        {"Virtual": "results/cohort/labelled/images"}, description="image folder of each source named in clinical.csv"
    )
    train_list: str | None = Field(None, description="text file of training ids, one a line")
    val_list: str | None = Field(None, description="text file of validation ids, one a line")
    val_fraction: Share = Field(0.1, description="share of patients for validation where there are no lists")


class PreprocessConfig(Section):
    """Radiograph file to square 8-bit image."""

    size: int = Field(1024, ge=64, le=4096, description="side of the preprocessed image, pixels")
    remove_borders: bool = Field(True, description="cut uniform black or white borders")
    equalise: bool = Field(False, description="equalise the histogram of the whole image")
    clahe_clip: float | None = Field(
        None, gt=0, description="CLAHE clip limit in the engine's unit (opencv 2-4, skimage 0.01); none leaves it out"
    )
    clahe_tiles: int = Field(8, ge=1, le=64, description="CLAHE tiles a side")
    clahe_engine: Literal["opencv", "skimage"] = Field(
        "opencv", description="opencv: clip in multiples of the mean bin; skimage: in shares of a tile's pixels"
    )
    max_megapixels: float = Field(100, gt=0, description="larger images are rejected unread")
    burnt_in: Literal["reject", "keep"] = Field(
        "reject", description="DICOM whose header says that its pixels name the patient (0028,0301): docs/privacy.md"
    )
