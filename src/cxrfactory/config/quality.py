"""Judging masks without their truth."""

from typing import Literal

from pydantic import Field

from cxrfactory.config.sections import Section


class RcaConfig(Section):
    """Reverse classification accuracy."""

    method: Literal["deep", "classical"] = Field("deep", description="deep: by a network; classical: SimpleITK, slow")
    network: str | None = Field(
        "pretrained-registration",
        description="of the deep one: a .safetensors file, or pretrained-registration; null trains it",
    )
    interpolation: Literal["nearest", "linear"] = Field(
        "nearest", description="of the warped labels; linear is that of the published code"
    )
    device: Literal["auto", "cpu", "cuda"] = Field("cpu", description="of the deep one")
    references: int = Field(5, ge=1, description="reference images an image is compared with")
    fraction: float = Field(0.8, gt=0, le=1, description="share of the labelled images that are references")
    size: int = Field(256, ge=64, le=1024, description="side at which images are registered, pixels")
    calibration: str | None = Field(
        None,
        description="adds Dice estimates with intervals to the Parquet: a file of rca-calibrate, or labelled, "
        "which makes it from the labelled images outside the references; null: none",
    )
