"""Encoding and decoding of run-length texts by array operations, with the results of the compiled loops.

They are for the few masks of a short run. A text with a fault is given to the loops, which find its place.
"""

import numpy as np
from jaxtyping import UInt8

from cxrfactory.tables.rle_faults import MAX_DIGITS, OK

_EACH_BYTE = np.uint64(0x0101010101010101)
_KNOWN = b"0123456789\t\n\r "


def encode(flat: UInt8[np.ndarray, " pixels"]) -> tuple[UInt8[np.ndarray, " characters"], int, int]:
    """Return the text as bytes and the two foreground values found (the second is 0 for a valid mask)."""
    nothing = np.empty(0, np.uint8)
    whole = np.pad(flat, (0, -flat.size % 8)) if flat.size % 8 else flat
    words, eights = whole.view(np.uint64), whole.reshape(-1, 8)
    lit = words != 0
    if not lit.any():
        return nothing, 0, 0
    first = eights[lit.argmax()]
    value = int(first[first != 0][0])
    # Edges and other values lie in words that are neither empty nor full, and in words that differ from the one before.
    look = lit & (words != np.uint64(value) * _EACH_BYTE)
    look[1:] |= words[1:] != words[:-1]
    look[0] = True
    places = np.flatnonzero(look)
    seen = eights[places]
    odd = seen[(seen != 0) & (seen != value)]
    if len(odd):
        return nothing, value, int(odd[0])
    before = whole[8 * places - 1]
    before[0] = 0
    inside = np.column_stack([before, seen]) != 0
    rows, columns = np.nonzero(inside[:, 1:] != inside[:, :-1])
    edges = 8 * places[rows] + columns
    if len(edges) % 2:
        edges = np.append(edges, flat.size)
    numbers = np.column_stack([edges[::2] + 1, edges[1::2] - edges[::2]]).ravel()
    return np.frombuffer(" ".join(map(str, numbers.tolist())).encode("ascii"), np.uint8), value, 0


def decode(text: UInt8[np.ndarray, " characters"], flat: UInt8[np.ndarray, " pixels"]) -> tuple[int, int]:
    """Fill the runs into ``flat``; return a fault code and the index of the number at fault, counted from 0."""
    content = text.tobytes()
    tokens = content.split()
    if not content.translate(None, _KNOWN) and all(len(each) <= MAX_DIGITS for each in tokens):
        numbers = np.array(list(map(int, tokens)), np.int64)
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
