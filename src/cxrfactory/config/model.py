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
    "hybridgnet-miccai",
    "hybridgnet-dual",
    "hybridgnet-dual-skips",
    "hybridgnet-autoencoders",
    "multi-atlas",
    "unet",
    "unet-hybridgnet",
    "unet-plus-plus",
    "attention-unet",
    "sa-unet",
    "res-cr-net",
    "unet-ht",
    "hybridgnet-dual-unet",
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
WITH_WIDTH = ("unet", "unet-plus-plus", "attention-unet", "sa-unet", "unet-ht")  # pixel networks with a width
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


def input_size(value: int | str) -> int | str:
    """Return a side as a number, and rows and columns as text such as ``300x340``.

    Raises
    ------
    ValueError
        If it is neither a multiple of 32 nor two numbers of at least 32.
    """
    text = str(value)
    if text.isdigit() and int(text) >= 32 and int(text) % 32 == 0:
        return int(text)
    if re.fullmatch(r"\d+x\d+", text) and min(map(int, text.split("x"))) >= 32:
        return text
    raise ValueError("Input should be ROWSxCOLUMNS of at least 32 for a pixel network, or a multiple of 32")


InputSize = Annotated[
    int | str,
    AfterValidator(input_size),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 32, "multipleOf": 32}, {"type": "string", "pattern": r"^\d+x\d+$"}]}
    ),
]


class ModelConfig(Section):
    """The segmenter."""

    segmenter: SegmenterName = Field("hybridgnet", description="Registered name of the segmenter.")
    graph: GraphName = Field(
        "lungs-heart", description="Organs of the landmark graph; whole-lungs include the part behind the heart."
    )
    input_size: InputSize = Field(
        128,
        description="Side in pixels of the network's input, a multiple of 32; pixel networks also take rows and "
        "columns of at least 32, such as 300x340.",
    )
    outputs: Literal["sigmoid", "softmax"] = Field(
        "sigmoid",
        description="Outputs of pixel networks: sigmoid lets regions overlap, softmax gives each pixel to one region "
        "or to the background. One of: sigmoid, softmax.",
    )
    igsc: list[int] = Field(
        [4, 3], max_length=2, description="Encoder blocks that skip connections start from: two, one or none."
    )
    latent: int = Field(64, ge=1, description="Number of latent variables.")
    channels: list[Annotated[int, Field(ge=1)]] = Field(
        [],
        max_length=6,
        description="Channels of the blocks of the image encoder of hybridgnet, fc and pca; an empty list takes those "
        "of the paper's six blocks, and 8, 16, 32, 64, 64 are the five of the hybridgnet-miccai networks.",
    )
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
    width: int = Field(16, ge=4, le=128, description="Channels of the first level of hybrid-unet and of the U-Nets.")
    regions: list[RegionName] = Field(
        [],
        description="Further regions that the dense head of hybrid-unet learns from drawn masks, beside the organs of "
        "the graph, such as right_whole_lung.",
    )
    lstm_blocks: int = Field(
        0, ge=0, le=4, description="Number of LSTM blocks behind the last layer of res-cr-net; 0 gives the paper's."
    )
    organs: list[RegionName] = Field(
        [],
        description="Regions that a pixel network learns from drawn masks, such as airways or right_whole_lung; an "
        "empty list takes the organs of the graph, and all takes every region of the tables.",
    )

    def network_settings(self) -> dict[str, Any]:
        """Return the settings that the network's builder takes; it gets no organs where the graph names them."""
        unset = {
            name
            for name, left_out in (("organs", []), ("outputs", "sigmoid"), ("channels", []))
            if getattr(self, name) == left_out
        }
        settings = self.model_dump(exclude=unset)
        if isinstance(self.input_size, str):
            settings["input_size"] = [int(side) for side in self.input_size.split("x")]
        blocks = settings.pop("lstm_blocks")
        if self.segmenter == "res-cr-net" and blocks:  # the network's own default is none
            settings["lstm_blocks"] = blocks
        if self.segmenter != "hybrid-unet":
            wide = self.segmenter in WITH_WIDTH and self.width != type(self).model_fields["width"].default
            unknown = ("regions",) if wide else ("width", "regions")
            return {name: value for name, value in settings.items() if name not in unknown}
        own = contour_regions(landmark_graph(self.graph))
        return settings | {"regions": [*own, *(name for name in self.regions if name not in own)]}
