"""Settings of labelled sets that are made from masks, and of labelled sets in the format of nnU-Net."""

from typing import Literal

from pydantic import Field

from cxrfactory.config.sections import Section, Share


class NnunetConfig(Section):
    """How labelled images become a raw dataset of nnU-Net."""

    name: str = Field("Dataset501_CXR", description="Name of the dataset, DatasetNNN_Name.")
    graph: str = Field("lungs-heart", description="Landmark graph whose organs are the labels.")
    size: int = Field(1024, ge=32, description="Side in pixels of images and label maps.")
    regions: bool = Field(False, description="Keep overlaps: each combination of organs gets a value of its own.")


class LabelMasksConfig(Section):
    """A folder of masks that becomes a labelled table."""

    source: str = Field(description="Name of the set; it precedes the image ids.")
    val_fraction: Share = Field(0.25, description="Share of the patients for validation.")


class LabelLungMasksConfig(LabelMasksConfig):
    """A folder of lung masks that becomes a labelled table of their own definition."""

    definition: Literal["whole-lungs", "lungs"] = Field(
        "whole-lungs",
        description="Region that the masks cover: whole-lungs includes the part behind the heart, lungs does not.",
    )
