"""Detection of uniform black or white borders from collimation, film edges or padding."""

import numpy as np
from jaxtyping import Shaped

TOLERANCE = 0.02  # share of the range of values; a few grey levels, for noise and JPEG ringing
LARGEST_SHARE = 0.4  # largest part of a side's length that is removed at each end


def find_borders(pixels: Shaped[np.ndarray, "height width"]) -> tuple[int, int, int, int]:
    """Find the part of an image inside its uniform borders.

    A row or column is uniform if all of its pixels lie within 2 % of the range of values above the darkest value, or
    all within 2 % below the brightest value. Borders are runs of such rows and columns from the sides inwards. The
    search repeats inside the remaining image until nothing more is removed, which handles a white frame around a black
    one. Trimming stops at the first row or column with content, such as a burnt-in marker.

    Parameters
    ----------
    pixels
        Image [row, column] of any real dtype, in which bone is bright.

    Returns
    -------
    ``(top, left, height, width)`` of the part to keep, pixels; the whole image if all pixels are equal.
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
    """Count the uniform rows (``along`` 1) or columns (``along`` 0) at both ends.

    Bright rows and columns count only where ``white_first`` or ``white_last`` allows them, which is at the edge of the
    picture: white inside a black border is saturated image content.
    """
    dark, bright = pixels.max(axis=along) <= darkest, pixels.min(axis=along) >= brightest
    if dark.all() or bright.all():
        return 0, 0
    first, last = int(np.argmin(dark)), int(np.argmin(dark[::-1]))
    return first or int(np.argmin(bright)) * white_first, last or int(np.argmin(bright[::-1])) * white_last
