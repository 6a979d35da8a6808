"""Masks of anatomy in both views: a pixel belongs to a structure if its ray meets the structure anywhere.

A mask is the maximum of a binary volume along the ray (the paper's section 3.3, "Anatomy-mask projection"). Volumes are
canonical [z, y, x] (:mod:`cxrfactory.projection.conventions`), and masks are in display orientation.

A label volume is read once, in memory order, for all structures and both views. A voxel with the same label as its
neighbour along a ray adds nothing to that ray. One vectorised comparison therefore skips blocks of voxels in which no
label changes, and only voxels at the borders of structures need further work.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Integer, UInt8

from cxrfactory.compiled import compiled
from cxrfactory.errors import CxrError
from cxrfactory.projection.conventions import display
from cxrfactory.projection.slabs import in_memory_order, over_slabs

MAX_LABEL = 65535


def _present(straight: np.ndarray, threads: int) -> list[int]:
    seen = np.zeros((len(straight), np.iinfo(straight.dtype).max + 1), np.bool_)
    over_slabs(lambda slab: _mark_present(straight[slab], seen[slab.start]), len(straight), threads)
    return [int(value) for value in np.flatnonzero(seen.any(axis=0)) if value]


def occupancy(
    labels: Integer[np.ndarray, "z y x"], values: Sequence[int] | None = None, threads: int = 1
) -> tuple[list[int], UInt8[np.ndarray, "k rows columns_pa"], UInt8[np.ndarray, "k rows columns_ll"]]:
    """Compute the PA and LL masks of the structures of a multi-label volume in one pass over the voxels.

    Parameters
    ----------
    labels
        Canonical label volume [z, y, x] of any integer type; values are 0..65535, and 0 is background. A volume of
        type uint8, uint16, int16 or bool is read in place if it is C-contiguous or a flipped view.
    values
        Label values; each gives one mask, in this order. By default these are the labels in the volume, in ascending
        order. A value that is absent from the volume gives an empty mask. Labels that are not among the values are
        ignored.
    threads
        Number of slabs of slices that are processed in parallel; the result does not depend on it.

    Returns
    -------
    tuple
        The label values, and masks of 0 and 1 in display orientation: PA [k, z, x] and LL [k, z, y], C-contiguous.

    Raises
    ------
    CxrError
        If a label lies outside 0..65535, if one of ``values`` lies outside 1..65535 or occurs twice, or if the volume
        is not of an integer type.
    """
    straight, steps = in_memory_order(_small_unsigned(labels))
    if values is None:
        values = _present(straight, threads)
    slot = _slots(values)
    depth, height, width = labels.shape
    pa = np.zeros((len(values), depth, width), np.uint8)
    ll = np.zeros((len(values), depth, height), np.uint8)
    if len(values):
        to_pa = display(pa, "PA")[:, steps[0], steps[2]]
        to_ll = display(ll, "LL")[:, steps[0], steps[1]]
        over_slabs(lambda slab: _mark(straight[slab], slot, to_pa[:, slab], to_ll[:, slab]), depth, threads)
    return list(values), pa, ll


def occupancy_binary(
    mask: np.ndarray, threads: int = 1
) -> tuple[UInt8[np.ndarray, "rows columns_pa"], UInt8[np.ndarray, "rows columns_ll"]]:
    """Compute the PA and LL masks of one structure from a binary volume; every nonzero voxel belongs to it.

    Parameters
    ----------
    mask
        Canonical volume [z, y, x] of any real type. Bytes and booleans are read in place if the volume is C-contiguous
        or a flipped view.
    threads
        Number of slabs of slices that are processed in parallel; the result does not depend on it.

    Returns
    -------
    tuple
        Masks of 0 and 1 in display orientation: PA [z, x] and LL [z, y].
    """
    in_bytes = mask if mask.dtype in (np.uint8, np.bool_) else mask != 0
    straight, steps = in_memory_order(in_bytes.view(np.uint8))
    depth, height, width = mask.shape
    pa, ll = np.zeros((depth, width), np.uint8), np.zeros((depth, height), np.uint8)
    to_pa = display(pa, "PA")[steps[0], steps[2]]
    to_ll = display(ll, "LL")[steps[0], steps[1]]
    over_slabs(lambda slab: _mark_binary(straight[slab], to_pa[slab], to_ll[slab]), depth, threads)
    return pa, ll


def union(masks: UInt8[np.ndarray, "k rows columns"]) -> UInt8[np.ndarray, "rows columns"]:
    """Return the union of masks of 0 and 1, which is the mask of the union of the structures.

    This holds because a ray meets the union exactly if it meets one of the structures.

    Raises
    ------
    CxrError
        If there is no mask.
    """
    if not len(masks):
        raise CxrError("union of no masks; expected at least one")
    return np.bitwise_or.reduce(masks, axis=0)


def _small_unsigned(labels: np.ndarray) -> np.ndarray:
    """Return labels as uint8 or uint16, as a view where possible."""
    if labels.dtype in (np.uint8, np.uint16):
        return labels
    if labels.dtype == bool:
        return labels.view(np.uint8)
    if labels.dtype.kind not in "iu":
        raise CxrError(f"labels of type {labels.dtype}; expected an integer type")
    if labels.size and (labels.min() < 0 or labels.max() > MAX_LABEL):
        raise CxrError(f"labels run from {labels.min()} to {labels.max()}; expected values from 0 to {MAX_LABEL}")
    return labels.view(np.uint16) if labels.dtype == np.int16 else labels.astype(np.uint16)


def _slots(values: Sequence[int]) -> np.ndarray:
    """Return the index of every label 0..65535 among the values, or -1."""
    wanted = np.asarray(values, np.int64)
    if wanted.size and (wanted.min() < 1 or wanted.max() > MAX_LABEL):
        raise CxrError(f"label value {wanted.min() if wanted.min() < 1 else wanted.max()}; expected 1 to {MAX_LABEL}")
    if len(np.unique(wanted)) < len(wanted):
        raise CxrError(f"label values {list(values)} name one twice; expected each once")
    slot = np.full(MAX_LABEL + 1, -1, np.int32)
    slot[wanted] = np.arange(len(wanted))
    return slot


@compiled
def _mark_present(labels, seen):
    depth, height, width = labels.shape
    changed = np.zeros((width + 7) // 8 * 8, np.uint8)
    words = changed.view(np.uint64)
    for z in range(depth):
        for y in range(height):
            row = labels[z, y]
            seen[row[0]] = True
            for x in range(1, width):
                changed[x] = row[x] != row[x - 1]
            for word in range(words.size):
                if words[word] != 0:
                    for x in range(word * 8, word * 8 + 8):
                        if changed[x]:
                            seen[row[x]] = True


@compiled
def _mark(labels, slot, pa, ll):
    depth, height, width = labels.shape
    changed = np.zeros((width + 7) // 8 * 8, np.uint8)  # bit 1: the label differs from y - 1, bit 2: from x - 1
    words = changed.view(np.uint64)
    air = np.zeros(width, labels.dtype)
    for z in range(depth):
        above = air
        for y in range(height):
            row = labels[z, y]
            changed[0] = 3 * (row[0] != 0)
            for x in range(1, width):
                value = row[x]
                changed[x] = (np.uint8(value != above[x]) | np.uint8(2 * (value != row[x - 1]))) * np.uint8(value != 0)
            above = row
            for word in range(words.size):
                if words[word] == 0:
                    continue
                for x in range(word * 8, word * 8 + 8):
                    new = changed[x]
                    if new:
                        k = slot[row[x]]
                        if k >= 0:
                            if new & 1:
                                pa[k, z, x] = 1
                            if new & 2:
                                ll[k, z, y] = 1


@compiled
def _mark_binary(mask, pa, ll):
    depth, height, width = mask.shape
    met = np.empty(width, np.uint8)
    for z in range(depth):
        met[:] = 0
        for y in range(height):
            row = mask[z, y]
            inside = np.uint8(0)
            for x in range(width):
                set_here = np.uint8(row[x] != 0)
                met[x] |= set_here
                inside |= set_here
            ll[z, y] = inside
        for x in range(width):
            pa[z, x] = met[x]
