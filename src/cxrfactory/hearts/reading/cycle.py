"""Times of the cardiac cycle: which image of a cine belongs to a time, and which are end-diastole and end-systole."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from cxrfactory.hearts.reading.cine import Cine

LARGEST_PHASE_GAP = 0.1  # share of the cycle; with 10 images a cycle or more, the nearest is always closer
# End-systole lies within this part of the cycle, also in slow and in fast hearts.
SYSTOLE = (0.12, 0.65)


def reference(stack: Sequence[Cine]) -> Cine:
    """Return the cine whose times count for all: of those with the usual number of images, the one in the middle."""
    counts = Counter(len(cine.moments) for cine in stack)
    usual = max(counts, key=lambda count: (counts[count], count))
    middle = (len(stack) - 1) / 2
    places = [place for place, cine in enumerate(stack) if len(cine.moments) == usual]
    return stack[min(places, key=lambda place: abs(place - middle))]


def moment_at(cine: Cine, phase: float) -> int | None:
    """Return the index of a cine's image nearest to a phase, or None if it is further than :data:`LARGEST_PHASE_GAP`.

    Examples
    --------
    >>> moment_at(cine, 0.4)  # doctest: +SKIP
    10
    """
    apart = np.abs(cine.phases - phase) % 1.0
    apart = np.minimum(apart, 1 - apart)
    nearest = int(np.argmin(apart))
    return nearest if apart[nearest] <= LARGEST_PHASE_GAP else None


def end_diastole(phases: Float[np.ndarray, " n"]) -> int:
    """Return the first image after the R wave."""
    return int(np.argmin(phases))


def end_systole(phases: Float[np.ndarray, " n"], pool: Float[np.ndarray, " n"]) -> int | None:
    """Return the image with the smallest blood pool in systole, or None without an image there.

    Parameters
    ----------
    phases
        Phase of each image.
    pool
        Size of the blood pool in each image.
    """
    systole = np.flatnonzero((phases >= SYSTOLE[0]) & (phases <= SYSTOLE[1]))
    return int(systole[np.argmin(pool[systole])]) if len(systole) else None
