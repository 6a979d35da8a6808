"""Grey image of a picture in colour: equal channels, or one tint, as that of a scanned or photographed film.

In a tinted picture, the colour of a pixel follows from its brightness alone, and no channel falls where the brightness
rises. A drawing in red, a colour map and the photograph of a person have pixels of equal brightness and different
colours, or channels that fall.
"""

import cv2
import numpy as np
from jaxtyping import Float, Shaped, UInt8

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.image import grey_of_colour

STRONGEST = 90  # levels of 255 by which the channels of a tint may differ; a sepia scan has about 50
ANOTHER_COLOUR = 24  # levels off the tint, as the mean of 3 x 3 pixels, so that the noise of a camera is none
_FALL = 8  # levels by which a channel of a tint may fall while the brightness rises: noise of rare grey values
_LEVELS = 256


def grey_of_channels(
    pixels: Shaped[np.ndarray, "height width 3"], tolerance: int, notes: list[str]
) -> Shaped[np.ndarray, "height width"]:
    """Return the grey image of a picture whose channels are equal, or which has 8 bits and one tint.

    Parameters
    ----------
    pixels
        Red, green and blue.
    tolerance
        Levels by which channels may differ and still be called equal; the green one is returned then.
    notes
        Gets a line if the picture is tinted; its luminance is returned then.

    Raises
    ------
    ImageError
        If the image has true colour.

    Examples
    --------
    >>> said = []
    >>> sepia = np.stack([np.full((2, 2), level, np.uint8) for level in (200, 190, 160)], axis=-1)
    >>> grey_of_channels(sepia, 0, said).tolist(), len(said)
    ([[190, 190], [190, 190]], 1)
    """
    try:
        return grey_of_colour(pixels, tolerance)
    except ImageError:
        if pixels.dtype != np.uint8:
            raise
        grey = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)  # the luminance of ITU-R BT.601
        tint = _tint(pixels, grey)
        if tint is None or _furthest(pixels, grey, tint) > ANOTHER_COLOUR:
            raise
    notes.append(f"tinted (channels differ by up to {round(float(np.ptp(tint, axis=1).max()))} levels); read as grey")
    return grey


def _tint(pixels: UInt8[np.ndarray, "height width 3"], grey: np.ndarray) -> Float[np.ndarray, "256 3"] | None:
    """Return the mean colour of each brightness; None if no tint has such colours. Absent ones are interpolated."""
    counts = np.bincount(grey.ravel(), minlength=_LEVELS)
    present = np.flatnonzero(counts)
    colours = np.stack(
        [
            np.bincount(grey.ravel(), weights=pixels[..., channel].ravel(), minlength=_LEVELS)[present]
            / counts[present]
            for channel in range(3)
        ],
        axis=1,
    )
    falls = np.maximum.accumulate(colours, axis=0) - colours
    if falls.max() > _FALL or np.ptp(colours, axis=1).max() > STRONGEST:
        return None
    return np.stack([np.interp(np.arange(_LEVELS), present, colours[:, channel]) for channel in range(3)], axis=1)


def _furthest(pixels: UInt8[np.ndarray, "height width 3"], grey: np.ndarray, tint: np.ndarray) -> float:
    """Return how far the colour of the picture is from the tint where it is furthest, levels."""
    return max(
        float(np.abs(cv2.blur(pixels[..., channel] - tint[:, channel].astype(np.float32)[grey], (3, 3))).max())
        for channel in range(3)
    )
