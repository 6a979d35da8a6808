"""Settings of the projection of CT to radiographs."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cxrfactory.config.sections import Section, Share


class ProjectionConfig(Section):
    """How a CT is projected."""

    size: int = Field(384, ge=32, le=4096, description="Side in pixels of the projected image.")
    body_only: bool = Field(False, description="Set the table and everything outside the body to air.")
    without_arms: bool = Field(
        False, description="Also set arms to air where air separates them from the trunk (beside or above the chest)."
    )
    curve_hu: list[float] | None = Field(
        None,
        description="CT numbers (HU) of the nodes of an attenuation curve, ascending; null uses water, "
        "0.0192 / mm at 0 HU.",
    )
    curve_mu_per_mm: list[float] | None = Field(
        None, description="Linear attenuation at those nodes in 1/mm; goes with curve_hu."
    )
    source_detector_mm: float | None = Field(
        None, gt=0, description="Distance in mm from a point source to the detector; null projects parallel rays."
    )
    source_object_mm: float | None = Field(
        None,
        gt=0,
        description="Distance in mm from that source to the middle of the scan; goes with source_detector_mm.",
    )
    device: str = Field("cpu", description="Device of the projection: cpu, or a torch device such as cuda.")

    @model_validator(mode="after")
    def _pairs(self) -> "ProjectionConfig":
        for first, second in (("curve_hu", "curve_mu_per_mm"), ("source_detector_mm", "source_object_mm")):
            if (getattr(self, first) is None) != (getattr(self, second) is None):
                raise ValueError(f"{first} and {second} go together; give both or neither")
        return self


class SingleProjectionConfig(ProjectionConfig):
    """How a single CT is projected, outside a release; its voxel grid may be kept."""

    size: Annotated[int, Field(ge=1)] | Literal["native"] = Field(  # type: ignore[assignment]
        ProjectionConfig.model_fields["size"].default,
        description="Side in pixels of the projected image; native keeps the voxel grid.",
    )


class PackagingConfig(Section):
    """How the projected studies are published."""

    validation_fraction: Share = Field(
        0.06, description="Share of the patients for validation; 1,564 of 25,692 in the paper."
    )
    mask_png: bool = Field(False, description="Also write every mask as a PNG file.")


class ProjectConfig(PackagingConfig, ProjectionConfig):
    """CT to PA and lateral radiographs and masks."""
