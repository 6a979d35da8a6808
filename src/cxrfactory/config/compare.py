"""Models that are compared side by side."""

from typing import Literal

from pydantic import Field, model_validator

from cxrfactory.config.model import SegmenterName
from cxrfactory.config.sections import Section


class CompareConfig(Section):
    """Models that results/models trains, evaluates and audits side by side."""

    models: list[Literal[SegmenterName, "pretrained"]] = Field(
        ["hybridgnet", "unet"],
        min_length=1,
        description="Names of model.segmenter, or pretrained for the weights in the package.",
    )
    audit: bool = Field(
        True,
        description="Also measure the effect of perturbations and occlusion, which takes about 70 copies of every "
        "image and model.",
    )

    @model_validator(mode="after")
    def _once_each(self) -> "CompareConfig":
        if twice := next((name for name in self.models if self.models.count(name) > 1), None):
            raise ValueError(f"'{twice}' occurs twice in models; name each once")
        return self
