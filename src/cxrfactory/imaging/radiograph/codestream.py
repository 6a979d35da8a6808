"""Reading of the image size from the header of a compressed stream, without decoding the stream."""

import struct

_FRAME_MARKERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # JPEG SOF0-15, JPEG-LS SOF55
_J2K_START = b"\xff\x4f\xff\x51"  # SOC, SIZ
_JPEG_START = b"\xff\xd8\xff"


def codestream_shape(data: bytes) -> tuple[int, int] | None:
    """Return (height, width) of the first JPEG, JPEG-LS or JPEG 2000 stream in ``data``.

    Parameters
    ----------
    data
        Bytes that include the beginning of the stream; bytes before it (a DICOM item, a JP2 box) are skipped.

    Returns
    -------
    Height and width in pixels; None if no such stream or no size is found (RLE streams state no size).
    """
    start = data.find(_J2K_START)
    if start >= 0 and len(data) >= start + 24:
        right, bottom, left, top = struct.unpack(">4I", data[start + 8 : start + 24])
        return bottom - top, right - left
    position = data.find(_JPEG_START)
    if position < 0:
        return None
    position += 2
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker in _FRAME_MARKERS:
            height, width = struct.unpack(">2H", data[position + 5 : position + 9])
            return height, width
        position += 2 + struct.unpack(">H", data[position + 2 : position + 4])[0]
    return None
