"""CT to radiographs."""

from pydantic import Field, model_validator

from cxrfactory.config.sections import Section, Share


class ProjectConfig(Section):
    """CT to PA and lateral radiographs and masks."""

    size: int = Field(384, ge=32, le=4096, description="side of the projected image, pixels")
    body_only: bool = Field(False, description="set the table and what lies outside the body to air")
    without_arms: bool = Field(False, description="set arms beside or above the chest to air as well")
    curve_hu: list[float] | None = Field(
        None, description="CT numbers of an attenuation curve's nodes, ascending; none: water's, 0.0192 / mm at 0 HU"
    )
    curve_mu_per_mm: list[float] | None = Field(None, description="attenuation there, 1/mm; goes with curve_hu")
    source_detector_mm: float | None = Field(
        None, gt=0, description="distance of a point source from the detector; none: parallel rays"
    )
    source_object_mm: float | None = Field(
        None, gt=0, description="distance of that source from the middle of the scan; goes with source_detector_mm"
    )
    device: str = Field("cpu", description="cpu, or a torch device such as cuda")
    validation_fraction: Share = Field(
        0.06, description="share of patients for validation (the paper: 1,564 of 25,692)"
    )
    mask_png: bool = Field(False, description="also write every mask as a PNG file")

    @model_validator(mode="after")
    def _pairs(self) -> "ProjectConfig":
        for first, second in (("curve_hu", "curve_mu_per_mm"), ("source_detector_mm", "source_object_mm")):
            if (getattr(self, first) is None) != (getattr(self, second) is None):
                raise ValueError(f"{first} and {second} go together; give both or neither")
        return self
