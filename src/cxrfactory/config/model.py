"""The segmenter."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.organs import REGION_NAME
from cxrfactory.anatomy.regions import contour_regions
from cxrfactory.config.sections import Section

SegmenterName = Literal[
    "hybridgnet",
    "hybrid-unet",
    "fc",
    "pca",
    "multi-atlas",
    "unet",
    "unet-plus-plus",
    "attention-unet",
    "sa-unet",
    "res-cr-net",
    "unet-ht",
    "unet-resnet34",
    "unet-plus-plus-resnet34",
    "deeplabv3-plus",
    "pointrend",
    "nnunet",
    "unext",
    "pidnet",
    "upernet",
    "transunet",
    "segformer",
    "swin-unet",
    "topformer",
    "mask2former",
    "seaformer",
    "vmunet",
    "u-mamba",
    "u-kan",
    "med-sam-adapter",
    "s-sam",
]
GraphName = Literal["lungs", "lungs-heart", "lungs-heart-clavicles", "whole-lungs"]


def region_name(name: str) -> str:
    """Return the name of a region if it is lower-case words joined by underscores.

    Raises
    ------
    ValueError
        If it is not.
    """
    if not re.fullmatch(REGION_NAME, name):
        raise ValueError("lower-case words joined by underscores, such as right_whole_lung")
    return name


RegionName = Annotated[
    str, AfterValidator(region_name), WithJsonSchema({"type": "string", "pattern": f"^{REGION_NAME}$"})
]


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
    coordinates: bool = Field(
        False, description="Let the skip connections of hybridgnet also read the node's own position, as in the thesis."
    )
    width: int = Field(16, ge=4, le=128, description="Channels of the first level of hybrid-unet.")
    regions: list[RegionName] = Field(
        [],
        description="Further regions that the dense head of hybrid-unet learns from drawn masks, beside the organs of "
        "the graph, such as right_whole_lung.",
    )
    organs: list[RegionName] = Field(
        [],
        description="Regions that a pixel network learns from drawn masks, such as airways or right_whole_lung; an "
        "empty list takes the organs of the graph.",
    )

    def network_settings(self) -> dict[str, Any]:
        """Return the settings that the network's builder takes; it gets no organs where the graph names them."""
        settings = self.model_dump(exclude=set() if self.organs else {"organs"})
        if self.segmenter != "hybrid-unet":
            return {name: value for name, value in settings.items() if name not in ("width", "regions")}
        own = contour_regions(landmark_graph(self.graph))
        return settings | {"regions": [*own, *(name for name in self.regions if name not in own)]}
