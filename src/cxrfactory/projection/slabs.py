"""Distribution of slices over several threads, and access to volumes in memory order."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np


def over_slabs(work: Callable[[slice], None], slices: int, threads: int) -> None:
    """Call ``work`` in parallel with slabs of slices that together cover a volume.

    Every slice is processed independently, so the result cannot depend on ``threads``.
    """
    threads = max(1, min(threads, slices))
    edges = np.linspace(0, slices, threads + 1).astype(int)
    slabs = [slice(int(low), int(high)) for low, high in pairwise(edges)]
    if threads == 1:
        work(slabs[0])
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, slabs))


def in_memory_order(volume: np.ndarray) -> tuple[np.ndarray, tuple[slice, slice, slice]]:
    """Undo the flips of a view, so that its voxels are read in memory order.

    Parameters
    ----------
    volume
        Array [z, y, x]. A C-contiguous array, or a view of one that is flipped along any axes, is not copied; any other
        array is copied.

    Returns
    -------
    tuple
        The same voxels as a C-contiguous array, and for every axis the slice that restores the order of ``volume``.
    """
    steps = tuple(slice(None, None, -1 if stride < 0 else 1) for stride in volume.strides)
    straight = volume[steps]
    if straight.flags.c_contiguous:
        return straight, steps  # type: ignore[return-value]
    same = slice(None, None, 1)
    return np.ascontiguousarray(volume), (same, same, same)
