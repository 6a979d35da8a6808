"""Settings of evaluations, audits and studies, which are given on the command line and not in the config file."""

from typing import Literal

from pydantic import Field

from cxrfactory.config.sections import Section, Share
from cxrfactory.tables.rca_threshold import RECOMMENDED_RCA_MEAN


class BootstrapConfig(Section):
    """How bootstrap intervals are computed."""

    resamples: int = Field(2000, ge=1, description="Number of resamples of the bootstrap intervals.")
    seed: int = Field(0, ge=0, description="Seed of every random draw.")


class LabelledTestConfig(BootstrapConfig):
    """Images on which trained models are tested, and the device of the models."""

    split: str = Field("val", description="Split of the labelled table whose images are taken.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "cpu", description="Device of the models; auto takes CUDA where it is available."
    )


class EvaluateConfig(LabelledTestConfig):
    """How trained models are measured on labelled images."""

    tolerance_px: float = Field(
        5.0, ge=0, description="Tolerance of the normalised surface distance, pixels at 1024 x 1024 (1.75 mm on JSRT)."
    )


class AuditConfig(LabelledTestConfig):
    """How trained models are audited with changed and with occluded images."""

    places: int = Field(3, ge=1, description="Number of black boxes of each size on each image.")


class BiasConfig(BootstrapConfig):
    """How RCA scores are compared between groups of patients."""

    at_least: Share = Field(RECOMMENDED_RCA_MEAN, description="Masks whose RCA mean is at least this count as good.")
    least_patients: int = Field(10, ge=2, description="Groups of fewer patients are listed and not compared.")


class BiasDiscoveryConfig(BootstrapConfig):
    """How the gaps between groups that RCA predicts are compared with the true gaps."""

    cohorts: int = Field(200, ge=1, description="Number of cohorts to draw from the masks of stage rca-check.")


class GoldSampleConfig(Section):
    """Choice of the images of a release that a reader corrects."""

    bins: int = Field(10, ge=0, description="Number of bins of the RCA histogram; one image of each bin is taken.")
    random: int = Field(20, ge=0, description="Number of further images, which are drawn at random.")
    seed: int = Field(0, ge=0, description="Seed of the sample.")


class OwnMasksConfig(Section):
    """Choice of a release's own masks for the retraining."""

    at_least: Share = Field(RECOMMENDED_RCA_MEAN, description="Smallest RCA mean of an image to train on.")
    count: int = Field(1000, ge=1, description="Largest number of images, which a hash of the id chooses.")
    val_fraction: Share = Field(0.1, description="Share of patients for validation.")
