"""Settings of the lung-segmented radiographs with reports."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from cxrfactory.config.model import ModelConfig
from cxrfactory.config.overrides import merged, overrides_of
from cxrfactory.config.renamed import null_for_zero
from cxrfactory.config.sections import LocalPath, Section
from cxrfactory.config.train import TrainConfig

# Values of the lung segmenter that differ from the sections model and train; the config may override them.
OWN_MODEL = {"segmenter": "sa-unet", "input_size": 96}
OWN_TRAIN = {"epochs": 16, "batch_size": 4, "learning_rate": 6e-3, "average": 0.97}


class LungPicturesConfig(Section):
    """How the lungs are cut out of radiographs."""

    weights: LocalPath | None = Field(
        None,
        description="Trained weights of any registered segmenter: a .safetensors file or pretrained; null trains a "
        "segmenter.",
    )
    size: int = Field(224, ge=32, le=4096, description="Side in pixels of the published images and masks.")
    fit: Literal["stretch", "pad"] = Field(
        "stretch",
        description="How an image becomes a square: stretch scales both sides to the size (the paper), pad adds black "
        "beside the shorter side.",
    )
    clahe_clip: float | None = Field(
        2.0,
        description="CLAHE clip limit for the segmenter's input, in multiples of the mean histogram bin; null leaves "
        "CLAHE out.",
    )
    clahe_tiles: int = Field(8, ge=1, le=64, description="Number of CLAHE tiles on each side of an image.")
    enhanced: bool = Field(False, description="Publish the images after CLAHE instead of the original grey values.")
    kernel: int = Field(5, ge=1, le=51, description="Diameter in pixels of the disc for dilation and erosion; odd.")
    dilate: int = Field(1, ge=0, le=20, description="Number of dilations of each mask, before the erosions.")
    erode: int = Field(
        1,
        ge=0,
        le=20,
        description="Number of erosions of each mask; as many as dilations make a closing.",
    )
    jpeg_quality: int = Field(95, ge=1, le=100, description="JPEG quality of images and masks.")
    mask_png: bool = Field(False, description="Also write every mask as a lossless PNG file.")

    _zero_clip = field_validator("clahe_clip", mode="before")(null_for_zero("clahe_clip"))

    @model_validator(mode="after")
    def _pictures(self) -> "LungPicturesConfig":
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel is {self.kernel}; expected an odd number, so that it has a middle")
        if self.clahe_clip is not None and self.clahe_clip < 1:
            raise ValueError(f"clahe_clip is {self.clahe_clip:g}; expected 1 or more, or null for none")
        if self.enhanced and self.clahe_clip is None:
            raise ValueError("enhanced without clahe_clip; give the clip, or leave enhanced out")
        return self


class CxlsegSplitConfig(Section):
    """How the images are split into training, validation and test sets."""

    split: Literal["patient", "image"] = Field(
        "patient",
        description="Unit of the split; image is that of the paper, which may put one patient into two sets.",
    )
    shares: list[int] = Field(
        [8, 1, 1],
        min_length=3,
        max_length=3,
        description="Parts of the images for the training, validation and test sets.",
    )
    seed: int = Field(0, ge=0, description="Seed of the split; another seed gives another split.")

    @model_validator(mode="after")
    def _shares(self) -> "CxlsegSplitConfig":
        if min(self.shares) < 0 or sum(self.shares) == 0:
            raise ValueError(f"shares is {self.shares}; expected three parts of 0 or more, not all 0")
        return self


class CxlsegConfig(CxlsegSplitConfig, LungPicturesConfig):
    """Lung-segmented radiographs with reports, of the datasets that have reports."""

    model: dict[str, Any] = overrides_of(
        ModelConfig,
        OWN_MODEL,
        "Overrides of the section model for the segmenter of lungs, which is trained where weights is null.",
    )
    train: dict[str, Any] = overrides_of(
        TrainConfig, OWN_TRAIN, "Overrides of the section train for the training of that segmenter."
    )

    @field_validator("model", "train", mode="after")
    @classmethod
    def _own_defaults(cls, given: dict[str, Any], info: Any) -> dict[str, Any]:
        return (OWN_MODEL if info.field_name == "model" else OWN_TRAIN) | given

    def merged_model(self, model: ModelConfig) -> ModelConfig:
        """Return the model of the segmenter of lungs: the section ``model`` with this section's overrides."""
        return merged(model, self.model, "cxlseg.model")

    def merged_train(self, train: TrainConfig) -> TrainConfig:
        """Return the settings of its training: the section ``train`` with this section's overrides."""
        return merged(train, self.train, "cxlseg.train")
