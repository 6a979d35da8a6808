"""The segmenter."""

from typing import Literal

from pydantic import Field

from cxrfactory.config.sections import Section

SegmenterName = Literal[
    "hybridgnet",
    "fc",
    "pca",
    "multi-atlas",
    "unet",
    "unet-plus-plus",
    "attention-unet",
    "sa-unet",
    "res-cr-net",
    "unet-ht",
]
GraphName = Literal["lungs", "lungs-heart", "lungs-heart-clavicles", "whole-lungs"]


class ModelConfig(Section):
    """The segmenter."""

    segmenter: SegmenterName = Field("hybridgnet", description="Registered name of the segmenter.")
    graph: GraphName = Field(
        "lungs-heart", description="Organs of the landmark graph; whole-lungs include the part behind the heart."
    )
    input_size: int = Field(
        128, ge=32, multiple_of=32, description="Side in pixels of the network's input, a multiple of 32."
    )
    igsc: list[int] = Field(
        [4, 3], max_length=2, description="Encoder blocks that skip connections start from: two, one or none."
    )
    latent: int = Field(64, ge=1, description="Number of latent variables.")
    normalise: Literal["none", "equalise"] = Field(
        "none", description="Grey values of the input: none keeps them, equalise equalises them and sets the polarity."
    )
    passes: int = Field(
        3,
        ge=0,
        le=9,
        description="Number of times that the last stage corrects its landmarks; 0 gives the published network.",
    )
