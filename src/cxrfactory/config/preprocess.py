"""How radiograph files are read and prepared."""

from typing import Literal

from pydantic import Field

from cxrfactory.config.sections import Section


class ReadingLimits(Section):
    """Size limit of the images that are read."""

    max_megapixels: float = Field(100, gt=0, description="Larger images are rejected without being decoded.")


class ReadingConfig(ReadingLimits):
    """Conditions under which radiograph files are read."""

    burnt_in: Literal["reject", "keep"] = Field(
        "reject",
        description="What to do with DICOM objects whose header says that the pixels identify the patient (0028,0301); "
        "see docs/privacy.md. One of: reject, keep.",
    )


class PictureConfig(Section):
    """How a radiograph becomes a square image."""

    size: int = Field(1024, ge=64, le=4096, description="Side in pixels of the preprocessed image.")
    remove_borders: bool = Field(True, description="Crop uniform black or white borders.")
    equalise: bool = Field(False, description="Equalise the histogram of the whole image.")
    clahe_clip: float | None = Field(
        None,
        gt=0,
        description="CLAHE clip limit in the unit of the engine (opencv 2 to 4, skimage 0.01); null leaves CLAHE out.",
    )
    clahe_tiles: int = Field(8, ge=1, le=64, description="Number of CLAHE tiles on each side of an image.")
    clahe_engine: Literal["opencv", "skimage"] = Field(
        "opencv",
        description="CLAHE implementation. One of: opencv (clip limit in multiples of the mean bin), skimage (clip "
        "limit as a share of a tile's pixels).",
    )


class PreprocessConfig(ReadingConfig, PictureConfig):
    """Radiograph file to square 8-bit image."""
