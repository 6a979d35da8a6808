"""Times of the cardiac cycle: which image of a cine belongs to a time, and which are end-diastole and end-systole."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from cxrfactory.hearts.reading.cine import Cine

ONE_BEAT = (
    "expected images of one heartbeat that begin at the R wave, with TriggerTime; export the gated cines, or keep in "
    "each place the images from one end-diastole to the next"
)
NAMED_ENDS = (
    "expected one heartbeat; keep one, or name its ends in a file Info.cfg beside it with lines such as 'ED: 1' and "
    "'ES: 10', the numbers of the images from 1"
)
LARGEST_PHASE_GAP = 0.1  # share of the cycle; with 10 images a cycle or more, the nearest is always closer
CLEARLY_SMALLER = 0.1  # share of the largest blood pool
_RANGE_SHARE = 0.3  # of the change of the pool over the cycle
_STILL_FALLS = 0.5
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


def end_diastole(phases: Float[np.ndarray, " n"], pool: Float[np.ndarray, " n"]) -> int:
    """Return the first image after the R wave, unless the blood pool clearly says that systole does not follow it.

    Series that a finger pulse gates, and some public data sets, begin at another time of the cycle. There the largest
    pool before the smallest one is end-diastole.

    Parameters
    ----------
    phases
        Phase of each image.
    pool
        Size of the blood pool in each image.
    """
    first = int(np.argmin(phases))
    smooth = np.median(np.stack([np.r_[pool[:1], pool[:-1]], pool, np.r_[pool[1:], pool[-1:]]]), axis=0)
    clear = max(CLEARLY_SMALLER * float(smooth.max()), _RANGE_SHARE * float(np.ptp(smooth)))
    systole = _systole_after(phases, first)
    late = bool(len(systole)) and float(smooth[systole].min() - smooth.min()) > clear * _share_of_clear(smooth[systole])
    if not late and float(smooth.max() - smooth[first]) <= clear:
        return first
    smallest = phases[int(np.argmin(smooth))]
    before = np.array([place for place in range(len(phases)) if _within_systole(smallest - phases[place])], int)
    return int(before[np.argmax(pool[before])]) if len(before) else first


def _share_of_clear(pool: np.ndarray) -> float:
    """Return a smaller share where the pool still falls at the end of systole's part of the cycle."""
    return 1.0 if int(np.argmin(pool)) < len(pool) - 1 else _STILL_FALLS


def _within_systole(after: float | np.ndarray) -> np.ndarray:
    share = np.asarray(after) % 1.0
    return (share >= SYSTOLE[0]) & (share <= SYSTOLE[1])


def _systole_after(phases: np.ndarray, ed: int) -> np.ndarray:
    return np.flatnonzero(_within_systole(phases - phases[ed]))


def end_systole(phases: Float[np.ndarray, " n"], pool: Float[np.ndarray, " n"], ed: int) -> int | None:
    """Return the image with the smallest blood pool in systole, or None without an image there.

    Parameters
    ----------
    phases
        Phase of each image.
    pool
        Size of the blood pool in each image.
    ed
        Index of the image at end-diastole; systole follows it.
    """
    systole = _systole_after(phases, ed)
    return int(systole[np.argmin(pool[systole])]) if len(systole) else None
