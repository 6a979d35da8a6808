"""Stored pixel values of a DICOM object; header, pixel words and compressed stream must agree (PS3.5 8.1, A.4).

Decoders believe the header. Where it is wrong they return pictures that look right and are not: 12-bit values of
which 10 bits are kept, a graphic plane added to the pixels, signed values read as large ones. So bits are looked at
before they are believed: unused bits are left out where that is certain, and everything else is refused with both
numbers.

The same function serves radiographs and CT slices.
"""

import numpy as np
import pydicom
from pydicom.uid import JPEG2000, ExplicitVRBigEndian, JPEGLSNearLossless

from cxrfactory.errors import ImageError
from cxrfactory.imaging.dicom_layout import Values, WordLayout, word_layout
from cxrfactory.imaging.dicom_object import transfer_syntax
from cxrfactory.imaging.dicom_sign import wraps_round
from cxrfactory.imaging.dicom_stream import Samples, decode_grey

_FLOATS = ("FloatPixelData", "DoubleFloatPixelData")
_ITEM = b"\xfe\xff\x00\xe0"  # begins pixel data that are compressed
# Over the edges of a graphic plane, values change as much as between other neighbours: up to this many times as much,
# and this share of the range.
_TIMES, _SHARE = 2.0, 0.005
_OVERSHOOT = 1.05  # times the largest value; a lossy stream rings beside saturated pixels


def stored_values(dataset: pydicom.Dataset, picture: bool = True) -> tuple[Values, tuple[str, ...]]:
    """Return the stored values of a grey single-frame object, before any table, rescale or window.

        Parameters
        ----------
        dataset
            Object from :func:`cxrfactory.imaging.dicom_object.read_object`, with its pixel data.
        picture
            True for a radiograph: a graphic in the bit above the values is left out although no overlay of the header
            declares it, and values may be shifted by a constant. False for CT, whose values have a unit: both are
            refused.

        Returns
        -------
        Integers [row, column] of the container that the header allocates, signed where the header says so; and notes on
        what was left out, one line each. Padding pixels keep the value that the header names.

        Raises
        ------
        ImageError
            If header, pixel words and compressed stream disagree so that the right pixels are not certain. The message
            names both numbers.
        Exception
            One of :data:`cxrfactory.imaging.dicom_object.DECODING_ERRORS` if the pixel data cannot be decoded.

        Examples
        --------
        >>> from cxrfactory.imaging.dicom_layout import Values, WordLayout, word_layout
    from cxrfactory.imaging.dicom_object import read_object
        >>> stored_values(read_object(path))[0].dtype  # doctest: +SKIP
        dtype('uint16')
    """
    if any(name in dataset for name in _FLOATS):
        raise ImageError("DICOM with float pixel data; expected PixelData of whole numbers")
    layout = word_layout(dataset)
    samples = int(dataset.get("SamplesPerPixel") or 1)
    if samples != 1:
        raise ImageError(f"DICOM of {samples} samples a pixel; expected one")
    notes: list[str] = []
    lossy = False
    if not transfer_syntax(dataset).is_encapsulated:
        values = _from_words(_native_words(dataset, layout), layout, layout.allocated, picture, notes)
    else:
        found = decode_grey(dataset)
        if found.stream is None:
            values = _from_words(_unsigned(found.values, layout.allocated), layout, layout.allocated, picture, notes)
        else:
            values = _from_stream(found, layout, dataset, picture, notes)
            lossy = found.stream.kind == "JPEG" or transfer_syntax(dataset) in (JPEG2000, JPEGLSNearLossless)
    if layout.signed or not lossy:  # the edges of a marker in a lossy stream look like values that wrap round
        _refuse_wrapped(values, layout)
    return values.astype(f"{'iu'[not layout.signed]}{layout.allocated // 8}", copy=False), tuple(notes)


def check_length(dataset: pydicom.Dataset, allocated: int, samples: int) -> None:
    """Refuse uncompressed pixel data whose length is not that of the header's image.

    Raises
    ------
    ImageError
        If bytes are missing, or if a row or more of different bytes is left over. Less, or bytes that are all alike, is
        padding.
    """
    data = dataset.PixelData
    if data[:4] == _ITEM and dataset["PixelData"].is_undefined_length:
        raise ImageError(f"DICOM of transfer syntax {transfer_syntax(dataset).name}, but its pixel data are compressed")
    row = int(dataset.Columns) * samples * allocated // 8
    expected = row * int(dataset.Rows)
    surplus = data[expected:]
    if len(data) < expected or (len(surplus) >= row and surplus.strip(surplus[:1])):
        raise ImageError(
            f"DICOM that cannot be decoded: its pixel data have {len(data)} bytes, but {dataset.Rows} x "
            f"{dataset.Columns} px of BitsAllocated {allocated} and SamplesPerPixel {samples} need {expected}"
        )


def _refuse_wrapped(values: np.ndarray, layout: WordLayout) -> None:
    bits = {layout.stored}
    if int(values.min()) >= 0:  # the number of bits may be wrong, too
        bits.add(max(int(values.max()).bit_length(), 2))
    for number in sorted(bits):
        if wraps_round(values, number, layout.signed):
            said, found = ("signed", "unsigned") if layout.signed else ("unsigned", "signed")
            raise ImageError(
                f"DICOM of PixelRepresentation {int(layout.signed)} ({said}) and BitsStored {layout.stored}, but its "
                f"values from {values.min()} to {values.max()} wrap round as {found} ones of {number} bits do"
            )


def _native_words(dataset: pydicom.Dataset, layout: WordLayout) -> np.ndarray:
    check_length(dataset, layout.allocated, 1)
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    data = dataset.PixelData
    big = transfer_syntax(dataset) == ExplicitVRBigEndian
    if big and layout.allocated == 32:  # PS3.5 8.1.2 has the low half first, most programs write the high one first
        raise ImageError("DICOM of BitsAllocated 32 in big endian, whose order of halves is not certain")
    if big and layout.allocated == 8 and dataset["PixelData"].VR == "OW":
        # Bytes come in words, the first pixel in the low byte (PS3.5 8.1.2).
        data = np.frombuffer(data[: len(data) // 2 * 2], "u2").byteswap().tobytes()
        if len(data) < rows * columns:
            raise ImageError("truncated DICOM: its words of two bytes end early")
    kind = f"{'<>'[big]}u{layout.allocated // 8}"
    words = np.frombuffer(data, kind, rows * columns).reshape(rows, columns)
    return words.astype(kind.replace(">", "="), copy=False)


def _from_stream(
    found: Samples, layout: WordLayout, dataset: pydicom.Dataset, picture: bool, notes: list[str]
) -> np.ndarray:
    stream, values = found.stream, found.values
    assert stream is not None
    if stream.bits > layout.allocated:
        raise ImageError(
            f"DICOM of BitsAllocated {layout.allocated}, but its {stream.kind} stream has samples of {stream.bits} bits"
        )
    if stream.kind == "JPEG" and stream.bits < layout.stored:
        _refuse_if_values_matter(
            dataset, f"DICOM of BitsStored {layout.stored}, but its lossy {stream.kind} stream has {stream.bits} bits"
        )
        notes.append(f"its header says {layout.stored} bits, its lossy stream {stream.bits}; the stream's are used")
    low = int(values.min()) if stream.signed else 0
    if stream.bits > layout.stored:
        overshot = layout.highest < int(values.max()) <= _OVERSHOOT * layout.highest
        if overshot and transfer_syntax(dataset) == JPEG2000 and not layout.signed and low >= 0:
            notes.append("its lossy stream rings beyond the stored bits; clipped")
            return np.minimum(values, layout.highest)
        return _from_words(_unsigned(values, stream.bits), layout, stream.bits, picture, notes)
    if stream.signed == layout.signed or (stream.signed and low >= 0):
        return values
    if stream.signed:
        return _resolve_sign(values, stream.bits, dataset, picture, notes)
    if stream.bits == layout.stored:
        # A decoder that knows no sign returns the bits of a two's complement.
        return _sign_extended(_unsigned(values, stream.bits), stream.bits)
    if int(values.max()) >> (stream.bits - 1):
        raise ImageError(
            f"DICOM of signed values of BitsStored {layout.stored}, but its {stream.kind} stream has unsigned samples "
            f"that use {stream.bits} bits: which of them are negative is not known"
        )
    return values


def _resolve_sign(
    values: np.ndarray, bits: int, dataset: pydicom.Dataset, picture: bool, notes: list[str]
) -> np.ndarray:
    """Return the values of a signed stream under an unsigned header, by the reading that does not wrap round."""
    told = f"DICOM of PixelRepresentation 0 (unsigned), but its JPEG 2000 stream is signed, from {values.min()}"
    _refuse_if_values_matter(dataset, told)
    patterns = values.astype(np.int64) & ((1 << bits) - 1)
    as_signed, as_unsigned = (_wraps(reading, bits) for reading in (values.astype(np.int64), patterns))
    if picture and as_signed * 100 < as_unsigned:
        notes.append("its header says unsigned, its JPEG 2000 stream signed; the stream's sign is used")
        return values.astype(np.int64) - int(values.min())
    if picture and as_unsigned * 100 < as_signed:
        notes.append("its header says unsigned, its JPEG 2000 stream signed; the header's sign is used")
        return patterns
    raise ImageError(f"{told}: which is right is not known")


def _wraps(values: np.ndarray, bits: int) -> int:
    """Count neighbouring pixels that differ by more than half of the range."""
    half = 1 << (bits - 1)
    return sum(int((np.abs(np.diff(values, axis=axis)) > half).sum()) for axis in (0, 1))


def _refuse_if_values_matter(dataset: pydicom.Dataset, told: str) -> None:
    """Refuse a disagreement about the size of values if a window or a table of the header depends on that size."""
    named = ("ModalityLUTSequence", "RescaleSlope", "RescaleIntercept", "VOILUTSequence", "WindowWidth")
    if any(dataset.get(name) not in (None, "") for name in named):
        raise ImageError(f"{told}: its window or table does not fit both")


def _from_words(words: np.ndarray, layout: WordLayout, width: int, picture: bool, notes: list[str]) -> np.ndarray:
    """Take the values out of unsigned words of ``width`` bits; unused bits that vary with the picture are refused."""
    high = layout.high if layout.high < width else layout.stored - 1
    shift = high + 1 - layout.stored
    used = int(np.bitwise_or.reduce(words, axis=None))
    if shift:
        words, used = _without_low_bits(words, used, layout, shift, notes)
        width -= shift
    if layout.stored == width:
        return _sign_extended(words, width) if layout.signed else words
    mask = (1 << layout.stored) - 1
    if used <= mask:
        return _sign_extended(words, layout.stored) if layout.signed and used >> (layout.stored - 1) else words
    if layout.signed:
        whole = _sign_extended(words, width)
        if layout.lowest <= int(whole.min()) and int(whole.max()) <= layout.highest:
            return whole
    value = words & words.dtype.type(mask)
    value = _sign_extended(value, layout.stored) if layout.signed else value
    return _without_high_bits(words, value, layout, width, shift, picture, notes)


def _without_high_bits(
    words: np.ndarray, value: np.ndarray, layout: WordLayout, width: int, shift: int, picture: bool, notes: list[str]
) -> np.ndarray:
    whole = _sign_extended(words, width) if layout.signed else words
    padded = layout.is_padding(whole)
    above = words >> words.dtype.type(layout.stored)
    overlay = layout.overlay_bits >> (shift + layout.stored)
    if padded is not None and not padded.any():
        padded = None
    counted = above.ravel() if padded is None else above[~padded]
    if not counted.size:
        return whole
    unused = (1 << (width - layout.stored)) - 1
    rest = counted & counted.dtype.type(~overlay & unused)
    first = int(rest[0])
    if (rest != first).any():
        # The brightest word of all stays the brightest value; other words would wrap round.
        saturated = not layout.signed and bool(((rest == 0) | (rest == unused) & _full(value, layout, padded)).all())
        graphic = padded is None and _is_graphic(above & above.dtype.type(~overlay & unused), value, layout)
        if not (picture and (saturated or graphic)):
            bits = int(np.bitwise_or.reduce(words, axis=None)).bit_length() + shift
            raise ImageError(
                f"DICOM of BitsStored {layout.stored} (HighBit {layout.high}), but its pixel words use {bits} bits, "
                "and these change with the picture"
            )
        notes.append(f"bits above the {layout.stored} stored ones are a marker or graphic and are left out")
    elif first:
        notes.append(f"bits above the {layout.stored} stored ones are set in all pixels and are left out")
    if overlay and (counted & counted.dtype.type(overlay)).any():
        notes.append("an overlay in unused bits of the pixels is left out")
    if padded is None:
        return value
    # Padding may lie outside the stored bits; its pixels keep the value that the header names.
    return np.where(padded, whole.astype(np.int64), value)


def _full(value: np.ndarray, layout: WordLayout, padded: np.ndarray | None) -> np.ndarray:
    return (value.ravel() if padded is None else value[~padded]) == layout.highest


def _without_low_bits(
    words: np.ndarray, used: int, layout: WordLayout, shift: int, notes: list[str]
) -> tuple[np.ndarray, int]:
    below = words & words.dtype.type(((1 << shift) - 1) & ~layout.overlay_bits)
    if (below != below.flat[0]).any():
        raise ImageError(
            f"DICOM of HighBit {layout.high} and BitsStored {layout.stored}, but its pixel words use "
            f"{used.bit_length()} bits from bit 0: which bits are the value is not known"
        )
    if layout.overlay_bits & used & ((1 << shift) - 1):
        notes.append("an overlay in unused bits of the pixels is left out")
    return words >> words.dtype.type(shift), used >> shift


def _is_graphic(above: np.ndarray, value: np.ndarray, layout: WordLayout) -> bool:
    """Return whether one bit above the values is a graphic: the values go on over its edges as if there were none."""
    levels = np.unique(above)
    if layout.signed or len(levels) != 2 or levels[0] != 0 or int(levels[1]).bit_count() != 1:
        return False
    at_edges, all_jumps = [], []
    for axis in (0, 1):
        jumps = np.abs(np.diff(value.astype(np.int64), axis=axis))
        at_edges.append(jumps[np.diff(above.astype(np.int64), axis=axis) != 0])
        all_jumps.append(jumps.ravel())
    shares = (0.5, 0.95)
    found = np.quantile(np.concatenate(at_edges), shares)
    usual = np.quantile(np.concatenate(all_jumps), shares)
    return bool((found <= _TIMES * usual + _SHARE * (1 << layout.stored)).all())


def _unsigned(values: np.ndarray, bits: int) -> np.ndarray:
    """Return the lowest ``bits`` bits of integers, as unsigned words."""
    words = values.view(f"u{values.dtype.itemsize}") if values.dtype.kind == "i" else values
    return words if bits == 8 * words.dtype.itemsize else words & words.dtype.type((1 << bits) - 1)


def _sign_extended(words: np.ndarray, bits: int) -> np.ndarray:
    """Read the lowest ``bits`` bits of unsigned words as a two's complement."""
    spare = 8 * words.dtype.itemsize - bits
    if not spare:
        return words.view(f"i{words.dtype.itemsize}")
    signed = (words << words.dtype.type(spare)).view(f"i{words.dtype.itemsize}")
    return signed >> signed.dtype.type(spare)
