"""Conversion of grey values to 8 bits, and optional contrast enhancement."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Shaped, UInt8

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.radiograph.grey_scale import grey_points

CLAHE_ENGINES = ("opencv", "skimage")


@dataclass(frozen=True)
class Clahe:
    """Contrast-limited adaptive histogram equalisation (Zuiderveld, 1994).

    Attributes
    ----------
    clip
        Clip limit in the engine's own unit. ``opencv`` clips at ``clip`` times the mean count of a histogram bin (1 or
        more, often 2-4); ``skimage`` clips at the fraction ``clip`` of a tile's pixels (0 to 1, often 0.01).
    tiles
        Number of tiles per side.
    engine
        ``opencv`` or ``skimage``. The two give different images, so the engine is part of the recipe.
    """

    clip: float
    tiles: int = 8
    engine: str = "opencv"

    def __post_init__(self) -> None:
        if self.engine not in CLAHE_ENGINES:
            raise CxrError(f"CLAHE engine '{self.engine}'; expected one of {', '.join(CLAHE_ENGINES)}")
        if self.tiles < 1:
            raise CxrError(f"CLAHE with {self.tiles} tiles a side; expected 1 or more")
        if self.engine == "skimage" and not 0 < self.clip <= 1:
            raise CxrError(f"CLAHE clip {self.clip:g}; engine skimage expects a fraction of pixels in (0, 1]")
        if self.engine == "opencv" and not self.clip >= 1:
            raise CxrError(f"CLAHE clip {self.clip:g}; engine opencv expects a multiple of the mean count, >= 1")


def to_uint8(
    pixels: Shaped[np.ndarray, "height width"], padding: Bool[np.ndarray, "height width"] | None = None
) -> UInt8[np.ndarray, "height width"]:
    """Convert grey values to 8 bits: the black point becomes 0, the white point 255; values beyond them are cut off.

    The points are those of :func:`cxrfactory.imaging.radiograph.grey_scale.grey_points`, so that a marker, a padding
    field or a dead pixel does not set them. Values are rounded to the nearest integer.

    Parameters
    ----------
    pixels
        Image [row, column], uint8, uint16 or float32, in which bone is bright.
    padding
        Pixels that are no image by the file's header. They set no point and become 0.

    Raises
    ------
    ImageError
        If all pixels are equal. This can happen after borders were removed, although the whole image had contrast.
    """
    black, white = grey_points(pixels, padding)
    if black == white:
        raise ImageError(f"one-colour image: every pixel is {black:g}")
    if pixels.dtype in (np.uint8, np.uint16):
        # A table of all values is faster than arithmetic on all pixels.
        levels = np.arange(np.iinfo(pixels.dtype).max + 1, dtype=np.float64)
        table = _rounded((levels - black) * (255 / (white - black)))
        grey = cv2.LUT(pixels, table) if pixels.dtype == np.uint8 else np.take(table, pixels)
    else:
        scaled = pixels.astype(np.float32)
        scaled -= np.float32(black)
        scaled *= np.float32(255.0 / (white - black))
        grey = _rounded(scaled)
    if padding is not None:
        grey[padding] = 0
    return grey


def _rounded(values: np.ndarray) -> UInt8[np.ndarray, "..."]:
    values += 0.5
    return np.clip(values, 0, 255, out=values).astype(np.uint8)  # truncation of positive values after adding 0.5 rounds


def apply_clahe(image: UInt8[np.ndarray, "height width"], clahe: Clahe) -> UInt8[np.ndarray, "height width"]:
    """Equalise the histogram adaptively with the engine and settings of ``clahe``."""
    if clahe.engine == "opencv":
        return cv2.createCLAHE(clipLimit=clahe.clip, tileGridSize=(clahe.tiles, clahe.tiles)).apply(image)
    from skimage.exposure import equalize_adapthist

    tile = tuple(max(1, length // clahe.tiles) for length in image.shape)
    equalised = equalize_adapthist(image, kernel_size=tile, clip_limit=clahe.clip)
    return np.floor(equalised * 255 + 0.5).astype(np.uint8)


def equalise(image: UInt8[np.ndarray, "height width"]) -> UInt8[np.ndarray, "height width"]:
    """Equalise the histogram of the whole image with OpenCV's mapping."""
    return cv2.equalizeHist(image)


@dataclass(frozen=True)
class Enhancement:
    """Contrast enhancement of the 8-bit image after stretching; by default the image is not changed.

    Attributes
    ----------
    clahe
        Adaptive equalisation, or None for no adaptive equalisation.
    equalise
        Whether to equalise the histogram of the whole image; this step comes before CLAHE.
    """

    clahe: Clahe | None = None
    equalise: bool = False

    def apply(self, image: UInt8[np.ndarray, "height width"]) -> UInt8[np.ndarray, "height width"]:
        """Return the enhanced image, or the image itself if no enhancement is set."""
        if self.equalise:
            image = equalise(image)
        return image if self.clahe is None else apply_clahe(image, self.clahe)
