"""Judging masks without their truth."""

from typing import Literal

from pydantic import Field

from cxrfactory.config.sections import Section


class RcaConfig(Section):
    """Reverse classification accuracy."""

    method: Literal["deep", "classical"] = Field(
        "deep", description="Image registration: deep uses a trained network, classical uses SimpleITK and is slow."
    )
    network: str | None = Field(
        "pretrained-registration",
        description="Weights of the registration network: a .safetensors file or pretrained-registration; null trains "
        "one.",
    )
    interpolation: Literal["nearest", "linear"] = Field(
        "nearest", description="Interpolation of the warped labels; linear is that of the published code."
    )
    device: Literal["auto", "cpu", "cuda"] = Field("cpu", description="Device of the registration network.")
    references: int = Field(5, ge=1, description="Number of reference images that each image is compared with.")
    fraction: float = Field(0.8, gt=0, le=1, description="Share of the labelled images that serve as references.")
    size: int = Field(256, ge=64, le=1024, description="Side in pixels at which images are registered.")
    calibration: str | None = Field(
        None,
        description="Calibration that adds Dice estimates with intervals to the Parquet table: a file of "
        "rca-calibrate, or labelled, which is made from the labelled images that are no references; null adds none.",
    )
