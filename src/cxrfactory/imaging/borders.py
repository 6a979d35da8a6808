"""Uniform black borders: collimation, film edges, padding of a release."""

import numpy as np
from jaxtyping import Shaped

TOLERANCE = 0.02  # of the range of values: a few grey levels, for noise and JPEG ringing
LARGEST_SHARE = 0.4  # of a side's length; a wider black border is cut only so far


def find_borders(pixels: Shaped[np.ndarray, "height width"]) -> tuple[int, int, int, int]:
    """Find the image within its black borders.

    A row or column belongs to a border when each of its pixels lies within 2 % of the range of values above
    the darkest; borders are runs of such rows and columns from the sides inwards. A border with anything in
    it, such as a burnt-in marker, stays from there on: nothing that shows something is ever cut. White
    borders (open collimation of an inverted image) stay.

    Parameters
    ----------
    pixels
        Any real dtype, bone bright.

    Returns
    -------
    ``(top, left, height, width)`` of what is kept, pixels; the whole image where all of it is dark.
    """
    height, width = pixels.shape
    rows, columns = pixels.max(axis=1), pixels.max(axis=0)
    low, high = float(pixels.min()), float(rows.max())
    limit = low + TOLERANCE * (high - low)
    if high == low:
        return 0, 0, height, width
    top, below = _dark_ends(rows > limit)
    left, right = _dark_ends(columns > limit)
    return top, left, height - top - below, width - left - right


def _dark_ends(lit: np.ndarray) -> tuple[int, int]:
    most = int(LARGEST_SHARE * len(lit))
    return min(int(np.argmax(lit)), most), min(int(np.argmax(lit[::-1])), most)
