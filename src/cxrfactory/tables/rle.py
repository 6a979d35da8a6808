"""Run-length encoding (RLE) of masks in the notation of CheXmask.

A mask is read row by row (C order). Each run of foreground pixels is written as ``start length``, where ``start``
counts pixels from 1. All numbers are separated by one space. An empty mask is an empty string. COCO's RLE is a
different notation (column by column, with background runs).
"""

import re

import numpy as np
from jaxtyping import Bool, UInt8
from numba import types

from cxrfactory.compiled import compiled
from cxrfactory.errors import CxrError

_READ_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_READ_WORDS = types.Array(types.uint64, 1, "C", readonly=True)
_WRITE_BYTES = types.uint8[::1]

LARGEST_PIXELS = 1 << 31  # limit for a mask; radiographs have a few ten million pixels

_SPACES = (9, 10, 13, 32)
_SPLIT = re.compile(r"[\t\n\r ]+")  # the same characters
_ZERO, _NINE, _SPACE = 48, 57, 32
_MAX_DIGITS = 18  # every number of 18 digits fits into an int64

_OK, _NOT_A_NUMBER, _ODD_COUNT, _BAD_START, _BAD_LENGTH, _OUTSIDE, _NOT_ASCENDING = range(7)


@compiled(signature=types.Tuple((_WRITE_BYTES, types.int64, types.int64))(_READ_BYTES, _READ_WORDS))
def _encode(flat, words):
    """Return the text as bytes and the two foreground values found (the second is 0 for a valid mask)."""
    count = flat.size
    edges = np.empty(2048, np.int64)  # start, stop, start, stop, ...
    found = 0
    value = np.int64(0)
    inside = False
    full = np.uint64(0)
    position = 0
    while position < count:
        # Eight pixels are skipped at a time while they continue the current run.
        if position % 8 == 0:
            word = position // 8
            same = full if inside else np.uint64(0)
            while word + 8 <= words.size:
                differing = np.uint64(0)  # 64 pixels in one test without a branch, which compiles to SIMD
                for ahead in range(8):
                    differing |= words[word + ahead] ^ same
                if differing != 0:
                    break
                word += 8
            while word < words.size and words[word] == same:
                word += 1
            position = word * 8
            if position >= count:
                break
        stop = min(position + 8 - position % 8, count)
        for index in range(position, stop):
            pixel = np.int64(flat[index])
            if pixel != 0 and pixel != value:
                if value != 0:
                    return np.empty(0, np.uint8), value, pixel
                value = pixel
                full = np.uint64(value) * np.uint64(0x0101010101010101)
            if (pixel != 0) != inside:
                if found == edges.size:
                    longer = np.empty(2 * found, np.int64)
                    longer[:found] = edges
                    edges = longer
                edges[found] = index
                found += 1
                inside = not inside
        position = stop
    if inside:
        if found == edges.size:
            longer = np.empty(found + 1, np.int64)
            longer[:found] = edges
            edges = longer
        edges[found] = count
        found += 1

    digits = 1
    bound = np.int64(10)
    while bound <= count:
        digits += 1
        bound *= 10
    text = np.empty(found * (digits + 1), np.uint8)
    end = 0
    for index in range(found):
        number = edges[index] + 1 if index % 2 == 0 else edges[index] - edges[index - 1]
        width = 1
        bound = np.int64(10)
        while bound <= number:
            width += 1
            bound *= 10
        for place in range(end + width - 1, end - 1, -1):
            text[place] = _ZERO + number % 10
            number //= 10
        text[end + width] = _SPACE
        end += width + 1
    return text[: max(end - 1, 0)], value, np.int64(0)


@compiled(signature=types.Tuple((types.int64, types.int64))(_READ_BYTES, _WRITE_BYTES))
def _decode(text, flat):
    """Fill the runs into ``flat``; return a fault code and the index of the number at fault, counted from 0."""
    count = 0
    start = np.int64(0)
    previous_stop = np.int64(0)
    position = 0
    while True:
        while position < text.size and text[position] in _SPACES:
            position += 1
        if position == text.size:
            break
        number = np.int64(0)
        first = position
        while position < text.size and _ZERO <= text[position] <= _NINE:
            number = number * 10 + (text[position] - _ZERO)
            position += 1
            if position - first > _MAX_DIGITS:
                return _OUTSIDE, count
        if position == first or (position < text.size and text[position] not in _SPACES):
            return _NOT_A_NUMBER, count
        if count % 2 == 0:
            if number < 1:
                return _BAD_START, count
            if number > flat.size:
                return _OUTSIDE, count
            if number <= previous_stop:
                return _NOT_ASCENDING, count
            start = number - 1
        else:
            if number < 1:
                return _BAD_LENGTH, count
            if number > flat.size - start:
                return _OUTSIDE, count
            previous_stop = start + number
            for index in range(start, previous_stop):
                flat[index] = 1
        count += 1
    return (_ODD_COUNT if count % 2 else _OK), count


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
    words = flat[: flat.size // 8 * 8].view(np.uint64)
    if not words.flags.aligned:
        flat = flat.copy()
        words = flat[: flat.size // 8 * 8].view(np.uint64)
    text, value, other = _encode(flat, words)
    if other:
        raise CxrError(
            f"mask holds the values {value} and {other}; one RLE describes one organ: encode mask == {value}"
        )
    return text.tobytes().decode("ascii")


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
        raise CxrError(_fault(_NOT_A_NUMBER, place, token, height, width))
    fault, place = _decode(np.frombuffer(rle.encode("ascii"), dtype=np.uint8), mask.reshape(-1))
    if fault:
        tokens = _SPLIT.split(rle.strip("\t\n\r "))
        token = tokens[min(place, len(tokens) - 1)]
        raise CxrError(_fault(fault, place, token, height, width))
    return mask


def _fault(code: int, place: int, token: str, height: int, width: int) -> str:
    shown = ascii(token)[1:-1] if len(token) <= 24 else ascii(token[:21])[1:-1] + "..."
    at = f"RLE: number {place + 1} is '{shown}'"
    return {
        _NOT_A_NUMBER: f"{at}; expected a whole number",
        _ODD_COUNT: f"RLE: {place} numbers; expected pairs 'start length'; the last, '{shown}', stands alone",
        _BAD_START: f"{at}; a run starts at 1 or later (pixels count from 1)",
        _BAD_LENGTH: f"{at}; a run is at least 1 pixel long",
        _OUTSIDE: f"{at}; the run leaves the mask of {height} x {width} = {height * width} pixels",
        _NOT_ASCENDING: f"{at}; it starts before the end of the run before (runs ascend and do not overlap)",
    }[code]
