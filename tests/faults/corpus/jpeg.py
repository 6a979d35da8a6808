"""JPEG files, segment by segment (ITU-T T.81)."""

import io
import struct

import numpy as np
from PIL import Image

from .case import KEPT, REJECTED, flipped, of_bytes

_ROWS, _COLUMNS = np.mgrid[:80, :96]
GREY = ((_ROWS * 2 + _COLUMNS) % 200 + 20).astype(np.uint8)
_END = b"\xff\xd9"


def jpeg(image=GREY, **options) -> bytes:
    """A file that Pillow writes."""
    stream = io.BytesIO()
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    picture.save(stream, "JPEG", **{"quality": 95} | options)
    return stream.getvalue()


def decoded(data: bytes) -> np.ndarray:
    """The pixels of a sound file."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("L"))


PLAIN = jpeg()
_PIXELS = decoded(PLAIN)
_FRAME = PLAIN.index(b"\xff\xc0")  # SOF0: marker, length, precision, height, width, components
_SCAN = PLAIN.index(b"\xff\xda")
_TABLES = PLAIN.index(b"\xff\xc4")
_DATA = _SCAN + 2 + struct.unpack(">H", PLAIN[_SCAN + 2 : _SCAN + 4])[0]
_RESTARTS = jpeg(restart_marker_rows=1)


def segment(marker: int, body: bytes) -> bytes:
    """A marker segment."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def _with(*segments: bytes) -> bytes:
    return PLAIN[:2] + b"".join(segments) + PLAIN[2:]


def _sized(height, width):
    return PLAIN[: _FRAME + 5] + struct.pack(">HH", height, width) + PLAIN[_FRAME + 9 :]


def _without(start, marker):
    length = 2 + struct.unpack(">H", PLAIN[start + 2 : start + 4])[0]
    assert PLAIN[start + 1] == marker
    return PLAIN[:start] + PLAIN[start + length :]


def _kept(name, data, expected=_PIXELS):
    return of_bytes(f"jpeg {name}", KEPT, data, expected=expected)


def _rejected(name, data, says="JPEG", **more):
    return of_bytes(f"jpeg {name}", REJECTED, data, says, **more)


def _mpo():
    stream = io.BytesIO()
    Image.fromarray(GREY).save(stream, "MPO", save_all=True, append_images=[Image.fromarray(255 - GREY)])
    return stream.getvalue()


_CMYK = np.stack([GREY, 255 - GREY, GREY, GREY], axis=-1)
_EXIF_TURN = b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"

CASES = [
    _kept("grey", lambda: PLAIN),
    _kept("progressive", lambda: jpeg(progressive=True), decoded(jpeg(progressive=True))),
    _kept("restart markers", lambda: _RESTARTS, decoded(_RESTARTS)),
    of_bytes("jpeg equal channels", KEPT, lambda: jpeg(Image.fromarray(GREY).convert("RGB"))),
    _kept("turned by its EXIF", lambda: _with(segment(0xE1, _EXIF_TURN)), np.rot90(_PIXELS, -1)),
    _kept("EXIF of nonsense", lambda: _with(segment(0xE1, b"Exif\0\0" + b"\xff" * 40))),
    _kept("comment of 64 KB", lambda: _with(segment(0xFE, b"\n" * 65000))),
    _kept("a thousand application segments", lambda: _with(*[segment(0xEC, b"x" * 60)] * 1000)),
    _kept("bytes after its end", lambda: PLAIN + b"tail" * 500),
    _kept("a second image after its end", lambda: PLAIN + jpeg(255 - GREY)),
    _kept("fill bytes before a marker", lambda: PLAIN[:_SCAN] + b"\xff\xff" + PLAIN[_SCAN:]),
    _kept("colour profile in torn pieces", lambda: _with(segment(0xE2, b"ICC_PROFILE\0\2\3xx"))),
    _rejected("colour", lambda: jpeg(np.stack([GREY, GREY[::-1], GREY], axis=-1)), "true colour"),
    _rejected("CMYK", lambda: jpeg(Image.fromarray(_CMYK, "CMYK")), "'CMYK'"),
    _rejected("two pictures in one", _mpo, "2 frames"),
    _rejected("two components", lambda: flipped(PLAIN, _FRAME + 9, 2), "JPEG"),
    _rejected("no component", lambda: flipped(PLAIN, _FRAME + 9, 0), "JPEG"),
    _rejected("precision of 12 bits", lambda: flipped(flipped(PLAIN, _FRAME + 1, 0xC1), _FRAME + 4, 12), "JPEG"),
    _rejected("precision of 3 bits", lambda: flipped(PLAIN, _FRAME + 4, 3), "JPEG"),
    _rejected("lossless process", lambda: flipped(PLAIN, _FRAME + 1, 0xC3), "JPEG"),
    _rejected("hierarchical process", lambda: flipped(PLAIN, _FRAME + 1, 0xC5), "JPEG"),
    _rejected("sampling factor 0", lambda: flipped(PLAIN, _FRAME + 11, 0), "JPEG"),
    _rejected("quantisation table 9", lambda: flipped(PLAIN, _FRAME + 12, 9), "JPEG"),
    _rejected("height 0", lambda: _sized(0, 96), "0 x 96 px|JPEG"),
    _rejected("width 0", lambda: _sized(80, 0), "80 x 0 px|JPEG"),
    _rejected("the largest size that the format has", lambda: _sized(65535, 65535), "4295 Mpx"),
    _rejected("header says twice the rows", lambda: _sized(160, 96), "damaged JPEG"),
    _rejected("header says twice the columns", lambda: _sized(80, 192), "damaged JPEG"),
    _rejected("header says half the rows", lambda: _sized(40, 96), "40 x 96 px|JPEG"),
    _kept("no Huffman tables", lambda: _without(_TABLES, 0xC4)),
    _rejected("no scan", lambda: PLAIN[:_SCAN] + _END, "JPEG"),
    _rejected("no frame", lambda: _without(_FRAME, 0xC0), "JPEG"),
    _rejected("empty scan", lambda: PLAIN[:_DATA] + _END, "damaged JPEG"),
    _rejected("segment of length 0", lambda: PLAIN[:4] + b"\0\0" + PLAIN[6:], "damaged JPEG"),
    _rejected("segment of length 1", lambda: PLAIN[:4] + b"\0\1" + PLAIN[6:], "damaged JPEG"),
    _rejected(
        "line ends changed by a text transfer", lambda: PLAIN.replace(b"\n", b"\r\n"), "truncated or damaged JPEG"
    ),
    *(
        _rejected(f"cut {where}", lambda end=end: PLAIN[:end], says)
        for where, end, says in (
            ("after its mark", 2, "neither"),
            ("within the first segment", 8, "JPEG"),
            ("within the quantisation table", 60, "JPEG"),
            ("within the frame header", _FRAME + 7, "JPEG"),
            ("after the frame header", _FRAME + 13, "JPEG"),
            ("within the Huffman tables", _TABLES + 20, "JPEG"),
            ("within the scan header", _SCAN + 5, "JPEG"),
            ("before the scan's data", _DATA, "JPEG"),
            ("in a tenth of the data", _DATA + (len(PLAIN) - _DATA) // 10, "JPEG"),
            ("in the middle of the data", _DATA + (len(PLAIN) - _DATA) // 2, "JPEG"),
            ("in nine tenths of the data", _DATA + (len(PLAIN) - _DATA) * 9 // 10, "JPEG"),
        )
    ),
    _rejected(
        "restart marker out of turn", lambda: _RESTARTS.replace(b"\xff\xd3", b"\xff\xd6"), "truncated or damaged JPEG"
    ),
    _rejected(
        "cut, then ended", lambda: PLAIN[: _DATA + (len(PLAIN) - _DATA) // 2] + _END, "truncated or damaged JPEG"
    ),
]
