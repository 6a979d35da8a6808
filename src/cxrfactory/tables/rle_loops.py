"""The compiled loops of :mod:`cxrfactory.tables.rle`.

They are faster than array operations, but loading them takes 0.7 s, so they are imported when many masks have come.
"""

import numpy as np
from numba import types

from cxrfactory.compiled import compiled
from cxrfactory.tables.rle_faults import (
    BAD_LENGTH,
    BAD_START,
    MAX_DIGITS,
    NOT_A_NUMBER,
    NOT_ASCENDING,
    ODD_COUNT,
    OK,
    OUTSIDE,
)

_READ_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_READ_WORDS = types.Array(types.uint64, 1, "C", readonly=True)
_WRITE_BYTES = types.uint8[::1]

_SPACES = (9, 10, 13, 32)
_ZERO, _NINE, _SPACE = 48, 57, 32


@compiled(signature=types.Tuple((_WRITE_BYTES, types.int64, types.int64))(_READ_BYTES, _READ_WORDS))
def encode(flat, words):
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
def decode(text, flat):
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
            if position - first > MAX_DIGITS:
                return OUTSIDE, count
        if position == first or (position < text.size and text[position] not in _SPACES):
            return NOT_A_NUMBER, count
        if count % 2 == 0:
            if number < 1:
                return BAD_START, count
            if number > flat.size:
                return OUTSIDE, count
            if number <= previous_stop:
                return NOT_ASCENDING, count
            start = number - 1
        else:
            if number < 1:
                return BAD_LENGTH, count
            if number > flat.size - start:
                return OUTSIDE, count
            previous_stop = start + number
            for index in range(start, previous_stop):
                flat[index] = 1
        count += 1
    return (ODD_COUNT if count % 2 else OK), count
