"""Check that a PNG is complete: the checksums of critical chunks and the number of pixel bytes must be right.

Decoders tolerate many faults; Pillow, for example, leaves missing rows black. Source: PNG specification, third edition,
sections 5 to 10.
"""

import struct
import zlib
from typing import BinaryIO

from cxrfactory.errors import ImageError

_MARK = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
_READ_BYTES, _INFLATED_BYTES = 1 << 18, 1 << 20


def check_png(stream: BinaryIO) -> None:
    """Read a PNG to its end and refuse it if it is not complete.

    The pixels are inflated and counted, a mebibyte at a time, up to the number of bytes that the header implies.
    Ancillary chunks are skipped, and a missing end chunk is tolerated.

    Parameters
    ----------
    stream
        The open file, positioned at its beginning.

    Raises
    ------
    ImageError
        If the file ends early, a checksum is wrong, or it holds fewer or more pixels than its header states.
    """
    if stream.read(len(_MARK)) != _MARK:
        raise ImageError("damaged PNG: it does not begin as one")
    pixels: _Pixels | None = None
    while len(head := stream.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        if (name == b"IHDR") == (pixels is not None):
            raise ImageError(f"damaged PNG: {'no header' if pixels is None else 'two headers'}")
        if name == b"IEND":
            break
        if name == b"IHDR":
            pixels = _Pixels(_expected_bytes(_body(stream, name, length)))
        elif name == b"IDAT" and pixels is not None:
            _body(stream, name, length, pixels)
        elif name[:1].isupper():
            _body(stream, name, length)
        else:
            stream.seek(length + 4, 1)
    if pixels is None or not pixels.whole:
        raise ImageError("truncated PNG: it ends before its pixels do")


def _body(stream: BinaryIO, name: bytes, length: int, pixels: "_Pixels | None" = None) -> bytes:
    """Read a chunk and check its checksum; pixel data go to ``pixels``, other data are returned."""
    kept, checksum = b"", zlib.crc32(name)
    while length:
        piece = stream.read(min(length, _READ_BYTES))
        if not piece:
            raise ImageError("truncated PNG: it ends within a chunk")
        length -= len(piece)
        checksum = zlib.crc32(piece, checksum)
        if pixels is not None:
            pixels.take(piece)
        elif len(kept) < _READ_BYTES:
            kept += piece
    stored = stream.read(4)
    if len(stored) < 4:
        raise ImageError("truncated PNG: it ends within a chunk")
    if stored != struct.pack(">I", checksum):
        raise ImageError("damaged PNG: a checksum is wrong")
    return kept


def _expected_bytes(header: bytes) -> int:
    """Return the number of inflated bytes of all rows, including their filter types."""
    if len(header) != 13:
        raise ImageError(f"damaged PNG: a header of {len(header)} bytes; expected 13")
    width, height, depth, colour, *methods, interlace = struct.unpack(">IIBBBBB", header)
    if colour not in _CHANNELS or depth not in (1, 2, 4, 8, 16) or methods != [0, 0] or interlace not in (0, 1):
        raise ImageError("damaged PNG: its header says what the format does not know")
    bits = depth * _CHANNELS[colour]
    passes = _ADAM7 if interlace else ((0, 0, 1, 1),)
    sizes = (
        (-((row - height) // rows), -((column - width) // columns))
        for row, column, rows, columns in passes
        if height > row and width > column
    )
    return sum(high * (1 + (wide * bits + 7) // 8) for high, wide in sizes)


class _Pixels:
    """Counter of the inflated pixel bytes."""

    def __init__(self, expected: int) -> None:
        self._expected, self._found, self._inflater = expected, 0, zlib.decompressobj()

    @property
    def whole(self) -> bool:
        """Whether the expected number of bytes was found and the stream's own checksum was right."""
        return self._inflater.eof and self._found == self._expected

    def take(self, packed: bytes) -> None:
        """Inflate a piece; bytes after the end of the stream are ignored, as decoders do."""
        try:
            while packed and not self._inflater.eof:
                self._found += len(self._inflater.decompress(packed, _INFLATED_BYTES))
                if self._found > self._expected:
                    raise ImageError("damaged PNG: it holds more pixels than its header says")
                packed = self._inflater.unconsumed_tail
        except zlib.error as error:
            raise ImageError("damaged PNG: its pixels cannot be inflated") from error
