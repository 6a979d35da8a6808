"""Look-up tables of DICOM objects in every form of the standard (PS3.3 C.11.1.1, C.11.2.1.1).

Entries have 8 to 16 bits, in words or, with 8 bits, two to a word. The first value that a table maps may be negative;
its 16 bits are signed if the table's input is, which explicit value representations often say wrongly.
"""

from dataclasses import dataclass

import numpy as np
import pydicom
from jaxtyping import Integer, UInt, UInt16
from pydicom.multival import MultiValue

from cxrfactory.errors import ImageError

_MOST_ENTRIES = 1 << 16
_SMALLEST_BITS, _LARGEST_BITS = 8, 16


@dataclass(frozen=True)
class Lut:
    """A look-up table.

    Attributes
    ----------
    entries
        Values of the table.
    first
        Input that is mapped to the first entry; smaller inputs are, too. Inputs beyond the last entry are mapped to it.
    bits
        Bits of an entry.
    """

    entries: UInt[np.ndarray, "entries"]
    first: int
    bits: int

    def apply(self, values: Integer[np.ndarray, "n"]) -> UInt[np.ndarray, "n"]:
        """Map whole numbers; a table of 8 bits gives uint8."""
        return self.entries[np.clip(values.astype(np.int64) - self.first, 0, len(self.entries) - 1)]


def read_lut(
    item: pydicom.Dataset, name: str, least: int, largest: int, signed: bool, little_endian: bool, notes: list[str]
) -> Lut:
    """Read the table of an item of a Modality LUT Sequence or VOI LUT Sequence.

    Parameters
    ----------
    item
        Item with LUTDescriptor and LUTData.
    name
        Name of the table in messages.
    least, largest
        Range of the values that the table will map.
    signed
        Whether such values can be negative, whatever the range is.
    little_endian
        Byte order of the object.
    notes
        Gets a line for each deviation that was tolerated.

    Raises
    ------
    ImageError
        If the descriptor is not three numbers, the entries have no 8 to 16 bits, or entries that the image needs are
        missing.
    """
    descriptor = _words(item["LUTDescriptor"], little_endian)
    if len(descriptor) != 3:
        raise ImageError(f"DICOM whose {name} has a descriptor of {len(descriptor)} numbers; expected 3")
    count, first, bits = int(descriptor[0]) or _MOST_ENTRIES, int(descriptor[1]), int(descriptor[2])
    if not _SMALLEST_BITS <= bits <= _LARGEST_BITS:
        raise ImageError(f"DICOM whose {name} has entries of {bits} bits; expected 8 to 16")
    entries = _entries(item["LUTData"], count, bits, little_endian)
    first = _first(first, len(entries), least, largest, signed)
    if len(entries) != count:
        if max(len(entries), count) == 0 or largest > first + min(len(entries), count) - 1:
            raise ImageError(
                f"DICOM whose {name} has {len(entries)} entries, but its descriptor says {count}, and the "
                "image uses more than there are"
            )
        notes.append(f"its {name} has {len(entries)} entries, its descriptor says {count}; the image needs no more")
        entries = entries[:count]
    if int(entries.max()) >> bits:
        found = int(entries.max()).bit_length()
        notes.append(f"its {name} has entries of {found} bits, its descriptor says {bits}; the entries are used")
        bits = found
    return Lut(entries.astype(np.uint8) if bits <= 8 else entries, first, bits)


def _words(element: pydicom.DataElement, little_endian: bool) -> UInt16[np.ndarray, "n"]:
    """Return the 16-bit words of an element of any value representation (US, SS, OW, OB, UN)."""
    value = element.value
    if isinstance(value, (bytes, bytearray)):
        return np.frombuffer(bytes(value[: len(value) // 2 * 2]), "<u2" if little_endian else ">u2").astype(np.uint16)
    values = value if isinstance(value, (list, tuple, MultiValue)) else [value]
    return (np.asarray(values, dtype=np.int64) & 0xFFFF).astype(np.uint16)


def _entries(element: pydicom.DataElement, count: int, bits: int, little_endian: bool) -> UInt16[np.ndarray, "n"]:
    value = element.value
    words = _words(element, little_endian)
    size = len(value) if isinstance(value, (bytes, bytearray)) else 2 * len(words)
    if bits > 8 or size not in (count, count + count % 2) or count == 1:
        return words
    # Two entries of 8 bits to a word, the first in its low byte; OB has bytes in their order.
    if isinstance(value, (bytes, bytearray)) and (element.VR == "OB" or little_endian):
        return np.frombuffer(bytes(value), np.uint8)[:count].astype(np.uint16)
    return np.stack([words & 0xFF, words >> 8], -1).ravel()[:count]


def _first(pattern: int, count: int, least: int, largest: int, signed: bool) -> int:
    """Return the first mapped value from its 16 bits: signed as the input, unless only the other reading covers it."""
    if pattern < 1 << 15:
        return pattern
    readings = [pattern, pattern - _MOST_ENTRIES]
    covered = [min(largest, first + count - 1) - max(least, first) for first in readings]
    if covered[0] >= 0 and covered[1] >= 0:
        return readings[signed]
    if covered[0] < 0 and covered[1] < 0:
        return readings[signed]
    return readings[0] if covered[0] >= 0 else readings[1]
