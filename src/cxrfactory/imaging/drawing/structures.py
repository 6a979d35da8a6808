"""Many structures over one film: filled and outlined where they may be trusted, with a thin grey outline elsewhere."""

import colorsys
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from jaxtyping import UInt8

OPACITY = 0.3
GREY = (150, 150, 150)
_GOLDEN = 0.618034  # step on the circle of hues, so that neighbours in a list get distant hues
_FINE_PX = 500  # an outline is one pixel wide for each such number of pixels of the side


def colours_of(names: Sequence[str]) -> dict[str, tuple[int, int, int]]:
    """Return a colour (RGB) for each name, by its place in alphabetical order."""
    return {name: _colour(place) for place, name in enumerate(sorted(names))}


def draw_structures(
    image: UInt8[np.ndarray, "h w"], masks: Mapping[str, tuple[UInt8[np.ndarray, "h w"], bool]]
) -> UInt8[np.ndarray, "h w 3"]:
    """Draw masks over a film, the largest first.

    Parameters
    ----------
    image
        8-bit grey film; it is not changed.
    masks
        Name to mask (0 and 1, of the film's shape), and whether it may be trusted.

    Returns
    -------
    RGB picture.
    """
    picture = np.repeat(image[..., None], 3, axis=2)
    colours = colours_of(list(masks))
    for name, (mask, sure) in sorted(masks.items(), key=lambda item: (-int(item[1][0].sum()), item[0])):
        if sure:
            inside = mask.astype(bool)
            tint = np.float32(colours[name]) - picture[inside]
            picture[inside] = np.rint(picture[inside] + OPACITY * tint).astype(np.uint8)
        outline, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        width = max(1, image.shape[0] // _FINE_PX) if sure else 1
        cv2.drawContours(picture, outline, -1, colours[name] if sure else GREY, width)
    return picture


def _colour(place: int) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(place * _GOLDEN % 1, 0.75, 1)
    return round(255 * red), round(255 * green), round(255 * blue)
