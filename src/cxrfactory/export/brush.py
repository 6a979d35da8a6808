"""The run-length encoding of Label Studio's brush, for masks.

The picture has four values a pixel (RGBA), row by row. The code is a stream of bits: the number of values (32 bits),
the bits of a value minus 1 (5), and four sizes minus 1 (4 each). Blocks follow: one bit says whether a block is a run
of one value or a list of values, two bits choose the size of its length, then come the length minus 1 and the value or
values. Source: ``label_studio_sdk/converter/brush.py`` (Label Studio SDK 2.1, Apache 2.0), after ``@thi.ng/rle-pack``.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from cxrfactory.errors import ImageError

CHANNELS = 4  # RGBA
INSIDE = 128  # least opacity of a pixel that belongs to the mask
_VALUE_BITS = 8
_SIZES = (3, 4, 8, 16)
_COUNT_BITS, _WORD_BITS, _SIZE_BITS, _CHOICE_BITS = 32, 5, 4, 2


def brush_encode(mask: UInt8[np.ndarray, "height width"]) -> list[int]:
    """Encode a mask (0 outside, any other value inside) as the bytes of a brush: 0 and 255 in all four channels."""
    flat = np.ascontiguousarray(mask).reshape(-1) != 0
    edges = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1, [flat.size]])
    bits = [f"{CHANNELS * flat.size:0{_COUNT_BITS}b}", f"{_VALUE_BITS - 1:0{_WORD_BITS}b}"]
    bits += [f"{size - 1:0{_SIZE_BITS}b}" for size in _SIZES]
    for start, length in zip(edges[:-1].tolist(), np.diff(edges).tolist(), strict=True):
        bits += _run(CHANNELS * length, 255 if flat[start] else 0)
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return np.packbits(np.frombuffer(text.encode("ascii"), np.uint8) - ord("0")).tolist()


def brush_decode(code: Sequence[int], height: int, width: int) -> UInt8[np.ndarray, "height width"]:
    """Decode the bytes of a brush: uint8 [row, column], 1 where the opacity is at least :data:`INSIDE`.

    Raises
    ------
    ImageError
        If the code is damaged, or is of a picture of another size.
    """
    try:
        data = np.array(code, np.uint8)
        values = _values(np.unpackbits(data), CHANNELS * height * width)
    except (ValueError, OverflowError, TypeError, IndexError) as error:
        raise ImageError(f"brush of {len(code)} bytes is damaged, or not of {height} x {width} pixels") from error
    return (values.reshape(height, width, CHANNELS)[..., 3] >= INSIDE).astype(np.uint8)


def _run(length: int, value: int) -> list[str]:
    """Return the bits of a run, in blocks of at most the longest length."""
    blocks = []
    while length:
        block = min(length, 1 << _SIZES[-1])
        choice = next(place for place, size in enumerate(_SIZES) if block <= 1 << size)
        blocks.append(f"1{choice:0{_CHOICE_BITS}b}{block - 1:0{_SIZES[choice]}b}{value:0{_VALUE_BITS}b}")
        length -= block
    return blocks


class _Bits:
    """Reader of numbers from an array of bits."""

    def __init__(self, bits: np.ndarray) -> None:
        self.bits, self.place = bits, 0

    def read(self, count: int) -> int:
        found = self.bits[self.place : self.place + count]
        if found.size != count:
            raise IndexError("the bits end")
        self.place += count
        return int("".join(map(str, found.tolist())), 2)

    def read_bytes(self, count: int) -> np.ndarray:
        found = self.bits[self.place : self.place + 8 * count]
        if found.size != 8 * count:
            raise IndexError("the bits end")
        self.place += 8 * count
        return np.packbits(found)


def _values(bits: np.ndarray, expected: int) -> UInt8[np.ndarray, "values"]:
    reader = _Bits(bits)
    if reader.read(_COUNT_BITS) != expected or reader.read(_WORD_BITS) + 1 != _VALUE_BITS:
        raise ValueError("another size")
    sizes = [reader.read(_SIZE_BITS) + 1 for _ in _SIZES]
    values = np.empty(expected, np.uint8)
    done = 0
    while done < expected:
        is_run = reader.read(1)
        length = 1 + reader.read(sizes[reader.read(_CHOICE_BITS)])
        if length > expected - done:
            raise ValueError("too many values")
        values[done : done + length] = reader.read(_VALUE_BITS) if is_run else reader.read_bytes(length)
        done += length
    return values
