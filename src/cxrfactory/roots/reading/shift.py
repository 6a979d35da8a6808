"""Shift between two pictures of a plate by phase correlation.

The spectrum of each picture is whitened and weighted by a band of spatial frequencies. The lowest frequencies, which
uneven light fills, and the highest, which noise and the blocks of a JPEG fill and which do not move with the plate,
count for nothing. The correlation of a picture with itself has a peak of 1.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Complex, Shaped
from scipy import fft
from scipy.signal.windows import tukey

_LOW, _HIGH = 0.02, 0.08  # cycles per pixel; standard deviations of the Gaussians that bound the band
LEAST_RESPONSE = 0.1  # below it, a shift may be one of chance
_TAPER = 0.1  # share of the sides over which the window falls, both ends together
_RIGID_PX = 1.5  # a quarter of a picture that is further off has other content
_AMPLITUDE = 0.02  # of the mean amplitude in the band; weaker frequencies are not lifted to full weight


@dataclass(frozen=True)
class Shift:
    """How one picture is to be moved to lie over another one.

    Attributes
    ----------
    x, y
        Pixels to the right and down.
    response
        Height of the correlation's peak, 1 for equal pictures.
    """

    x: float
    y: float
    response: float


@dataclass(frozen=True)
class Spectrum:
    """The whitened spectrum of a picture; pictures of one size can be compared.

    Attributes
    ----------
    values
        Real transform [frequency, frequency].
    shape
        Height and width in pixels of the part of the picture that was transformed.
    """

    values: Complex[np.ndarray, "rows columns"]
    shape: tuple[int, int]


def spectrum_of(picture: Shaped[np.ndarray, "height width"]) -> Spectrum:
    """Return the whitened spectrum of a picture under a window that falls to zero near its edges only.

    A Hann window would hide the frame of the plate and the code beside it, which do not grow.

    The picture is first cut to sides that transform fast, about its middle.
    """
    height, width = (fft.prev_fast_len(side, real=True) for side in picture.shape)
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    picture = picture[top : top + height, left : left + width]
    window, band = _window_and_band(height, width)
    values = picture.astype(np.float32)
    values -= values.mean()
    found = fft.rfft2(values * window)
    size = np.abs(found)
    floor = _AMPLITUDE * float((size * band).sum() / band.sum()) + np.finfo(np.float32).tiny
    return Spectrum((found / np.maximum(size, floor)).astype(np.complex64), (height, width))


def shift_between(reference: Spectrum, moved: Spectrum) -> Shift:
    """Return the shift that lays the picture ``moved`` over ``reference``, to a fraction of a pixel.

    Raises
    ------
    ValueError
        If the pictures differ in size.
    """
    if reference.shape != moved.shape:
        raise ValueError(f"pictures of {reference.shape} and {moved.shape}; expected one size")
    height, width = reference.shape
    band = _window_and_band(height, width)[1]
    surface = fft.irfft2(reference.values * np.conj(moved.values) * band, s=(height, width))
    row, column = np.unravel_index(int(np.argmax(surface)), surface.shape)
    down = _refined(surface[[(row - 1) % height, row, (row + 1) % height], column])
    right = _refined(surface[row, [(column - 1) % width, column, (column + 1) % width]])
    y, x = row + down, column + right
    y, x = (y - height if y > height / 2 else y), (x - width if x > width / 2 else x)
    return Shift(float(x), float(y), float(surface[row, column] / _full(height, width)))


@dataclass(frozen=True)
class View:
    """A picture prepared for comparison: its spectrum, and those of its four quarters.

    Attributes
    ----------
    whole
        Spectrum of the picture.
    quarters
        Spectra of the quarters, row by row.
    size
        Height and width of the picture in pixels.
    """

    whole: Spectrum
    quarters: tuple[Spectrum, ...]
    size: tuple[int, int]


def view_of(picture: Shaped[np.ndarray, "height width"]) -> View:
    """Prepare a picture for :func:`shift_between` and :func:`turn_between`."""
    rows, columns = picture.shape[0] // 2, picture.shape[1] // 2
    parts = [picture[top : top + rows, left : left + columns] for top in (0, rows) for left in (0, columns)]
    return View(spectrum_of(picture), tuple(spectrum_of(part) for part in parts), picture.shape)


def turn_between(reference: View, moved: View) -> float | None:
    """Return by how many degrees a picture is turned against another one; None if its quarters do not agree on it.

    Each quarter has a shift of its own. A turn about any point moves them as a rigid square; roots that grow do not.

    Parameters
    ----------
    reference, moved
        Pictures of one size.

    Returns
    -------
    Degrees, positive if the picture is turned clockwise as it is shown.
    """
    height, width = reference.size
    across, down = width / 4, height / 4  # from the middle of the picture to the middles of its quarters
    places = np.array([[-across, -down], [across, -down], [-across, down], [across, down]])
    found = [shift_between(*pair) for pair in zip(reference.quarters, moved.quarters, strict=True)]
    sure = [place for place, shift in enumerate(found) if shift.response >= LEAST_RESPONSE]
    if len(sure) < 3:
        return None
    # A small turn by t radians moves (x, y) by (-t y, t x), and the shift back is (t y, -t x) and a common one.
    shifts = np.array([[found[place].x, found[place].y] for place in sure])
    x, y = places[sure].T
    one, none = np.ones_like(x), np.zeros_like(x)
    rows = np.concatenate([np.stack([y, one, none], 1), np.stack([-x, none, one], 1)])
    wanted = np.concatenate([shifts[:, 0], shifts[:, 1]])
    solved = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    if np.abs(rows @ solved - wanted).max() > _RIGID_PX:
        return None
    return float(np.degrees(solved[0]))


def _refined(three: np.ndarray) -> float:
    """Return where a parabola through three values has its peak, from the middle one."""
    before, middle, after = (float(value) for value in three)
    bend = before - 2 * middle + after
    return 0.0 if bend >= 0 else min(max(0.5 * (before - after) / bend, -0.5), 0.5)


@lru_cache(maxsize=4)
def _window_and_band(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    window = np.outer(*(tukey(side + 2, _TAPER)[1:-1] for side in (height, width))).astype(np.float32)
    across, down = fft.rfftfreq(width), fft.fftfreq(height)
    square = down[:, None] ** 2 + across**2
    band = np.exp(-square / (2 * _HIGH**2)) * (1 - np.exp(-square / (2 * _LOW**2)))
    for each in (window, band := band.astype(np.float32)):
        each.flags.writeable = False
    return window, band


@lru_cache(maxsize=4)
def _full(height: int, width: int) -> float:
    """Return the correlation of a picture with itself if no frequency is weak."""
    band = _window_and_band(height, width)[1]
    return float(fft.irfft2(band.astype(np.complex64), s=(height, width))[0, 0])
