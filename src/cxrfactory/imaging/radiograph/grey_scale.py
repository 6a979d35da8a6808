"""Black and white point of a radiograph, which markers, padding, collimation and dead pixels do not move.

The points are percentiles of the grey values. The pixels count with weights that fall towards the edges of the picture,
because the edges hold what is no anatomy: markers, labels, shutters, film edges. Values that stand apart at the ends of
the histogram, such as the one value of a marker or of a shutter, do not count.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Shaped

PERCENTILE = 1.0  # weighted share, in per cent, of the pixels that are darker, and of those that are brighter
MARGIN = 0.1  # share of the range between the percentiles that is added at both ends

_SIDE = 512  # about this many rows and columns are looked at; more do not change a percentile
_FEWEST_VALUES = 8
_STEPS = 1024  # weights are whole numbers up to this, so that their sums are exact
_POWER = 4
_FLOAT_BINS = 65535

# A value at an end of the histogram stands apart if nothing lies between it and the next values over this share of the
# range between the percentiles ...
_GAP = 0.03
_FARTHEST = 0.05  # ... and at most this share of the pixels lies beyond the gap;
# or if it holds this share of the pixels, and this many times the mean of the values next to it.
_ATOM_SHARE, _ATOM_TIMES, _ATOM_NEAR, _ATOM_LARGEST = 2e-4, 20, 0.02, 0.6


def grey_points(
    pixels: Shaped[np.ndarray, "height width"], padding: Bool[np.ndarray, "height width"] | None = None
) -> tuple[float, float]:
    """Return the black and the white point of a radiograph, in its own grey values.

    A marker, text, a shutter or a padding field at the edges, and dead pixels or rows anywhere, hardly move the points
    (docs/preprocess.md has the measurement).

    Parameters
    ----------
    pixels
        Image [row, column], uint8, uint16 or float32, finite.
    padding
        Pixels that are no image by the file's header; they do not count.

    Returns
    -------
    Black and white point; the white point is larger. If nearly all pixels that count have one value, the points are the
    darkest and the brightest value of the picture, which are equal in a picture of one colour.
    """
    counts, low, unit = _histogram(pixels, padding, weighted=True)
    counts = _without_ends(counts, atoms=True)
    first, last = (_quantile(counts, share / 100) for share in (PERCENTILE, 100 - PERCENTILE))
    if first.value == last.value:
        return float(pixels.min()), float(pixels.max())
    black, white = low + unit * first.place, low + unit * last.place
    margin = MARGIN * (white - black)
    return black - margin, white + margin


def grey_ends(pixels: Shaped[np.ndarray, "height width"]) -> tuple[float, float]:
    """Return the darkest and the brightest value, but for few pixels that stand apart, such as dead ones and markers.

    Parameters
    ----------
    pixels
        Image [row, column], uint8, uint16 or float32, finite.
    """
    counts, low, unit = _histogram(pixels, None, weighted=False)
    present = np.flatnonzero(_without_ends(counts, atoms=False))
    return low + unit * int(present[0]), low + unit * int(present[-1])


def _histogram(pixels: np.ndarray, padding: np.ndarray | None, weighted: bool) -> tuple[np.ndarray, float, float]:
    """Return the counts of the grey values, the value of the first count, and the step between values."""
    step = max(1, min(pixels.shape) // _SIDE)
    seen = pixels[step // 2 :: step, step // 2 :: step]
    low, unit = 0.0, 1.0
    if seen.dtype.kind == "f":
        low = float(seen.min())
        unit = (float(seen.max()) - low) / _FLOAT_BINS or 1.0
        seen = np.rint((seen - low) / unit).astype(np.uint16)
    if not weighted:
        return np.bincount(seen.ravel()).astype(float), low, unit
    weights = _weight_map(*seen.shape)
    if padding is not None:
        weights = weights.copy()
        weights[padding[step // 2 :: step, step // 2 :: step]] = 0
    return np.bincount(seen.ravel(), weights.ravel()), low, unit


@lru_cache(maxsize=2)  # most pictures of a release have one of few shapes
def _weight_map(rows: int, columns: int) -> np.ndarray:
    made = np.multiply.outer(_weights(rows), _weights(columns))
    made.flags.writeable = False
    return made


def _weights(length: int) -> np.ndarray:
    """Return whole weights that rise from 0 at both ends of a side to 1024 in its middle."""
    place = (2 * np.arange(length) + 1) / (2 * length)
    return np.floor(_STEPS * (4 * place * (1 - place)) ** _POWER + 0.5)


class _Quantile(NamedTuple):
    value: int  # the value that the quantile falls on
    place: float  # the quantile, with the pixels of a value spread evenly up to half-way to its neighbours


def _quantile(counts: np.ndarray, share: float) -> _Quantile:
    values = np.flatnonzero(counts)
    below = np.cumsum(counts[values])
    wanted = share * below[-1]
    place = int(np.searchsorted(below, wanted))
    value, half = int(values[place]), np.diff(values) / 2
    left = half[place - 1] if place > 0 else half[:1].sum()
    right = half[place] if place < len(half) else half[-1:].sum()
    part = (wanted - (below[place] - counts[value])) / counts[value]
    place = value - left + part * (left + right)
    return _Quantile(value, float(min(max(place, values[0]), values[-1])))


def _without_ends(counts: np.ndarray, atoms: bool) -> np.ndarray:
    """Return a histogram without the values that stand apart at its bright and at its dark end."""
    return _without_end(_without_end(counts, atoms)[::-1], atoms)[::-1]


def _without_end(counts: np.ndarray, atoms: bool) -> np.ndarray:
    counts = counts.copy()
    while True:
        total, below = counts.sum(), np.cumsum(counts)
        first, last = (int(np.searchsorted(below, share * total)) for share in (PERCENTILE / 100, 1 - PERCENTILE / 100))
        span = max(last - first, 1)
        present = np.flatnonzero(counts)
        if len(present) < _FEWEST_VALUES:  # too few values to say that one of them stands apart
            return counts
        end = present[present >= int(np.searchsorted(below, (1 - _FARTHEST) * total))]
        apart = np.flatnonzero(np.diff(end) > max(2, int(_GAP * span)))
        if len(apart):
            counts[end[apart[0] + 1] :] = 0
            continue
        top = int(present[-1])
        near = counts[max(0, top - max(2, int(_ATOM_NEAR * span))) : top]
        near = near[near > 0]  # copies of 8-bit pictures in 16 bits leave out most values
        usual = float(near.mean()) if len(near) else 0.0
        if not (atoms and max(_ATOM_SHARE * total, _ATOM_TIMES * usual) < counts[top] < _ATOM_LARGEST * total):
            return counts
        counts[top] = 0
