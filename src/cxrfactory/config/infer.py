"""How landmarks are inferred."""

from typing import Literal

from pydantic import Field

from cxrfactory.config.sections import LocalPath, Section, Share


class _InferWeights(Section):
    weights: LocalPath | None = Field(
        None, description="Trained weights to use: a .safetensors file or pretrained; null trains a segmenter."
    )


class PredictConfig(Section):
    """How landmarks and their spread are predicted."""

    samples: int = Field(
        20, ge=2, description="Number of latent samples for the mean and standard deviation of the landmarks."
    )
    precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="Numerical precision of the convolutions. One of: fp32, bf16."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Device of inference and evaluation; auto takes CUDA where it is available."
    )
    batch_size: int = Field(16, ge=1, description="Number of images in one pass on CUDA.")


class SegmentConfig(PredictConfig):
    """How files and folders are segmented outside the workflow."""

    check_orientation: bool = Field(
        True,
        description="Reject images that lie on their side or upside down; images that a small network is not sure of "
        "take four times the time.",
    )
    follow_links: bool = Field(False, description="Let links in a given folder lead out of it, for trees of links.")
    reference: str | None = Field(
        "pretrained",
        description="Reference images of RCA: pretrained (virtual patients of the package), or a table "
        "results/rca/reference.parquet made with the same weights; null leaves the RCA columns empty.",
    )
    compare: int = Field(2, ge=1, description="Number of reference images that each image is compared with.")
    calibration: LocalPath | None = Field(
        "auto",
        description="Quality calibration of the weights, which adds the estimated Dice of each organ with an interval "
        "to the table of quality: auto takes the one that comes with the package, where it has one for these weights; "
        "a file; null adds none.",
    )
    flag_worst: Share = Field(
        0.02,
        description="With a quality calibration, flag an image if the estimate of an organ is below that of this share "
        "of the calibration's films.",
    )


class AnatomyConfig(Section):
    """Which structures are segmented with --anatomy, in which view, and which masks count as trusted."""

    structures: list[str] | None = Field(
        None,
        description="Structures to segment, separated by commas: words such as ribs, left ribs, clavicles, spine, "
        "lobes or heart, or names of structures; by default all.",
    )
    all: bool = Field(
        False,
        description="Also give structures that are not validated on real films; the column validated of the masks is "
        "empty for them.",
    )
    view: Literal["auto", "PA", "AP", "LL"] = Field(
        "auto",
        description="View of all films; auto takes the view that a DICOM file states, and otherwise finds it from the "
        "lungs. One of: auto, PA, AP, LL.",
    )
    trust: Share = Field(
        0.7, description="Least confidence (expected Dice) of a mask that counts as trusted; others are drawn in grey."
    )
    panels: bool = Field(True, description="Draw the structures over the films, one picture for each group.")


class InferConfig(PredictConfig, _InferWeights):  # fields of the last base come first
    """Inference."""
