"""Draw root systems: masks of main roots and laterals from the points of their edges."""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from jaxtyping import UInt8

COLOURS = {"main_root": (255, 170, 40), "laterals": (70, 170, 255), "mask": (120, 220, 120)}
MAIN, LATERALS, MASK = COLOURS
_BITS = 4  # of the fraction of a pixel that OpenCV draws with


def part_of(root: str) -> str:
    """Return ``main_root`` for a root that starts at the seed, and ``laterals`` for the others."""
    return LATERALS if "." in root else MAIN


def draw_lines(
    picture: UInt8[np.ndarray, "height width *channels"],
    lines: Iterable[Sequence[float]],
    colour: int | tuple[int, int, int],
    width: int,
    origin: tuple[float, float] = (0.0, 0.0),
    scale: float = 1.0,
) -> None:
    """Draw polylines into a picture, in place.

    Parameters
    ----------
    picture
        uint8 [row, column] or [row, column, 3].
    lines
        Points of each line: x0, y0, x1, y1, ..., pixels of the plate's first picture.
    colour
        Grey value, or RGB.
    width
        Width of the lines in pixels of ``picture``, an odd number.
    origin
        Place (x, y) on the plate of the picture's first pixel.
    scale
        Pixels of ``picture`` for one pixel of the plate.
    """
    shapes = []
    for line in lines:
        points = (np.asarray(line, float).reshape(-1, 2) - origin) * scale
        shapes.append(np.round(points * (1 << _BITS)).astype(np.int32).reshape(-1, 1, 2))
    if shapes:
        # With fractions of pixels, OpenCV draws a thickness of n as 2 n - 1 pixels.
        cv2.polylines(picture, shapes, False, colour, (width + 1) // 2, cv2.LINE_8, _BITS)
