"""Check that a PNG is complete: the checksums of critical chunks and the number of pixel bytes must be right.

Decoders tolerate many faults; Pillow, for example, leaves missing rows black. Source: PNG specification, third edition,
sections 5 to 10. The check inflates the pixels, which is half of the time of decoding. For grey pictures, its result is
therefore decoded, and not the file a second time.
"""

import struct
import zlib
from typing import BinaryIO

import cv2
import numpy as np
from jaxtyping import UInt8, UInt16

from cxrfactory.errors import ImageError

_MARK = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
_READ_BYTES, _INFLATED_BYTES = 1 << 18, 1 << 20
_GREY, _DEPTHS, _FILTERS = 0, (8, 16), 5  # colour type, bits of a pixel that are whole bytes, number of filter types


def check_png(stream: BinaryIO) -> UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"] | None:
    """Read a PNG to its end and refuse it if it is not complete; decode it if it is plain grey.

    The pixels are inflated and counted, a mebibyte at a time, up to the number of bytes that the header implies.
    Ancillary chunks are skipped, and a missing end chunk is tolerated.

    Parameters
    ----------
    stream
        The open file, positioned at its beginning.

    Returns
    -------
    The pixels as stored, if they are grey of 8 or 16 bits and not interlaced; None for any other PNG, and for one whose
    rows name a filter that the format does not know.

    Raises
    ------
    ImageError
        If the file ends early, a checksum is wrong, or it holds fewer or more pixels than its header states.
    """
    if stream.read(len(_MARK)) != _MARK:
        raise ImageError("damaged PNG: it does not begin as one")
    header, pixels = b"", None
    while len(head := stream.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        if (name == b"IHDR") == (pixels is not None):
            raise ImageError(f"damaged PNG: {'no header' if pixels is None else 'two headers'}")
        if name == b"IEND":
            break
        if name == b"IHDR":
            header = _body(stream, name, length)
            pixels = _Pixels(_expected_bytes(header), _is_plain_grey(header))
        elif name == b"IDAT" and pixels is not None:
            _body(stream, name, length, pixels)
        elif name[:1].isupper():
            _body(stream, name, length)
        else:
            stream.seek(length + 4, 1)
    if pixels is None or not pixels.whole:
        raise ImageError("truncated PNG: it ends before its pixels do")
    return None if pixels.rows is None else _decoded(header, pixels.rows)


def _is_plain_grey(header: bytes) -> bool:
    *_, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", header)
    return colour == _GREY and depth in _DEPTHS and not interlace


def _decoded(header: bytes, rows: bytearray) -> np.ndarray | None:
    """Undo the filters of inflated rows, with the decoder of OpenCV, which gets a PNG whose pixels are not packed."""
    stride = len(rows) // int.from_bytes(header[4:8], "big")
    if max(rows[::stride]) >= _FILTERS:
        return None
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(rows, 0)), _chunk(b"IEND", b""))
    return cv2.imdecode(np.frombuffer(b"".join([_MARK, *chunks]), np.uint8), cv2.IMREAD_UNCHANGED)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(name)))


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
    """Counter of the inflated pixel bytes, which are kept in ``rows`` if ``keep`` is true."""

    def __init__(self, expected: int, keep: bool) -> None:
        self._expected, self._found, self._inflater = expected, 0, zlib.decompressobj()
        self.rows = bytearray() if keep else None

    @property
    def whole(self) -> bool:
        """Whether the expected number of bytes was found and the stream's own checksum was right."""
        return self._inflater.eof and self._found == self._expected

    def take(self, packed: bytes) -> None:
        """Inflate a piece; bytes after the end of the stream are ignored, as decoders do."""
        try:
            while packed and not self._inflater.eof:
                inflated = self._inflater.decompress(packed, _INFLATED_BYTES)
                self._found += len(inflated)
                if self._found > self._expected:
                    raise ImageError("damaged PNG: it holds more pixels than its header says")
                if self.rows is not None:
                    self.rows += inflated
                packed = self._inflater.unconsumed_tail
        except zlib.error as error:
            raise ImageError("damaged PNG: its pixels cannot be inflated") from error
