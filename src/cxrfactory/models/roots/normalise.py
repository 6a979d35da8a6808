"""Local contrast of pictures of plates, which is what the networks of roots see."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

WINDOW = 63  # side of the window of local mean and spread, pixels
MOST = 6.0  # contrasts beyond this are cut
_LEAST_SPREAD = 1.0  # grey levels


def local_contrast(grey: UInt8[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Return how far each pixel is from the mean of its surroundings, in units of their spread.

    The result hardly depends on brightness and contrast, or on light that changes slowly over the plate. The spread is
    the root of the sum of two variances: that of the window and the median of all windows of the picture, so that noise
    in an empty part of the plate is not raised to the contrast of roots.

    Parameters
    ----------
    grey
        8-bit grey values, [row, column].

    Returns
    -------
    float32 of the same shape, from -6 to 6; an even picture gives zeros.
    """
    values = grey.astype(np.float32)
    apart = values - _mean(_mean(values))
    variance = _mean(apart * apart)
    typical = np.median(variance[:: WINDOW // 4, :: WINDOW // 4])
    spread = np.sqrt(variance + typical + _LEAST_SPREAD**2)
    return np.clip(apart / spread, -MOST, MOST)


def _mean(values: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    return cv2.blur(values, (WINDOW, WINDOW), borderType=cv2.BORDER_REFLECT)
