"""Releases of chest CT."""

from typing import Literal

from pydantic import Field, model_validator

from cxrfactory.config.sections import LocalPath, Section


class ReleaseRootConfig(Section):
    """Location of a release of chest CT."""

    root: LocalPath = Field(description="Folder of the release, as downloaded; it is only read.")


class StoredAxesConfig(Section):
    """Spacing and axes of volumes whose files do not state them, and which affine counts where they do."""

    axes: str | None = Field(
        None,
        description="Sides to which the stored axes grow, e.g. RAS; only for volumes that state no orientation.",
    )
    spacing_mm: list[float] | None = Field(
        None, description="Voxel size in mm along the stored axes, three numbers; goes with axes."
    )

    affine: Literal["agreeing", "qform", "sform"] = Field(
        "agreeing",
        description="Where qform and sform of a NIfTI file differ: agreeing rejects the file; else one is taken.",
    )
    trust_identity: bool = Field(
        False,
        description="Believe an affine that is the identity but for a spacing, as programs store for mere arrays.",
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
        None,
        description="Table of label values and names, relative to root, or totalsegmentator-v2 or totalsegmentator-v1 "
        "for outputs of its task total; for labels in one volume.",
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

    exclude: LocalPath | None = Field(
        None,
        description="CSV table of verdicts with the columns dataset, image_id and verdict, as browse exports it: a "
        "study with a view whose verdict is bad is excluded. Null: none.",
    )

    @model_validator(mode="after")
    def _patterns(self) -> "ScanConfig":
        for name in ("ct", "labels"):
            if "{study}" not in getattr(self, name):
                raise ValueError(f"{name} is '{getattr(self, name)}'; expected a path that holds {{study}}")
        return self
