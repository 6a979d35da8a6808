"""Orientation of a TIFF, read apart from its pixels.

Pillow turns the pixels of a TIFF by its orientation while it loads them, and scrambles those of an uncompressed TIFF
that lies on its side (Pillow 13.0). So the tag is set to 1 in the bytes before Pillow sees them.
"""

import struct

_ORIENTATION, _SHORT, _ENTRY_BYTES = 274, 3, 12


def as_stored(data: bytes) -> bytes:
    """Return a TIFF whose first directory says the orientation 1; the pixels and all other tags are unchanged.

    Bytes that are no directory are returned as they are: the reader of the picture reports what is damaged.
    """
    order = "<" if data[:2] == b"II" else ">"
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        for place in range(start + 2, start + 2 + count * _ENTRY_BYTES, _ENTRY_BYTES):
            tag, kind, values = struct.unpack_from(f"{order}HHI", data, place)
            if (tag, kind, values) == (_ORIENTATION, _SHORT, 1):
                return data[: place + 8] + struct.pack(f"{order}H", 1) + data[place + 10 :]
    except struct.error:
        pass
    return data
