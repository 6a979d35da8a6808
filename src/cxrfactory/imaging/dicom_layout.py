"""What a DICOM header says about pixel words: their bits, their sign, overlays inside them, and padding (PS3.5 8.1.1).

The same reading serves radiographs and CT slices.
"""

from dataclasses import dataclass

import numpy as np
import pydicom
from jaxtyping import Bool, Shaped

from cxrfactory.errors import ImageError

_NEEDED = ("Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation")
_CONTAINERS = (8, 16, 32)  # bits
_OVERLAY_GROUPS = range(0x6000, 0x6020, 2)

Values = Shaped[np.ndarray, "rows columns"]


@dataclass(frozen=True)
class WordLayout:
    """What a header says about pixel words (PS3.5 8.1.1).

    Attributes
    ----------
    allocated, stored, high
        BitsAllocated, BitsStored and HighBit. The value is in the bits ``high - stored + 1`` to ``high``.
    signed
        Whether the value is a two's complement (PixelRepresentation 1).
    overlay_bits
        Word with ones at the unused bits that overlays of the header are in.
    padding
        Lowest and highest value that is no image (PixelPaddingValue, PixelPaddingRangeLimit), or None.
    """

    allocated: int
    stored: int
    high: int
    signed: bool
    overlay_bits: int = 0
    padding: tuple[int, int] | None = None

    @property
    def lowest(self) -> int:
        """Lowest value that the stored bits can hold."""
        return -(1 << (self.stored - 1)) if self.signed else 0

    @property
    def highest(self) -> int:
        """Highest value that the stored bits can hold."""
        return (1 << (self.stored - self.signed)) - 1

    def is_padding(self, values: Values) -> Bool[np.ndarray, "rows columns"] | None:
        """Return where stored values are padding, or None if the header names no padding value."""
        if self.padding is None:
            return None
        low, high = self.padding
        return values == low if low == high else (values >= low) & (values <= high)


def word_layout(dataset: pydicom.Dataset) -> WordLayout:
    """Return what the header says about pixel words.

    Raises
    ------
    ImageError
        If an attribute is missing or impossible. A HighBit that is impossible is not refused: it counts as
        ``BitsStored - 1``, which the words must then confirm.
    """
    missing = [name for name in _NEEDED if dataset.get(name) is None]
    if missing:
        raise ImageError(f"DICOM without {', '.join(missing)}; expected them beside the pixels")
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    if allocated not in _CONTAINERS:
        raise ImageError(f"DICOM of BitsAllocated {allocated}; pixel words of 8, 16 or 32 bits can be read")
    if not 1 <= stored <= allocated:
        raise ImageError(f"DICOM of BitsStored {stored} and BitsAllocated {allocated}; expected no more than allocated")
    sign = int(dataset.PixelRepresentation)
    if sign not in (0, 1):
        raise ImageError(f"DICOM of PixelRepresentation {sign}; expected 0 (unsigned) or 1 (signed)")
    high = dataset.get("HighBit")
    high = stored - 1 if high is None or not stored - 1 <= int(high) < allocated else int(high)
    layout = WordLayout(allocated, stored, high, sign == 1)
    used = ((1 << stored) - 1) << (high + 1 - stored)
    return WordLayout(
        allocated, stored, high, sign == 1, _overlay_bits(dataset, allocated) & ~used, _padding(dataset, layout)
    )


def _overlay_bits(dataset: pydicom.Dataset, allocated: int) -> int:
    """Return a word with ones where overlays are inside the pixel words (PS3.3 C.9.2 of 2004, retired; PS3.5 8.1.2)."""
    found = 0
    for group in _OVERLAY_GROUPS:
        position = dataset.get((group, 0x0102))
        if position is None or position.value is None or (group, 0x3000) in dataset:
            continue
        place = int(position.value)
        if 0 <= place < allocated:
            found |= 1 << place
    return found


def _padding(dataset: pydicom.Dataset, layout: WordLayout) -> tuple[int, int] | None:
    """Return the range of padding values; its sign is that of the pixels, whatever its VR says (PS3.3 C.7.5.1.1.2)."""
    value = _padding_number(dataset, "PixelPaddingValue", layout)
    if value is None:
        return None
    limit = _padding_number(dataset, "PixelPaddingRangeLimit", layout)
    return (value, value) if limit is None else (min(value, limit), max(value, limit))


def _padding_number(dataset: pydicom.Dataset, name: str, layout: WordLayout) -> int | None:
    element = dataset.get(name)
    if element is None or element == "":
        return None
    if isinstance(element, bytes):
        element = int.from_bytes(element[:2], "little")
    number = int(element[0] if isinstance(element, (list, tuple, pydicom.multival.MultiValue)) else element)
    if layout.allocated > 16:
        return number
    number &= (1 << layout.allocated) - 1
    if not layout.signed:
        return number
    bits = layout.stored if layout.highest < number < 1 << layout.stored else layout.allocated
    return number - (1 << bits) if number >> (bits - 1) else number
