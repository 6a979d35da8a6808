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
    """A folder of drawn masks that becomes a labelled table of their own definition."""

    definition: Literal["whole-lungs", "lungs"] = Field(
        "whole-lungs",
        description="Region that masks of lungs cover: whole-lungs includes the part behind the heart, lungs does not.",
    )
    columns: list[str] = Field(
        [],
        description="COLUMN=REGION, with commas between several: columns of masks whose name does not say the region, "
        "such as mask_heart=heart_with_vessels.",
    )
    not_annotated: list[str] = Field(
        [],
        description="COLUMN=REGION, with commas between several: where the column is 1, the region counts as not "
        "annotated.",
    )


class LabelProjectionsConfig(Section):
    """A product of projected CT that becomes a labelled table."""

    views: list[str] = Field(
        [], description="Views whose images are labelled, such as PA; an empty list takes every view."
    )
    structures: list[str] = Field(
        [],
        description="Names of the structures whose masks are labelled, as the product writes them, such as left rib 1; "
        "an empty list takes every structure that a source labels.",
    )
    unions: bool = Field(
        False, description="Label structures that the product united from parts, such as rib, as well."
    )
    drawn: bool = Field(
        False,
        description="In PA views, also label lungs and heart as people draw them in films, such as drawn_heart.",
    )
    source: str | None = Field(
        None, description="Name of the set; it precedes the ids. null takes the release of each study."
    )
