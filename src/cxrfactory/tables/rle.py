"""Run-length encoding (RLE) of masks in the notation of CheXmask.

A mask is read row by row (C order). Each run of foreground pixels is written as ``start length``, where ``start``
counts pixels from 1. All numbers are separated by one space. An empty mask is an empty string. COCO's RLE is a
different notation (column by column, with background runs).

The first masks of a process are encoded and decoded by array operations (:mod:`cxrfactory.tables.rle_arrays`), and the
following ones by compiled loops (:mod:`cxrfactory.tables.rle_loops`), which are three times as fast and take 0.7 s to
load. Both give the same text, the same masks and the same errors.
"""

import re
from itertools import count
from types import ModuleType

import numpy as np
from jaxtyping import Bool, UInt8

from cxrfactory.errors import CxrError
from cxrfactory.tables import rle_arrays
from cxrfactory.tables.rle_faults import NOT_A_NUMBER, fault_text

LARGEST_PIXELS = 1 << 31  # limit for a mask; radiographs have a few ten million pixels

_SPLIT = re.compile(r"[\t\n\r ]+")
_MANY = 1000  # masks of a process after which the compiled loops are loaded
_masks = count(1)


def _loops() -> ModuleType | None:
    """Return the compiled loops; None for the first masks of a process."""
    if next(_masks) <= _MANY:
        return None
    from cxrfactory.tables import rle_loops

    return rle_loops


def rle_encode(mask: UInt8[np.ndarray, "height width"] | Bool[np.ndarray, "height width"]) -> str:
    """Encode one organ's mask.

    Parameters
    ----------
    mask
        uint8 or bool array, indexed [row, column]; 0 outside the organ and one other value (1, 255, True) inside. The
        array need not be contiguous.

    Returns
    -------
    ``start length start length ...``; an empty string for an empty mask.

    Raises
    ------
    CxrError
        If the array is not a 2D uint8 or bool array, or holds two foreground values (a label map).

    Examples
    --------
    >>> mask = np.zeros((3, 4), np.uint8)
    >>> mask[1, 1:3] = 1
    >>> cxr.rle_encode(mask)
    '6 2'
    """
    mask = np.asarray(mask)
    if mask.ndim != 2 or mask.dtype not in (np.uint8, np.bool_):
        raise CxrError(f"mask of shape {mask.shape} and type {mask.dtype}; expected a 2D array of uint8 or bool")
    flat = np.ascontiguousarray(mask).reshape(-1).view(np.uint8)
    loops = _loops()
    text, value, other = rle_arrays.encode(flat) if loops is None else loops.encode(*_aligned(flat))
    if other:
        raise CxrError(
            f"mask holds the values {value} and {other}; one RLE describes one organ: encode mask == {value}"
        )
    return text.tobytes().decode("ascii")


def _aligned(flat: UInt8[np.ndarray, " pixels"]) -> tuple[np.ndarray, np.ndarray]:
    """Return pixels and the same memory in words of eight of them; pixels that no word could begin at are copied."""
    words = flat[: flat.size // 8 * 8].view(np.uint64)
    if words.flags.aligned:
        return flat, words
    return _aligned(flat.copy())


def rle_decode(rle: str | float | None, height: int, width: int) -> UInt8[np.ndarray, "height width"]:
    """Decode one organ's mask.

    Parameters
    ----------
    rle
        ``start length`` pairs in ascending order. An empty string, None and NaN (an empty cell in pandas) give an
        empty mask.
    height, width
        Shape of the mask, pixels (columns ``Height`` and ``Width`` of a CheXmask table).

    Returns
    -------
    uint8 mask, 1 inside the organ and 0 outside, indexed [row, column].

    Raises
    ------
    CxrError
        If the shape is not positive or exceeds :data:`LARGEST_PIXELS`, or the text is not a valid RLE of a mask of
        this shape; the message names the number at fault and its position, counted from 1.

    Examples
    --------
    >>> cxr.rle_decode("6 2", 3, 4)
    array([[0, 0, 0, 0],
           [0, 1, 1, 0],
           [0, 0, 0, 0]], dtype=uint8)
    """
    height, width = int(height), int(width)
    if height < 1 or width < 1:
        raise CxrError(f"RLE: mask of {height} x {width} pixels asked for; expected at least 1 x 1")
    if height * width > LARGEST_PIXELS:
        raise CxrError(f"RLE: mask of {height} x {width} pixels asked for; expected at most {LARGEST_PIXELS} of them")
    mask = np.zeros((height, width), dtype=np.uint8)
    if not isinstance(rle, str):
        if rle is None or type(rle).__name__ == "NAType" or (isinstance(rle, float) and rle != rle):
            return mask
        raise CxrError(f"RLE: got a {type(rle).__name__}; expected text such as '12 5 1036 7'")
    if not rle.isascii():
        place, token = next((i, t) for i, t in enumerate(_SPLIT.split(rle)) if not t.isascii())
        raise CxrError(fault_text(NOT_A_NUMBER, place, token, height, width))
    fault, place = (_loops() or rle_arrays).decode(np.frombuffer(rle.encode("ascii"), np.uint8), mask.reshape(-1))
    if fault:
        tokens = _SPLIT.split(rle.strip("\t\n\r "))
        token = tokens[min(place, len(tokens) - 1)]
        raise CxrError(fault_text(fault, place, token, height, width))
    return mask
