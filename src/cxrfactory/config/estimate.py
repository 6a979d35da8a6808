"""Calibrated quality of masks: how the estimates are fitted, and which images are flagged."""

from typing import Annotated

from pydantic import Field, model_validator

from cxrfactory.config.sections import Section, Share
from cxrfactory.tables.agreements import AGREEMENTS

SIGNALS = (*AGREEMENTS, "latent_norm")


class FlagConfig(Section):
    """Which images of a product are flagged for a look, by the estimates of a quality calibration."""

    flag_worst: Share = Field(
        0.02,
        description="Share of each release's images to flag: those with the lowest estimated Dice of an organ, where "
        "every organ counts equally. Needs a quality calibration in rca.calibration.",
    )
    flag_below: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="Flag also every image with an organ whose estimated Dice is below this; null flags none."
    )


class CalibrateQualityConfig(Section):
    """How the quality estimates are fitted to masks of known Dice."""

    alpha: float = Field(
        0.1, gt=0, lt=1, description="Share of the masks of a left-out source that may lie outside their interval."
    )
    signals: list[str] = Field(
        list(AGREEMENTS),
        description="Signals that the estimates are made from: any of dense_dice, soft_dice, start_dice, shape_dice "
        "and latent_norm. The heart's estimate also reads those of both lungs.",
    )

    @model_validator(mode="after")
    def _known_signals(self) -> "CalibrateQualityConfig":
        if not self.signals or set(self.signals) - set(SIGNALS) or len(set(self.signals)) < len(self.signals):
            raise ValueError(f"signals {', '.join(self.signals) or 'none'}; expected one or more of "
                             f"{', '.join(SIGNALS)}, each once")  # fmt: skip
        return self
