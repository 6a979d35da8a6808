"""Detection of uniform black or white borders from collimation, film edges or padding."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Shaped

from cxrfactory.imaging.radiograph.grey_scale import grey_ends

TOLERANCE = 0.02  # share of the range of values; a few grey levels, for noise and JPEG ringing
LARGEST_SHARE = 0.4  # largest part of a side's length that is removed at each end
SMALLEST_CONTENT = 0.01  # share of the picture; less content that stands alone in a border is a marker or a label
DEAD_SHARE = 0.002  # share of a row's or a column's pixels that may be dead or hot ones

_BLOCK = 32  # lines that are looked at at once
_SIDE = 256  # about this many rows and columns are looked at to tell content that stands alone


def find_borders(pixels: Shaped[np.ndarray, "height width"]) -> tuple[int, int, int, int]:
    """Find the part of an image inside its uniform borders.

    A row or column is uniform if its pixels lie within 2 % of the range of values above the darkest value, or within
    2 % below the brightest value; one pixel, and one in 500, may be another one. Range, darkest and brightest value are
    robust, so that a marker or a hot pixel does not set them. Borders are runs of such rows and columns from the sides
    inwards. The search repeats inside the remaining image until nothing more is removed, which handles a white frame
    around a black one. A marker or a label that stands alone in a black border does not stop the trimming.

    Parameters
    ----------
    pixels
        Image [row, column] of any real dtype, in which bone is bright.

    Returns
    -------
    ``(top, left, height, width)`` of the part to keep, pixels; the whole image if all pixels are equal.
    """
    height, width = pixels.shape
    dark, bright = _limits(pixels)
    if dark >= bright:
        return 0, 0, height, width
    look = _Look(pixels, dark, bright, _markers(pixels, dark))
    most = int(LARGEST_SHARE * height), int(LARGEST_SHARE * width)
    top, bottom, left, right = 0, height, 0, width
    while True:
        before = (top, bottom, left, right)
        first, last = look.ends(0, (top, bottom), (left, right), most[0])
        top, bottom = min(top + first, most[0]), max(bottom - last, height - most[0])
        first, last = look.ends(1, (left, right), (top, bottom), most[1])
        left, right = min(left + first, most[1]), max(right - last, width - most[1])
        if (top, bottom, left, right) == before:
            return top, left, bottom - top, right - left


def _limits(pixels: np.ndarray) -> tuple[float, float]:
    """Return the largest value of a black border and the smallest value of a white one."""
    darkest, brightest = grey_ends(pixels)
    slack = TOLERANCE * (brightest - darkest)
    return darkest + slack, brightest - slack


def _markers(pixels: np.ndarray, dark: float) -> Bool[np.ndarray, "height width"] | None:
    """Return small content that stands alone outside the frame of the largest content; None without such content."""
    step = max(1, min(pixels.shape) // _SIDE)
    lit = (pixels[::step, ::step] > dark).astype(np.uint8)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(lit, connectivity=8)
    if count < 3:  # the background and one piece
        return None
    left, top, width, height, area = boxes.T
    main = 1 + int(np.argmax(area[1:]))
    outside = (left < left[main]) | (top < top[main])
    outside |= (left + width > left[main] + width[main]) | (top + height > top[main] + height[main])
    alone = outside & (area < SMALLEST_CONTENT * labels.size)
    alone[0] = False
    if not alone.any():
        return None
    # Content is taken with its rim, which lies between the rows and columns that were looked at.
    rim = cv2.dilate(alone[labels].astype(np.uint8), np.ones((3, 3), np.uint8)) & (labels != main)
    full = np.repeat(np.repeat(rim.astype(bool), step, axis=0), step, axis=1)
    return full[: pixels.shape[0], : pixels.shape[1]]


@dataclass(frozen=True)
class _Look:
    """A look at the lines of a picture from its sides inwards, only as far as they are uniform."""

    pixels: np.ndarray
    dark: float
    bright: float
    markers: np.ndarray | None

    def ends(self, axis: int, lines: tuple[int, int], within: tuple[int, int], most: int) -> tuple[int, int]:
        """Count the uniform rows (``axis`` 0) or columns (1) at both ends, up to ``most``.

        Bright lines count only at the edge of the picture: white inside a black border is saturated image content.
        """
        first = self._end(axis, range(lines[0], min(lines[0] + most, lines[1])), within)
        last = self._end(axis, range(lines[1] - 1, max(lines[1] - 1 - most, lines[0] - 1), -1), within)
        if first + last >= 2 * most or first + last >= lines[1] - lines[0]:
            middle = range(lines[0] + first, lines[1] - last)
            if self._end(axis, middle, within) == len(middle):  # no content at all, so there is no border either
                return 0, 0
        return first, last

    def _end(self, axis: int, lines: range, within: tuple[int, int]) -> int:
        black = self._run(axis, lines, within, white=False)
        edge = bool(lines) and lines.start in (0, self.pixels.shape[axis] - 1)
        return self._run(axis, lines, within, white=True) if edge and not black else black

    def _run(self, axis: int, lines: range, within: tuple[int, int], white: bool) -> int:
        dead = 1 + int(DEAD_SHARE * (within[1] - within[0]))
        for start in range(0, len(lines), _BLOCK):
            block = lines[start : start + _BLOCK]
            part = slice(min(block[0], block[-1]), max(block[0], block[-1]) + 1)
            place = (part, slice(*within)) if axis == 0 else (slice(*within), part)
            pixels = self.pixels[place]
            content = pixels < self.bright if white else pixels > self.dark
            if self.markers is not None and not white:
                content &= ~self.markers[place]
            uniform = np.count_nonzero(content, axis=1 - axis) <= dead
            if not uniform.all():
                return start + int(np.argmin(uniform if lines.step > 0 else uniform[::-1]))
        return len(lines)
