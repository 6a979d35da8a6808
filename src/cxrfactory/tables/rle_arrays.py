"""Encoding and decoding of run-length texts by array operations, with the results of the compiled loops.

They are for the few masks of a short run. A text with a fault is given to the loops, which find its place.
"""

import re

import numpy as np
from jaxtyping import Bool, Int, UInt8

from cxrfactory.tables.rle_faults import MAX_DIGITS, OK

_NUMBERS = re.compile(rb"[0-9\t\n\r ]*")
_TOO_LONG = re.compile(rb"[0-9]{%d}" % (MAX_DIGITS + 1))


def encode(flat: UInt8[np.ndarray, " pixels"]) -> tuple[UInt8[np.ndarray, " characters"], int, int]:
    """Return the text as bytes and the two foreground values found (the second is 0 for a valid mask)."""
    inside = flat != 0
    edges = _places(inside[1:] != inside[:-1]) + 1
    edges = np.concatenate([np.flatnonzero(inside[:1]), edges, np.full(np.count_nonzero(inside[-1:]), flat.size)])
    if not len(edges):
        return np.empty(0, np.uint8), 0, 0
    starts, stops = edges[::2], edges[1::2]
    value = int(flat[starts[0]])
    if not np.array_equal(flat == value, inside):
        return np.empty(0, np.uint8), value, int(flat[inside & (flat != value)][0])
    numbers = np.stack([starts + 1, stops - starts], axis=1).ravel()
    return np.frombuffer(" ".join(map(str, numbers.tolist())).encode("ascii"), np.uint8), value, 0


def _places(true: Bool[np.ndarray, " n"]) -> Int[np.ndarray, " m"]:
    """Return where a long and mostly false array is true; words of eight false ones are skipped."""
    whole = true.size // 8 * 8
    words = np.flatnonzero(true[:whole].view(np.uint64))
    rows, columns = np.nonzero(true[:whole].reshape(-1, 8)[words])
    return np.concatenate([8 * words[rows] + columns, whole + np.flatnonzero(true[whole:])])


def decode(text: UInt8[np.ndarray, " characters"], flat: UInt8[np.ndarray, " pixels"]) -> tuple[int, int]:
    """Fill the runs into ``flat``; return a fault code and the index of the number at fault, counted from 0."""
    content = text.tobytes()
    if _NUMBERS.fullmatch(content) and not _TOO_LONG.search(content):
        numbers = np.array(list(map(int, content.split())), np.int64)
        starts, lengths = numbers[::2] - 1, numbers[1::2]
        if len(starts) == len(lengths) and _is_sound(starts, lengths, flat.size):
            for start, stop in zip(starts.tolist(), (starts + lengths).tolist(), strict=True):
                flat[start:stop] = 1
            return OK, 0
    from cxrfactory.tables import rle_loops

    return rle_loops.decode(text, flat)


def _is_sound(starts: np.ndarray, lengths: np.ndarray, pixels: int) -> bool:
    if not len(starts):
        return True
    inside = starts.min() >= 0 and lengths.min() >= 1 and starts.max() < pixels and (lengths <= pixels - starts).all()
    return bool(inside and (starts[1:] >= (starts + lengths)[:-1]).all())
