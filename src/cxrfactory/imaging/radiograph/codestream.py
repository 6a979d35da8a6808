"""Reading of what a compressed stream says about itself (size, components, bits, sign), without decoding the stream.

Sources: ITU-T T.81 B.2.2 (JPEG), ITU-T T.87 C.1.1 (JPEG-LS), ITU-T T.800 A.5.1 (JPEG 2000, SIZ).
"""

import struct
from dataclasses import dataclass

_FRAME_MARKERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # JPEG SOF0-15, JPEG-LS SOF55
_LOSSLESS_MARKERS = {0xC3, 0xC7, 0xCB, 0xCF}
_JPEG_LS_MARKER = 0xF7
_J2K_START = b"\xff\x4f\xff\x51"  # SOC, SIZ
_JPEG_START = b"\xff\xd8\xff"
_SIZ_BYTES = 40  # from SOC up to the number of components


@dataclass(frozen=True)
class Codestream:
    """What the header of a compressed image says.

    Attributes
    ----------
    kind
        ``JPEG`` (a DCT process), ``lossless JPEG``, ``JPEG-LS`` or ``JPEG 2000``.
    height, width
        Size in pixels.
    components
        Number of components (1 grey, 3 colour).
    bits
        Bits of a sample; the largest of the components.
    signed
        Whether the samples are signed. Only JPEG 2000 can say so.
    """

    kind: str
    height: int
    width: int
    components: int
    bits: int
    signed: bool = False


def read_codestream(data: bytes) -> Codestream | None:
    """Return what the first JPEG, JPEG-LS or JPEG 2000 stream in ``data`` says about itself.

    Parameters
    ----------
    data
        Bytes that include the beginning of the stream; bytes before it (a DICOM item, a JP2 box) are skipped.

    Returns
    -------
    The header of the stream; None if no such stream or no size is found (RLE streams state no size).
    """
    starts = {data.find(mark): mark for mark in (_J2K_START, _JPEG_START)}
    starts.pop(-1, None)
    if not starts:
        return None
    start = min(starts)  # the bytes of one stream may look like the mark of another
    return _jpeg_2000(data[start:]) if starts[start] == _J2K_START else _jpeg(data, start + 2)


def _jpeg_2000(data: bytes) -> Codestream | None:
    if len(data) < _SIZ_BYTES + 5:
        return None
    right, bottom, left, top = struct.unpack(">4I", data[8:24])
    count = struct.unpack(">H", data[_SIZ_BYTES : _SIZ_BYTES + 2])[0]
    depths = data[_SIZ_BYTES + 2 : _SIZ_BYTES + 2 + 3 * count : 3]  # Ssiz of each component: sign, bits - 1
    if not depths:
        return None
    bits = max((depth & 0x7F) + 1 for depth in depths)
    return Codestream("JPEG 2000", bottom - top, right - left, count, bits, any(depth & 0x80 for depth in depths))


def _jpeg(data: bytes, position: int) -> Codestream | None:
    while position + 10 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker in _FRAME_MARKERS:
            bits, height, width, count = struct.unpack(">B2HB", data[position + 4 : position + 10])
            kind = "JPEG-LS" if marker == _JPEG_LS_MARKER else "JPEG"
            return Codestream("lossless JPEG" if marker in _LOSSLESS_MARKERS else kind, height, width, count, bits)
        position += 2 + struct.unpack(">H", data[position + 2 : position + 4])[0]
    return None
