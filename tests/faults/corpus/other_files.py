"""What else stands where a radiograph should: TIFF, other formats, things that are no files, paths, odd pixels."""

import gzip
import io
import os
import socket
import struct
import zlib

import numpy as np
from PIL import Image

from .case import KEPT, REJECTED, Case, of_bytes
from .jpeg import PLAIN as JPEG
from .png import GREY, GREY16
from .png import PLAIN as PNG


def saved(image, kind, **options) -> bytes:
    """A file that Pillow writes."""
    stream = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(stream, kind, **options)
    return stream.getvalue()


def tiff(entries, data=b"", tail=b"\0\0\0\0", count=None) -> bytes:
    """A little-endian TIFF of one directory; ``entries`` are (tag, type, count, value)."""
    place = 8 + len(data)
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<I", place) + data + struct.pack("<H", count or len(entries)) + body + tail


def _entries(**other):
    # Width, height, bits, compression, photometric, strip offset, rows a strip, strip bytes.
    tags = {256: 96, 257: 80, 258: 8, 259: 1, 262: 1, 273: 8, 278: 80, 279: 7680}
    tags |= {int(name[1:]): value for name, value in other.items()}
    return [(tag, 4, 1, value) for tag, value in sorted(tags.items())]


def _kept(name, data, expected):
    return of_bytes(name, KEPT, data, expected=expected)


def _rejected(name, data, says, **more):
    return of_bytes(name, REJECTED, data, says, **more)


def _made(name, make, says):
    return Case(name, REJECTED, make, says)


def _folder(path):
    path.mkdir()
    (path / "1.png").write_bytes(PNG)


def _link_loop(path):
    path.symlink_to(path.name)


def _socket(path):
    # By its name within the folder: the whole path may be too long for a socket.
    here = os.open(path.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(f"/proc/self/fd/{here}/{path.name}")
    finally:
        os.close(here)


def _sparse(path):
    with path.open("wb") as stream:
        stream.write(b"\x89PNG\r\n\x1a\n")
        stream.truncate(5 << 30)


_FLOATS = GREY.astype(np.float32)
_WITH_NAN, _WITH_INFINITY = _FLOATS.copy(), _FLOATS.copy()
_WITH_NAN[3, 4], _WITH_INFINITY[3, 4] = np.nan, np.inf
_WIDE = np.where(GREY > 127, np.float32(3e38), np.float32(-3e38))
_TINY = GREY.astype(np.float32) * np.float32(1e-42)
_FRAMED = np.zeros((100, 100), np.uint8)
_FRAMED[30:70, 30:70] = 255
_HALVES = np.zeros((90, 90), np.uint8)
_HALVES[:, 45:] = 255
_CHECKS = (np.indices((80, 96)).sum(axis=0) % 2 * 255).astype(np.uint8)
_ONE_DOT = np.zeros((90, 90), np.uint8)
_ONE_DOT[40, 50] = 1
_LONG = np.tile(GREY[:64], (1, 200))

_BOMB = zlib.compress(bytes(600 << 20), 9)

TIFFS = [
    _kept("tiff 16 bit", lambda: saved(GREY16, "TIFF"), GREY16),
    _kept("tiff deflated", lambda: saved(GREY, "TIFF", compression="tiff_adobe_deflate"), GREY),
    _kept("tiff LZW", lambda: saved(GREY, "TIFF", compression="tiff_lzw"), GREY),
    _kept("tiff by hand", lambda: tiff(_entries(), GREY.tobytes()), GREY),
    _kept(
        "tiff big-endian",
        lambda: saved(Image.frombytes("I;16B", (96, 80), GREY16.astype(">u2").tobytes()), "TIFF"),
        GREY16,
    ),
    _rejected(
        "tiff of two pages",
        lambda: saved(GREY, "TIFF", save_all=True, append_images=[Image.fromarray(GREY)]),
        "2 frames",
    ),
    _rejected("tiff 1 bit", lambda: saved(Image.fromarray(GREY).convert("1"), "TIFF"), "pixel type '1'"),
    _rejected("tiff CMYK", lambda: saved(Image.new("CMYK", (96, 80)), "TIFF"), "CMYK"),
    _rejected("tiff with NaN", lambda: saved(_WITH_NAN, "TIFF"), "not finite"),
    _rejected("tiff with infinity", lambda: saved(_WITH_INFINITY, "TIFF"), "not finite"),
    _rejected("tiff beyond single precision's range", lambda: saved(_WIDE, "TIFF"), "range"),
    _kept("tiff of denormal numbers", lambda: saved(_TINY, "TIFF"), _TINY),
    _rejected("tiff cut within its header", lambda: b"II*\0\x08", "TIFF"),
    _rejected("tiff whose directory lies beyond its end", lambda: b"II*\0\xff\xff\xff\x7f" + bytes(200), "TIFF"),
    _rejected("tiff without entries", lambda: tiff([]), "TIFF"),
    _kept("tiff of 65535 entries", lambda: tiff(_entries(), GREY.tobytes(), count=65535), GREY),
    _rejected("tiff whose strip lies beyond its end", lambda: tiff(_entries(t273=10**6), GREY.tobytes()), "TIFF"),
    _rejected(
        "tiff whose strip is short", lambda: tiff(_entries(t257=160, t278=160), GREY.tobytes(), tail=b""), "TIFF"
    ),
    _rejected("tiff of unknown compression", lambda: tiff(_entries(t259=4711), GREY.tobytes()), "TIFF"),
    _rejected("tiff of 0 bits", lambda: tiff(_entries(t258=0), GREY.tobytes()), "TIFF"),
    _rejected("tiff of width 0", lambda: tiff(_entries(t256=0), GREY.tobytes()), "80 x 0 px|TIFF"),
    _rejected("tiff of four thousand million rows", lambda: tiff(_entries(t257=2**32 - 1), GREY.tobytes()), "Mpx|TIFF"),
    _kept(
        "tiff whose directories go round",
        lambda: tiff(_entries(), GREY.tobytes(), tail=struct.pack("<I", 8 + GREY.size)),
        GREY,
    ),
    _kept("tiff of rows a strip 0", lambda: tiff(_entries(t278=0), GREY.tobytes()), GREY),
    _rejected(
        "tiff that inflates to 600 MiB",
        lambda: tiff(_entries(t259=8, t273=8, t279=len(_BOMB)), _BOMB),
        "TIFF|one-colour",
        bomb=True,
    ),
    _rejected("tiff of more than 4 GB", lambda: b"II+\0\x08\0\0\0" + bytes(200), "neither"),
]

FORMATS = [
    _rejected("no byte", lambda: b"", "empty file"),
    _rejected("one byte", lambda: b"\x89", "neither"),
    _rejected("one zero", lambda: b"\0", "neither"),
    _rejected("a megabyte of zeros", lambda: bytes(1 << 20), "neither"),
    _rejected("gif", lambda: saved(GREY, "GIF"), "neither"),
    _rejected(
        "animated gif",
        lambda: saved(GREY, "GIF", save_all=True, append_images=[Image.fromarray(255 - GREY)]),
        "neither",
    ),
    _rejected("bmp", lambda: saved(GREY, "BMP"), "neither"),
    _rejected("webp", lambda: saved(Image.fromarray(GREY).convert("RGB"), "WEBP"), "neither"),
    _rejected("bare jpeg 2000", lambda: saved(GREY, "JPEG2000"), "neither"),
    _rejected("portable grey map", lambda: saved(GREY, "PPM"), "neither"),
    _rejected("error page of a download", lambda: b"<!DOCTYPE html><title>403 Forbidden</title>" * 20, "neither"),
    _rejected("JSON of an interface", lambda: b'{"error": "token expired"}' * 20, "neither"),
    _rejected("placeholder of a large-file store", lambda: b"version 1\noid sha256:00\nsize 12345\n" * 10, "neither"),
    _rejected("pdf", lambda: b"%PDF-1.7\n" + bytes(500), "neither"),
    _rejected("zip of an image", lambda: b"PK\x03\x04" + PNG, "neither"),
    _kept("gzip of an image", lambda: gzip.compress(PNG, mtime=0), GREY),
    _rejected("image after a line of text", lambda: b"\n" + JPEG, "neither"),
]

THINGS = [
    _made("nothing there", lambda path: None, "no such file"),
    _made("folder", _folder, "not a regular file"),
    _made("link to nothing", lambda path: path.symlink_to("nowhere.png"), "no such file"),
    _made("link to itself", _link_loop, "cannot be opened"),
    _made("link to a folder", lambda path: path.symlink_to(".."), "not a regular file|cannot be opened|leads out"),
    _made("link to an endless device", lambda path: path.symlink_to("/dev/zero"), "not a regular file|leads out"),
    _made(
        "link to a file that cannot be read",
        lambda path: path.symlink_to("/proc/self/mem"),
        "not a regular file|cannot be opened|leads out",
    ),
    _made("pipe that nobody fills", os.mkfifo, "not a regular file"),
    _made("socket", _socket, "not a regular file"),
    _made("file of 5 GiB with a hole", _sparse, "file of 5369 MB"),
]

PIXELS = [
    _rejected("one colour", lambda: saved(np.full((80, 96), 7, np.uint8), "PNG"), "every pixel is 7"),
    _rejected("one colour of 16 bits", lambda: saved(np.full((80, 96), 65535, np.uint16), "PNG"), "every pixel"),
    _rejected("white square in a black frame", lambda: saved(_FRAMED, "PNG"), "one-colour"),
    _kept("black and white halves", lambda: saved(_HALVES, "PNG"), _HALVES),
    _kept("chess board of single pixels", lambda: saved(_CHECKS, "PNG"), _CHECKS),
    _kept("one dot on black", lambda: saved(_ONE_DOT, "PNG"), _ONE_DOT),
    _kept("long strip", lambda: saved(_LONG, "PNG"), _LONG),
    _rejected("63 rows", lambda: saved(GREY[:63], "PNG"), "63 x 96 px"),
    _rejected("one pixel", lambda: saved(GREY[:1, :1], "PNG"), "1 x 1 px"),
    _kept("64 by 64", lambda: saved(GREY[:64, :64], "PNG"), GREY[:64, :64]),
]

CASES = [*TIFFS, *FORMATS, *THINGS, *PIXELS]
