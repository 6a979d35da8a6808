"""The little of Thrift's compact protocol that Parquet's footers and the headers of its pages need."""

from typing import Any

_BOOLEANS, _BYTE, _WHOLE, _DOUBLE, _BINARY, _STRUCT = (1, 2), 3, (4, 5, 6), 7, 8, 12


def unsigned(value: int) -> bytes:
    """Return a whole number of 0 or more as a variable number of bytes, the lowest seven bits first."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(found + bytes([value]))


def signed(value: int) -> bytes:
    """Return a whole number as a variable number of bytes (zigzag)."""
    return unsigned(value << 1 if value >= 0 else (-value << 1) - 1)


def list_head(kind: int, size: int) -> bytes:
    """Return the head of a list of ``size`` elements of one kind."""
    return bytes([size << 4 | kind]) if size < 15 else bytes([0xF0 | kind]) + unsigned(size)


def read_struct(data: bytes, start: int = 0) -> tuple[dict[int, Any], int]:
    """Read a record of numbers, texts and records.

    Parameters
    ----------
    data
        Bytes that hold it.
    start
        Place of its first byte.

    Returns
    -------
    Values by the number of their field, texts as bytes, and the place after the record.

    Raises
    ------
    ValueError
        If it has a field of another kind.
    IndexError
        If the bytes end before it does.
    """
    found: dict[int, Any] = {}
    place, number = start, 0
    while head := data[place]:
        place += 1
        step, kind = head >> 4, head & 0x0F
        if step:
            number += step
        else:
            number, place = _signed(data, place)
        if kind in _BOOLEANS:
            found[number] = kind == _BOOLEANS[0]
        elif kind in _WHOLE:
            found[number], place = _signed(data, place)
        elif kind == _STRUCT:
            found[number], place = read_struct(data, place)
        elif kind == _BINARY:
            size, place = _unsigned(data, place)
            found[number], place = data[place : place + size], place + size
        elif kind in (_BYTE, _DOUBLE):
            place += 1 if kind == _BYTE else 8
        else:
            raise ValueError(f"a field of the kind {kind}")
    return found, place + 1


def _unsigned(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        each = data[place]
        place += 1
        value |= (each & 0x7F) << shift
        if each < 0x80:
            return value, place
        shift += 7


def _signed(data: bytes, place: int) -> tuple[int, int]:
    value, place = _unsigned(data, place)
    return (value >> 1) ^ -(value & 1), place
