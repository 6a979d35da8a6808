"""Painting of masks over a picture for visual inspection; arrays are [row, column]."""

import colorsys
from collections.abc import Mapping

import numpy as np
from jaxtyping import UInt8

from cxrfactory.errors import CxrError

OPACITY = 0.4  # opacity of a mask over the picture
_GOLDEN = 0.618034  # step on the circle of hues; consecutive masks get distant hues in a list of any length


def draw_masks(
    image: UInt8[np.ndarray, "height width"], masks: Mapping[str, UInt8[np.ndarray, "height width"]]
) -> UInt8[np.ndarray, "height width 3"]:
    """Paint masks over a grey picture; the colour of a mask depends on its index, and later masks lie on top.

    Parameters
    ----------
    image
        8-bit grey picture; it is not changed.
    masks
        Name to mask of the picture's shape; non-zero inside.

    Returns
    -------
    RGB picture.

    Raises
    ------
    CxrError
        If a mask has another shape.
    """
    picture = np.repeat(image[..., None], 3, axis=2).astype(np.float32)
    for place, (name, mask) in enumerate(masks.items()):
        if mask.shape != image.shape:
            raise CxrError(f"mask of {name} of shape {mask.shape} over a picture of {image.shape}; expected one shape")
        colour = np.float32(colorsys.hsv_to_rgb(place * _GOLDEN % 1, 0.8, 1)) * 255
        inside = mask != 0
        picture[inside] += (colour - picture[inside]) * np.float32(OPACITY)
    return np.rint(picture).astype(np.uint8)
