"""A fully connected conditional random field that refines probabilities of roots by the picture's grey values."""

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy.ndimage import maximum_filter1d

from cxrfactory.compiled import compiled

# Widths of the kernel in pixels and grey levels. The paper's are 5 and 3; it gives the random field three equal
# channels of colour, whose distance is the root of 3 times that of one channel.
POSITION, GREY = 5.0, 3.0 / 3**0.5
ITERATIONS = 5
WEIGHT = 1.0
_REACH = 3  # the kernel ends at this many widths of position, where it is below 0.012
_LEAST = 1e-3  # a smaller probability of root counts as none


def refined(
    probability: Float[np.ndarray, "h w"],
    grey: UInt8[np.ndarray, "h w"],
    position: float = POSITION,
    grey_levels: float = GREY,
    weight: float = WEIGHT,
    iterations: int = ITERATIONS,
) -> Float[np.ndarray, "h w"]:
    """Return probabilities after mean-field inference.

    The energy of a pair of pixels with different labels is the weight times the kernel
    exp(-d^2 / (2 position^2) - g^2 / (2 grey_levels^2)) of their distance d and their difference g in grey, divided by
    the roots of both pixels' sums of kernels, themselves included (as DenseCRF does by default). The sums are exact, up
    to three widths of position away. Where no pixel within that reach has a probability of at least 0.001, the
    probability stays as it is.

    Parameters
    ----------
    probability
        Probability of root, float32 [row, column].
    grey
        8-bit grey values of the picture.
    position, grey_levels
        Widths of the kernel in pixels and in grey levels.
    weight
        Weight of the pairs.
    iterations
        Number of rounds of the inference.

    Returns
    -------
    float32, from 0 to 1.
    """
    reach = int(np.ceil(_REACH * position))
    offsets = np.arange(-reach, reach + 1)
    near = np.exp(-(offsets**2) / (2 * position**2))
    like = np.exp(-(np.arange(256) ** 2) / (2 * grey_levels**2)).astype(np.float32)
    space = np.outer(near, near).astype(np.float32)
    active = _within(probability >= _LEAST, reach)
    places = np.flatnonzero(active)
    start = np.clip(probability.astype(np.float32), 1e-5, 1 - 1e-5)
    if not len(places):
        return start
    scale = np.zeros(grey.shape, np.float32)
    wider = _within(active, reach)
    inner = np.flatnonzero(wider)
    flat = scale.reshape(-1)
    flat[inner] = 1 / np.sqrt(1 + _sums(np.ones_like(scale), grey, inner, space, like))
    unary = np.log(start / (1 - start)).reshape(-1)[places]
    current = start
    for _ in range(iterations):
        # Both labels' messages differ by the sum of 2 q - 1, which is a sum over q and one over ones.
        message = _sums((2 * current - 1) * scale, grey, places, space, like) * flat[places]
        following = start.copy()
        following.reshape(-1)[places] = 1 / (1 + np.exp(-(unary + weight * message)))
        current = following
    return current


def _within(where: Bool[np.ndarray, "h w"], reach: int) -> Bool[np.ndarray, "h w"]:
    wide = where.astype(np.uint8)
    for axis in (0, 1):
        wide = maximum_filter1d(wide, 2 * reach + 1, axis=axis, mode="constant")
    return wide > 0


@compiled
def _sums(values, grey, places, space, like):
    """Return the sum of values under the kernel at each of the flat places, without the place itself."""
    height, width = grey.shape
    reach = space.shape[0] // 2
    result = np.empty(len(places), np.float32)
    for number in range(len(places)):
        row, column = places[number] // width, places[number] % width
        here = np.int32(grey[row, column])
        total = np.float32(0)
        for y in range(max(row - reach, 0), min(row + reach + 1, height)):
            part = np.float32(0)
            for x in range(max(column - reach, 0), min(column + reach + 1, width)):
                apart = abs(np.int32(grey[y, x]) - here)
                part += space[y - row + reach, x - column + reach] * like[apart] * values[y, x]
            total += part
        result[number] = total - values[row, column]
    return result
