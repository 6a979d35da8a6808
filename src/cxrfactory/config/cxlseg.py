"""Lung-segmented radiographs with reports."""

from typing import Literal

from pydantic import Field, model_validator

from cxrfactory.config.sections import Section
from cxrfactory.config.training import SegmenterName


class LungPicturesConfig(Section):
    """How the lungs are cut out of radiographs."""

    weights: str | None = Field(
        None, description="trained weights of any segmenter: a .safetensors file, or pretrained; null trains one"
    )
    size: int = Field(224, ge=32, le=4096, description="side of images and masks, pixels")
    fit: Literal["stretch", "pad"] = Field(
        "stretch", description="to a square: both sides to the size (the paper), or black beside the shorter side"
    )
    clahe_clip: float = Field(
        2.0, ge=0, description="CLAHE of what the segmenter sees, in multiples of the mean bin; 0 leaves it out"
    )
    clahe_tiles: int = Field(8, ge=1, le=64, description="CLAHE tiles a side")
    enhanced: bool = Field(False, description="write the images with that CLAHE, not as they were")
    kernel: int = Field(5, ge=1, le=51, description="side of the disc that masks are dilated and eroded with, odd")
    dilate: int = Field(1, ge=0, le=20, description="times the mask is dilated, before it is eroded")
    erode: int = Field(1, ge=0, le=20, description="times it is then eroded; as often as dilated: a closing")
    jpeg_quality: int = Field(95, ge=1, le=100, description="of images and masks")
    mask_png: bool = Field(False, description="also write every mask as a PNG, without loss")

    @model_validator(mode="after")
    def _pictures(self) -> "LungPicturesConfig":
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel is {self.kernel}; expected an odd number, so that it has a middle")
        if 0 < self.clahe_clip < 1:
            raise ValueError(f"clahe_clip is {self.clahe_clip:g}; expected 1 or more, or 0 for none")
        if self.enhanced and not self.clahe_clip:
            raise ValueError("enhanced without clahe_clip; give the clip, or leave enhanced out")
        return self


class CxlsegConfig(LungPicturesConfig):
    """Lung-segmented radiographs with reports, of the datasets that have reports."""

    split: Literal["patient", "image"] = Field(
        "patient", description="unit of the split; image is the paper's: a patient may then stand in two sets"
    )
    shares: list[int] = Field(
        [8, 1, 1], min_length=3, max_length=3, description="parts of train, validate and test, of the images"
    )
    seed: int = Field(0, ge=0, description="of the split")
    segmenter: SegmenterName = Field("sa-unet", description="registered name; trained where no weights are given")
    input_size: int = Field(96, ge=32, multiple_of=32, description="side of the input of the one trained")
    epochs: int = Field(16, ge=1, description="passes over the training images of that training")
    batch_size: int = Field(4, ge=2, description="images a step of that training")
    learning_rate: float = Field(6e-3, gt=0, description="peak rate of that training")
    average: float = Field(0.97, ge=0, lt=1, description="decay of the running average of its weights; 0 for none")

    @model_validator(mode="after")
    def _shares(self) -> "CxlsegConfig":
        if min(self.shares) < 0 or sum(self.shares) == 0:
            raise ValueError(f"shares is {self.shares}; expected three parts of 0 or more, not all 0")
        return self
