"""The in-memory radiograph, common to all file formats, and the checks that every radiograph must pass."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Shaped

from cxrfactory.errors import ImageError
from cxrfactory.imaging.turns import USUAL, lies_on_its_side

SMALLEST_SIDE = 64  # px; in a smaller image lung fields cannot be distinguished from noise
DEFAULT_MAX_MEGAPIXELS = 100.0  # the largest detectors have fewer than 20
# The channels of a lossy JPEG of a grey picture differ only by rounding in the colour transform.
GREY_TOLERANCE_LOSSY = 8
# Note of a radiograph whose header has a window or a table that shows nothing, so that the quality flags it.
USELESS_WINDOW = "its VOI window or table gives nearly all pixels one grey; the full range of values is used"


@dataclass(frozen=True)
class Radiograph:
    """One grey image in which dense bone is bright.

    Attributes
    ----------
    pixels
        uint8, uint16 or float32 [height, width].
    spacing_mm
        Pixel spacing (between rows, between columns) in mm; None if the file states no positive spacing.
    view
        PA, AP or FRONTAL, by the words of a DICOM header; None if the file states none.
    notes
        Faults of the file that were tolerated, one line each, without any patient data.
    padding
        Boolean [height, width], true where the header says that a pixel is no part of the image (Pixel Padding Value
        and Pixel Padding Range Limit of DICOM, PS3.3 C.7.5.1.1.2); None if it says so of no pixel. In ``pixels`` such
        pixels have the darkest value of the rest of the image.
    orientation
        How the file stores the film (:mod:`cxrfactory.imaging.turns`): ``LF`` if as displayed. The pixels here are
        always in the usual display.

    Examples
    --------
    >>> radiograph = cxr.read_radiograph(film)
    >>> radiograph.spacing_mm is None  # a PNG file states no spacing
    True
    """

    pixels: Shaped[np.ndarray, "height width"]
    spacing_mm: tuple[float, float] | None = None
    view: str | None = None
    notes: tuple[str, ...] = ()
    padding: Bool[np.ndarray, "height width"] | None = None
    orientation: str = USUAL

    @property
    def stored_shape(self) -> tuple[int, int]:
        """Height and width of the image as the file stores it, pixels."""
        height, width = self.pixels.shape
        return (width, height) if lies_on_its_side(self.orientation) else (height, width)

    @property
    def stored_spacing_mm(self) -> tuple[float, float] | None:
        """Pixel spacing (between rows, between columns) of the image as the file stores it."""
        if self.spacing_mm is None or not lies_on_its_side(self.orientation):
            return self.spacing_mm
        return self.spacing_mm[1], self.spacing_mm[0]


def check_size(height: int, width: int, max_megapixels: float) -> None:
    """Refuse images of impossible, tiny or huge size; the size comes from the header, before decoding.

    Raises
    ------
    ImageError
        If a side is under 64 px, or height x width exceeds ``max_megapixels``.
    """
    if height < SMALLEST_SIDE or width < SMALLEST_SIDE:
        raise ImageError(f"{height} x {width} px; a radiograph has at least {SMALLEST_SIDE} px a side")
    if height * width > max_megapixels * 1e6:
        raise ImageError(
            f"{height} x {width} px = {height * width / 1e6:.0f} Mpx; the limit is {max_megapixels:g} Mpx "
            "(raise it if such images are expected)"
        )


def check_pixels(pixels: Shaped[np.ndarray, "height width"]) -> None:
    """Refuse images without usable content.

    Raises
    ------
    ImageError
        If all pixels are equal, a pixel is not finite, or the range of values exceeds single precision.
    """
    low, high = pixels.min(), pixels.max()
    if not np.isfinite(low) or not np.isfinite(high):
        raise ImageError("pixels that are not finite numbers")
    if float(high) - float(low) > np.finfo(np.float32).max:
        raise ImageError(f"pixels from {low:g} to {high:g}: a range that single precision cannot hold")
    if low == high:
        raise ImageError(f"one-colour image: every pixel is {low:g}")


def grey_of_colour(pixels: Shaped[np.ndarray, "height width 3"], tolerance: int) -> Shaped[np.ndarray, "height width"]:
    """Return the green channel as the grey image if the three channels differ by at most ``tolerance`` levels.

    Raises
    ------
    ImageError
        If the channels differ by more, so that the image has true colour.
    """
    red, green, blue = (pixels[..., channel].astype(np.int32) for channel in range(3))
    apart = max(int(np.abs(red - green).max()), int(np.abs(green - blue).max()), int(np.abs(red - blue).max()))
    if apart > tolerance:
        raise ImageError(f"true colour (channels differ by up to {apart} levels); a radiograph is grey")
    return np.ascontiguousarray(pixels[..., 1])
