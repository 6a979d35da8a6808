"""Masks of roots from the lines that people traced along them."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

LEAST_WIDTH, MOST_WIDTH = 2.0, 15.0  # pixels
_STEP = 2.0  # distance of the profiles along a line, pixels
_SIDE = 20  # a profile reaches this far to both sides, pixels
_AT_LINE = 5  # the root is looked for this near to the line, pixels
_FLANK = 12  # pixels further from the line are background
_LEAST_CONTRAST = 2.0  # of a root against its background, in spreads of the background
_FINE, _FRACTION_BITS = 4, 4  # roots are drawn in quarters of pixels, at places to a sixteenth of those
_LEAST_PROFILES = 10

_NO_PROFILES = np.empty((0, 2 * _SIDE + 1), np.float32)

Lines = Sequence[Float[np.ndarray, "n 2"]]


def width_of_roots(grey: UInt8[np.ndarray, "h w"], lines: Lines) -> float:
    """Estimate the typical width of the roots in a picture from the grey values across traced lines.

    Every 2 pixels along the lines, a profile is taken across, 20 pixels to both sides. Roots are brighter or darker
    than their surroundings in the whole picture, whichever more profiles say. In each profile, the root's middle is the
    brightest (darkest) place within 5 pixels of the line, the background is the median of all places further than
    12 pixels from the line, and the width is that of the part around the middle with more than half of the difference.
    Profiles whose difference is less than 2 spreads of their background are left out.

    Parameters
    ----------
    grey
        The picture, [row, column].
    lines
        Traced roots, (x, y) in pixels.

    Returns
    -------
    Median of the widths in pixels, not less than 2 and not more than 15; without 10 usable profiles, 2.
    """
    widths = _widths(_profiles_of(grey, lines))
    if len(widths) < _LEAST_PROFILES:
        return LEAST_WIDTH
    return float(np.clip(np.median(widths), LEAST_WIDTH, MOST_WIDTH))


def share_outside(shape: tuple[int, int], lines: Lines) -> float:
    """Return the share of the length of traced lines that lies outside of a picture of so many rows and columns."""
    limits = np.array(shape[::-1]) - 0.5
    inside = total = 0.0
    for line in (each for each in lines if len(each) > 1):
        steps = np.hypot(*np.diff(line, axis=0).T)
        middles = (line[1:] + line[:-1]) / 2
        inside += float(steps[((middles >= -0.5) & (middles <= limits)).all(axis=1)].sum())
        total += float(steps.sum())
    return 1 - inside / total if total > 0 else 0.0


def share_on_roots(grey: UInt8[np.ndarray, "h w"], lines: Lines) -> float | None:
    """Return the share of the places along traced lines at which the picture shows a root (:func:`width_of_roots`).

    On real pictures it is 0.68 to 0.97, and 0.00 to 0.43 for lines that lie elsewhere. Without 10 places it is None.
    """
    found = _profiles_of(grey, lines)
    return len(_widths(found)) / len(found) if len(found) >= _LEAST_PROFILES else None


def draw_roots(shape: tuple[int, int], lines: Lines, width: float) -> UInt8[np.ndarray, "h w"]:
    """Draw lines as roots of one width.

    Parameters
    ----------
    shape
        Rows and columns.
    lines
        Middles of the roots, (x, y) in pixels; the centre of the first pixel is (0, 0).
    width
        Width of the roots, pixels.

    Returns
    -------
    uint8, [row, column]: 1 where at least half of the pixel is no further than half of the width from a line, else
    0.
    """
    fine = np.zeros((shape[0] * _FINE, shape[1] * _FINE), np.uint8)
    # OpenCV draws a line about one pixel wider than its thickness.
    thickness, places = max(1, round(width * _FINE) - 1), 1 << _FRACTION_BITS
    for line in lines:
        points = np.rint(((np.asarray(line) + 0.5) * _FINE - 0.5) * places)
        points = np.clip(points, -(2**24), 2**24).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(fine, [points], False, 255, thickness, cv2.LINE_8, _FRACTION_BITS)
    return (cv2.resize(fine, shape[::-1], interpolation=cv2.INTER_AREA) >= 128).astype(np.uint8)


def _profiles_of(grey: UInt8[np.ndarray, "h w"], lines: Lines) -> Float[np.ndarray, "m side"]:
    return np.concatenate([*(_profiles(grey, line) for line in lines if len(line) > 1), _NO_PROFILES])


def _profiles(grey: UInt8[np.ndarray, "h w"], line: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "m side"]:
    """Return grey values across a line, one row a place; places whose profile leaves the picture are left out."""
    steps = np.diff(line, axis=0)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*steps.T))])
    keep = np.concatenate([[True], np.diff(along) > 0])
    line, along = line[keep], along[keep]
    if len(line) < 2:
        return np.empty((0, 2 * _SIDE + 1), np.float32)
    at = np.arange(_STEP / 2, along[-1], _STEP)
    middle = np.stack([np.interp(at, along, axis) for axis in line.T], axis=1)
    ends = [np.stack([np.interp(at + d, along, axis) for axis in line.T], axis=1) for d in (-_STEP, _STEP)]
    direction = ends[1] - ends[0]
    length = np.hypot(*direction.T)
    middle, direction = middle[length > 0], direction[length > 0] / length[length > 0, None]
    across = np.stack([-direction[:, 1], direction[:, 0]], axis=1)
    places = middle[:, None] + np.arange(-_SIDE, _SIDE + 1)[None, :, None] * across[:, None]
    limits = np.array(grey.shape[::-1]) - 1
    places = places[((places >= 0) & (places <= limits)).all(axis=(1, 2))].astype(np.float32)
    if not len(places):
        return np.empty((0, 2 * _SIDE + 1), np.float32)
    values = [cv2.remap(grey, part[..., 0], part[..., 1], cv2.INTER_LINEAR) for part in _chunks(places)]
    return np.concatenate(values).astype(np.float32)


def _chunks(places: np.ndarray, rows: int = 30_000) -> list[np.ndarray]:
    return [places[start : start + rows] for start in range(0, len(places), rows)]  # remap takes up to 32,767 rows


def _widths(profiles: Float[np.ndarray, "m side"]) -> Float[np.ndarray, " k"]:
    """Return the widths at half of the maximum of those profiles that show a root, pixels."""
    if not len(profiles):
        return np.empty(0)
    offsets = np.arange(-_SIDE, _SIDE + 1)
    flanks = profiles[:, np.abs(offsets) > _FLANK]
    background = np.median(flanks, axis=1, keepdims=True)
    spread = 1.4826 * np.median(np.abs(flanks - background), axis=1) + 1
    apart = profiles - background
    inner = apart[:, np.abs(offsets) <= _AT_LINE]
    apart *= np.sign(np.median(inner[np.arange(len(inner)), np.abs(inner).argmax(axis=1)])) or 1
    inner = apart[:, np.abs(offsets) <= _AT_LINE]
    peaks = inner.argmax(axis=1) + _SIDE - _AT_LINE
    widths = []
    for values, peak, noise in zip(apart, peaks, spread, strict=True):
        half = values[peak] / 2
        if values[peak] < _LEAST_CONTRAST * noise:
            continue
        left, right = _crossing(values[peak::-1], half), _crossing(values[peak:], half)
        if left is not None and right is not None:
            widths.append(left + right)
    return np.array(widths)


def _crossing(values: Float[np.ndarray, " n"], half: float) -> float | None:
    """Return the distance at which values first fall to a half, None if they do not."""
    below = np.flatnonzero(values <= half)
    if not len(below):
        return None
    place = int(below[0])
    step = values[place - 1] - values[place]
    return place - 1 + float((values[place - 1] - half) / step)
