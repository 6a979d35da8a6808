"""Reverse classification accuracy: estimates of mask quality without ground truth."""

from typing import Literal

from pydantic import Field

from cxrfactory.config.sections import LocalPath, Section


class AlignerConfig(Section):
    """How RCA registers images."""

    method: Literal["deep", "classical"] = Field(
        "deep", description="Image registration: deep uses a trained network, classical uses SimpleITK and is slow."
    )
    network: LocalPath | None = Field(
        "pretrained-registration",
        description="Weights of the registration network: a .safetensors file or pretrained-registration. With null, "
        "the workflow trains a network first; a command accepts null only with the classical method.",
    )
    interpolation: Literal["nearest", "linear"] = Field(
        "nearest", description="Interpolation of the warped labels; linear is that of the published code."
    )
    device: Literal["auto", "cpu", "cuda"] = Field("cpu", description="Device of the registration network.")


class ComparisonConfig(AlignerConfig):
    """How an image is compared with its references."""

    references: int = Field(5, ge=1, description="Number of reference images that each image is compared with.")


class RcaCheckConfig(ComparisonConfig):
    """Images on which RCA is checked, and how their masks are scored."""

    count: int = Field(12, ge=2, description="Largest number of images to take, which a hash of the id chooses.")
    split: str | None = Field(None, description="Split of the labelled images to take; by default all of them.")


class _Size(Section):
    size: int = Field(256, ge=64, le=1024, description="Side in pixels at which images are registered.")


class _Fraction(Section):
    fraction: float = Field(0.8, gt=0, le=1, description="Share of the labelled images that serve as references.")


# The two classes below inherit the fields of the last base first.
class RcaScoreConfig(_Size, ComparisonConfig):
    """How the masks of a shard are scored."""


class RcaReferenceConfig(_Size, _Fraction):
    """How the reference images are chosen and kept."""


class RcaConfig(RcaReferenceConfig, RcaScoreConfig):
    """Reverse classification accuracy."""

    calibration: LocalPath | None = Field(
        None,
        description="Calibration that adds Dice estimates with intervals to the Parquet table: a quality calibration "
        "(a file of calibrate-quality or recalibrate-quality, or pretrained for the package's weights), which also "
        "flags images; a file of stage rca-calibrate; or labelled, a calibration of RCA that is made from the labelled "
        "images that are no references. Null adds none.",
    )


class CalibrateConfig(Section):
    """How an estimate of the true Dice is fitted to RCA scores."""

    alpha: float = Field(0.1, description="Share of masks that may lie outside their interval.")
    features: list[str] = Field(
        ["mean", "max"], description="Scores that the estimate is made from: any of mean, max and std."
    )
