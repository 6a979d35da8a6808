"""The virtual cohort of the embedded default."""

from pydantic import Field, model_validator

from cxrfactory.config.sections import LocalPath, Section, Share


class CohortFolderConfig(Section):
    """Location of the virtual cohort."""

    folder: LocalPath = Field(
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


class CohortFilmsConfig(CohortSeedConfig):
    """The virtual cohort as films with the masks of all structures, for the training of anatomy networks."""

    films: int = Field(300, ge=1, description="Number of virtual patients, each with a PA and an LL film.")
    film_size: int = Field(384, ge=96, description="Side in pixels of the films.")
    film_scoliosis: Share = Field(
        0.0, description="Share of these patients whose spine is bent as in people with scoliosis."
    )
    film_findings: Share = Field(
        0.0, description="Probability of an effusion and of a consolidation in each lung of a PA film."
    )


class CohortConfig(CohortFilmsConfig, CohortScansConfig, CohortRadiographsConfig, CohortFolderConfig):
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
