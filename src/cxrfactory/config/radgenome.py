"""The product of projected radiographs."""

from pydantic import Field

from cxrfactory.config.sections import Section, Share


class RadgenomeConfig(Section):
    """How the projected studies are published."""

    validation_fraction: Share = Field(
        0.06, description="Share of the patients for validation; 1,564 of 25,692 in the paper."
    )
    mask_png: bool = Field(False, description="Also write every mask as a PNG file.")
