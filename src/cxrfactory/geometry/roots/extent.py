"""How far a root had grown in each picture, from the arrival of the pixels along its final line."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int32

_AT_ONCE = 1 << 18  # numbers in a block


def grown_points(arrivals: Int32[np.ndarray, " points"], pictures: int) -> Int32[np.ndarray, " pictures"]:
    """Return for each picture how many points of a root's line, from the base, were root.

    In a picture, each point has arrived or has not. The count is the split that agrees best with the points: as many
    arrived points as possible before it and as few as possible behind it, and the farthest of equal ones. So single
    points that arrived early, where the root crosses an older one, or late, in a gap, do not move the tip. The counts
    never decrease.

    Parameters
    ----------
    arrivals
        First picture with root at each point from the base to the tip; -1 for never.
    pictures
        Number of pictures.
    """
    arrivals = np.where(arrivals < 0, pictures, arrivals)
    counts = np.zeros(pictures, np.int32)
    for start, stop in _blocks(pictures, len(arrivals)):
        gains = np.where(arrivals[None] <= np.arange(start, stop)[:, None], 1, -1).astype(np.int32)
        sums = np.concatenate([np.zeros((stop - start, 1), np.int32), np.cumsum(gains, 1, dtype=np.int32)], 1)
        counts[start:stop] = sums.shape[1] - 1 - np.argmax(sums[:, ::-1], 1)
    return counts


def _blocks(pictures: int, points: int) -> Iterator[tuple[int, int]]:
    step = max(1, _AT_ONCE // (points + 1))
    for start in range(0, pictures, step):
        yield start, min(start + step, pictures)
