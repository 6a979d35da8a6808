"""Whether images are of one heartbeat, and whether all slices show it from the same time on.

A real-time cine takes images through several beats and knows nothing of the R wave, so that its slices begin at any
time of the cycle. What the headers do not say, the images tell: a beat that comes again looks as before, and the blood
pool is smallest at one time in all slices.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from cxrfactory.hearts.reading.blood_pool import VENTRICLE_MM, pool_areas

FEWEST_IMAGES = 8  # below it, no beat is seen to come again
FEWEST_BEATS = 1.5
LARGEST_SPREAD = 0.25  # share of the cycle between the smallest pools of two slices
_SHORTEST_BEAT = 4  # images
_LIKE_BEFORE = 0.5  # of the largest difference at a shorter time
_CLEAR_CHANGE = 0.25  # share of the largest pool

Stack = Sequence[Float[np.ndarray, "times rows columns"]]


def beats_seen(slices: Stack, spacing_mm: tuple[float, float], centre: tuple[float, float]) -> float:
    """Return how many heartbeats the images show; 1 where no beat comes again.

    Images one beat apart look alike. Their mean difference is compared with that of all images of both beats, so that
    times at which the heart rests do not count. It grows with the time between images, and is small again after a beat.

    Parameters
    ----------
    slices
        Images of each slice over time, all with the same number of times.
    spacing_mm
        Distance of pixels along a row and along a column.
    centre
        Column and row of the left ventricle.
    """
    many = len(slices[0])
    longest = int(many / FEWEST_BEATS) + 1
    if many < FEWEST_IMAGES or longest <= _SHORTEST_BEAT:
        return 1.0
    rows, columns = np.indices(slices[0].shape[1:])
    away = np.hypot((columns - centre[0]) * spacing_mm[0], (rows - centre[1]) * spacing_mm[1])
    ratios = np.zeros(longest + 1)
    for images in slices:
        values = images[:, away <= VENTRICLE_MM].astype(np.float32)
        apart = np.stack([np.abs(values - one).mean(1) for one in values])
        for lag in range(1, longest + 1):
            alike = float(np.diagonal(apart, lag).mean())
            ratios[lag] += alike / max(float(apart[: many - lag, lag:].mean()), 1e-9)
    for lag in range(_SHORTEST_BEAT, longest):
        lowest = ratios[lag] <= min(ratios[lag - 1], ratios[lag + 1])
        if lowest and ratios[lag] < _LIKE_BEFORE * ratios[1:lag].max():
            return many / lag
    return 1.0


def spread_of_systole(
    slices: Stack, phases: Float[np.ndarray, " times"], spacing_mm: tuple[float, float], centre: tuple[float, float]
) -> float:
    """Return the largest share of the cycle, up to 0.5, between the smallest blood pools of two slices.

    Slices whose pool changes little do not count; the result is 0 if fewer than two are left.

    Parameters
    ----------
    slices, spacing_mm, centre
        As in :func:`beats_seen`.
    phases
        Phase of each time.
    """
    lowest = []
    for images in slices:
        pool = pool_areas([images], spacing_mm, centre)
        if float(np.ptp(pool)) >= _CLEAR_CHANGE * max(float(pool.max()), 1e-9):
            lowest.append(float(phases[int(np.argmin(pool))]))
    apart = np.abs(np.subtract.outer(lowest, lowest)) % 1.0
    return float(np.minimum(apart, 1 - apart).max()) if len(lowest) > 1 else 0.0
