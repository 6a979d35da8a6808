"""Conversion of grey values to 8 bits, and optional contrast enhancement."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Shaped, UInt8

from cxrfactory.errors import CxrError, ImageError

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


def to_uint8(pixels: Shaped[np.ndarray, "height width"]) -> UInt8[np.ndarray, "height width"]:
    """Stretch the range of values linearly to 0-255 and round to the nearest integer.

    The darkest pixel becomes 0 and the brightest 255. A uint8 image that spans 0-255 is returned unchanged.

    Raises
    ------
    ImageError
        If all pixels are equal. This can happen after borders were removed, although the whole image had contrast.
    """
    low, high = pixels.min(), pixels.max()
    if low == high:
        raise ImageError(f"one-colour image: every pixel is {low:g}")
    if pixels.dtype in (np.uint8, np.uint16):
        if pixels.dtype == np.uint8 and (low, high) == (0, 255):
            return pixels
        # Integer arithmetic gives the same result on every machine.
        low, span = int(low), int(high) - int(low)
        levels = np.arange(int(high) + 1, dtype=np.int64) - low
        table = np.where(levels < 0, 0, (levels * 510 + span) // (2 * span)).astype(np.uint8)
        return np.take(table, pixels)
    scaled = pixels.astype(np.float32)
    scaled -= np.float32(low)
    scaled *= np.float32(255.0 / (float(high) - float(low)))
    scaled += np.float32(0.5)
    return scaled.astype(np.uint8)  # values are positive, so truncation after adding 0.5 rounds


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
