"""Settings of the inputs: releases, the labelled set, the virtual cohort, and the preparation of radiographs."""

from typing import Literal

from pydantic import Field, model_validator

from cxrfactory.config.sections import Section, Share


class CohortFolderConfig(Section):
    """Location of the virtual cohort."""

    folder: str = Field(
        "results/cohort", description="Folder in which the cohort is made; the default releases lie in it."
    )


class CohortSeedConfig(Section):
    """Choice of the virtual patients."""

    seed: int = Field(0, ge=0, description="Seed of the virtual patients; another seed gives other patients.")


class CohortRadiographsConfig(CohortSeedConfig):
    """The radiographs of the virtual cohort: a labelled set and two releases."""

    patients: int = Field(160, ge=1, description="Number of virtual patients.")
    labelled: int = Field(104, ge=0, description="Number of those patients that form the labelled training set.")
    findings: Share = Field(
        0.0,
        description="Probability of each of four virtual lung findings on frontal images of the release with reports.",
    )
    with_reports: Share = Field(0.5, description="Share of the other patients that belong to the release with reports.")
    release_size: int = Field(1024, ge=96, description="Scale in pixels of the releases' radiographs.")


class CohortScansConfig(CohortSeedConfig):
    """The virtual cohort as a release of chest CT."""

    scans: int = Field(64, ge=1, description="Number of virtual patients that are also written as a release of CT.")
    scan_spacing_mm: float = Field(2.0, gt=0, le=10, description="Voxel size in mm of those CT scans.")


class CohortConfig(CohortScansConfig, CohortRadiographsConfig, CohortFolderConfig):
    """The embedded default: virtual patients deformed from one real chest CT."""

    patients: int = Field(
        CohortRadiographsConfig.model_fields["patients"].default, ge=4, description="Number of virtual patients."
    )

    @model_validator(mode="after")
    def _some_are_released(self) -> "CohortConfig":
        if self.labelled < 2:
            raise ValueError(f"labelled is {self.labelled}; expected 2 or more")
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


class ReleaseRootConfig(Section):
    """Location of a release of chest CT."""

    root: str = Field(description="Folder of the release, as downloaded; it is only read.")


class StoredAxesConfig(Section):
    """Spacing and axes of volumes whose files do not state them."""

    axes: str | None = Field(
        None,
        description="Sides to which the stored axes grow, e.g. RAS; only for volumes that state no orientation.",
    )
    spacing_mm: list[float] | None = Field(
        None, description="Voxel size in mm along the stored axes, three numbers; goes with axes."
    )

    @model_validator(mode="after")
    def _layout(self) -> "StoredAxesConfig":
        if (self.axes is None) != (self.spacing_mm is None):
            raise ValueError("axes and spacing_mm go together; give both or neither")
        if self.spacing_mm is not None and (len(self.spacing_mm) != 3 or min(self.spacing_mm) <= 0):
            raise ValueError(f"spacing_mm is {self.spacing_mm}; expected three lengths above 0")
        return self


class ScanFilesConfig(StoredAxesConfig, ReleaseRootConfig):
    """The files of a release of chest CT, as projection reads them."""

    names: str | None = Field(
        None, description="Table of label values and names, relative to root; for labels in one volume."
    )
    follow_links: bool = Field(False, description="Let links in root lead out of it, for trees of links.")
    shards: int = Field(
        1, ge=1, le=9999, description="Number of files that the studies are split into; about 100 studies each."
    )


class ScanConfig(ScanFilesConfig):
    """One release of chest CT with labels."""

    ct: str = Field(
        "{study}/ct.nii.gz",
        description="Path of a study's CT in root, a file or a DICOM folder: {study} stands for the study's id, * for "
        "anything.",
    )
    labels: str = Field(
        "{study}/labels.nii.gz",
        description="Path of its labels: one volume, or a folder of one binary volume for each structure.",
    )
    patient: str | None = Field(
        None,
        description="Regular expression whose first group is the patient in the study's id; null makes each study a "
        "patient.",
    )

    @model_validator(mode="after")
    def _patterns(self) -> "ScanConfig":
        for name in ("ct", "labels"):
            if "{study}" not in getattr(self, name):
                raise ValueError(f"{name} is '{getattr(self, name)}'; expected a path that holds {{study}}")
        return self


class LabelledConfig(Section):
    """The labelled training set, in the layout of the Chest-xray-landmark dataset."""

    root: str = Field("results/cohort/labelled", description="Folder with RL/, LL/, H/ and clinical.csv.")
    images: dict[str, str] = Field(
        {"Virtual": "results/cohort/labelled/images"}, description="Image folder of each source in clinical.csv."
    )
    train_list: str | None = Field(None, description="Text file of the image ids to train on, one in each line.")
    val_list: str | None = Field(None, description="Text file of the image ids to validate on, one in each line.")
    val_fraction: Share = Field(
        0.1, description="Share of the patients for validation where no list covers their source."
    )


class ReadingLimits(Section):
    """Size limit of the images that are read."""

    max_megapixels: float = Field(100, gt=0, description="Larger images are rejected without being decoded.")


class ReadingConfig(ReadingLimits):
    """Conditions under which radiograph files are read."""

    burnt_in: Literal["reject", "keep"] = Field(
        "reject",
        description="DICOM objects whose header says that the pixels identify the patient (0028,0301): reject or keep "
        "them; see docs/privacy.md.",
    )


class PictureConfig(Section):
    """How a radiograph becomes a square image."""

    size: int = Field(1024, ge=64, le=4096, description="Side in pixels of the preprocessed image.")
    remove_borders: bool = Field(True, description="Crop uniform black or white borders.")
    equalise: bool = Field(False, description="Equalise the histogram of the whole image.")
    clahe_clip: float | None = Field(
        None,
        gt=0,
        description="CLAHE clip limit in the unit of the engine (opencv 2 to 4, skimage 0.01); null leaves CLAHE out.",
    )
    clahe_tiles: int = Field(8, ge=1, le=64, description="Number of CLAHE tiles on each side of an image.")
    clahe_engine: Literal["opencv", "skimage"] = Field(
        "opencv",
        description="CLAHE implementation: the clip limit of opencv is in multiples of the mean bin, that of skimage a "
        "share of a tile's pixels.",
    )


class PreprocessConfig(ReadingConfig, PictureConfig):
    """Radiograph file to square 8-bit image."""
