"""Uniform black or white borders: collimation, film edges, padding of a release."""

import numpy as np
from jaxtyping import Shaped

TOLERANCE = 0.02  # of the range of values: a few grey levels, for noise and JPEG ringing
LARGEST_SHARE = 0.4  # of a side's length; a wider border is cut only so far


def find_borders(pixels: Shaped[np.ndarray, "height width"]) -> tuple[int, int, int, int]:
    """Find the image within its borders.

    A row or column belongs to a border when each of its pixels lies within 2 % of the range of values above
    the darkest, or each within 2 % below the brightest; borders are runs of such rows and columns from the sides
    inwards, looked for again inside what was found until nothing more comes off (a white frame around a black one).
    A border with anything in it, such as a burnt-in marker, stays from there on: nothing that shows something is
    ever cut.

    Parameters
    ----------
    pixels
        Any real dtype, bone bright.

    Returns
    -------
    ``(top, left, height, width)`` of what is kept, pixels; the whole image where all of it is one shade.
    """
    height, width = pixels.shape
    low, high = float(pixels.min()), float(pixels.max())
    slack = TOLERANCE * (high - low)
    if high == low:
        return 0, 0, height, width
    most = int(LARGEST_SHARE * height), int(LARGEST_SHARE * width)
    top, bottom, left, right = 0, height, 0, width
    dark, bright = low + slack, high - slack
    while True:
        before = (top, bottom, left, right)
        inside = pixels[top:bottom, left:right]
        first, last = _uniform_ends(inside, 1, dark, bright, top == 0, bottom == height)
        top, bottom = min(top + first, most[0]), max(bottom - last, height - most[0])
        inside = pixels[top:bottom, left:right]
        first, last = _uniform_ends(inside, 0, dark, bright, left == 0, right == width)
        left, right = min(left + first, most[1]), max(right - last, width - most[1])
        if (top, bottom, left, right) == before:
            return top, left, bottom - top, right - left


def _uniform_ends(
    pixels: np.ndarray, along: int, darkest: float, brightest: float, white_first: bool, white_last: bool
) -> tuple[int, int]:
    """Rows (``along`` 1) or columns (0) at either end that are all dark, or all bright where that is asked for.

    White counts at the picture's own edge only: white inside a black border is a saturated picture.
    """
    dark, bright = pixels.max(axis=along) <= darkest, pixels.min(axis=along) >= brightest
    if dark.all() or bright.all():
        return 0, 0
    first, last = int(np.argmin(dark)), int(np.argmin(dark[::-1]))
    return first or int(np.argmin(bright)) * white_first, last or int(np.argmin(bright[::-1])) * white_last
