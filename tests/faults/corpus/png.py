"""PNG files, chunk by chunk (PNG specification, third edition)."""

import struct
import zlib

import numpy as np

from .case import KEPT, REJECTED, flipped, of_bytes

MARK = b"\x89PNG\r\n\x1a\n"
GREY = np.random.default_rng(5).integers(0, 256, (80, 96), dtype=np.uint8)
GREY16 = np.random.default_rng(6).integers(0, 65536, (80, 96), dtype=np.uint16)
_HEIGHT, _WIDTH = GREY.shape
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
_ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
_MIB = 1 << 20


def chunk(name: bytes, body: bytes, crc: int | None = None) -> bytes:
    """A chunk, with its own CRC or a wrong one."""
    crc = zlib.crc32(name + body) if crc is None else crc
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", crc)


def header(colour=_GREY, depth=8, interlace=0, height=_HEIGHT, width=_WIDTH, compression=0, method=0) -> bytes:
    """The IHDR chunk."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, compression, method, interlace))


def scanlines(pixels: np.ndarray, depth: int = 8) -> bytes:
    """Rows of samples, each after filter type 0; depths below 8 packed from the left."""
    rows = pixels.reshape(len(pixels), -1)
    if depth < 8:
        bits = np.unpackbits(rows[..., None], axis=2)[..., 8 - depth :].reshape(len(rows), -1)
        rows = np.packbits(bits, axis=1)
    data = rows.astype(">u2" if depth == 16 else np.uint8).tobytes()
    size = len(data) // len(rows)
    return b"".join(b"\0" + data[start : start + size] for start in range(0, len(data), size))


def interlaced(pixels: np.ndarray, depth: int = 8) -> bytes:
    """Rows of the seven passes of Adam7."""
    return b"".join(scanlines(pixels[r::dr, c::dc], depth) for r, c, dr, dc in _ADAM7)


def png(data: bytes, *before: bytes, head: bytes | None = None, after: bytes = b"", end: bool = True) -> bytes:
    """A file of uncompressed ``data`` with other chunks before and after it."""
    packed = chunk(b"IDAT", zlib.compress(data, 1))
    return MARK + (header() if head is None else head) + b"".join(before) + packed + after + END * end


END = chunk(b"IEND", b"")
PLAIN = png(scanlines(GREY))
_IDAT = PLAIN.index(b"IDAT")


def _kept(name, data, expected=GREY, **more):
    return of_bytes(f"png {name}", KEPT, data, expected=expected, **more)


def _rejected(name, data, says="PNG", **more):
    return of_bytes(f"png {name}", REJECTED, data, says, **more)


def _channels(count, dtype=np.uint8, last=255):
    pixels = np.repeat(GREY[..., None].astype(dtype), count, axis=2)
    if count in (2, 4):
        pixels[..., -1] = last
    return pixels


def _levels(depth):
    return GREY >> (8 - depth)


_RAMP_PALETTE = chunk(b"PLTE", bytes(np.repeat(np.arange(256, dtype=np.uint8), 3)))
_COLOURS = chunk(b"PLTE", np.random.default_rng(7).integers(0, 256, 768, dtype=np.uint8).tobytes())
_TINTED = _channels(3) ^ np.array([0, 0, 1], np.uint8)


def _text_bomb():
    return chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(300 * _MIB), 9))


def _many_texts():
    return b"".join(chunk(b"zTXt", b"n%d\0\0" % n + zlib.compress(bytes(900_000), 9)) for n in range(400))


def _pixel_bomb():
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(bytes(_MIB)) for _ in range(1500)) + packer.flush()
    return MARK + header() + chunk(b"IDAT", data) + END


def _animation(frames):
    control = struct.pack(">IIIIIHHBB", 0, _WIDTH, _HEIGHT, 0, 0, 1, 10, 0, 0)
    second = chunk(b"fcTL", struct.pack(">I", 1) + control[4:])
    second += chunk(b"fdAT", struct.pack(">I", 2) + zlib.compress(scanlines(255 - GREY)))
    return png(scanlines(GREY), chunk(b"acTL", struct.pack(">II", frames, 0)), chunk(b"fcTL", control), after=second)


CASES = [
    _kept("8 bit", lambda: PLAIN),
    _kept("16 bit", lambda: png(scanlines(GREY16, 16), head=header(depth=16)), GREY16),
    _kept("4 bit", lambda: png(scanlines(_levels(4), 4), head=header(depth=4)), _levels(4) * 17),
    _kept("2 bit", lambda: png(scanlines(_levels(2), 2), head=header(depth=2)), _levels(2) * 85),
    _rejected("1 bit", lambda: png(scanlines(_levels(1), 1), head=header(depth=1)), "pixel type '1'"),
    _kept("interlaced", lambda: png(interlaced(GREY), head=header(interlace=1))),
    _kept("interlaced 16 bit", lambda: png(interlaced(GREY16, 16), head=header(depth=16, interlace=1)), GREY16),
    _kept("grey palette", lambda: png(scanlines(GREY), _RAMP_PALETTE, head=header(_PALETTE))),
    _kept(
        "inverted palette",
        lambda: png(scanlines(GREY), chunk(b"PLTE", _RAMP_PALETTE[8:-4][::-1]), head=header(_PALETTE)),
        255 - GREY,
    ),
    _kept(
        "grey palette of 16 entries",
        lambda: png(
            scanlines(_levels(4), 4),
            chunk(b"PLTE", bytes(np.repeat(np.arange(16, dtype=np.uint8) * 10, 3))),
            head=header(_PALETTE, 4),
        ),
        _levels(4) * 10,
    ),
    _rejected("colour palette", lambda: png(scanlines(GREY), _COLOURS, head=header(_PALETTE)), "true colour"),
    _rejected(
        "transparent palette",
        lambda: png(scanlines(GREY), _RAMP_PALETTE, chunk(b"tRNS", b"\0" * 9), head=header(_PALETTE)),
        "transparent",
    ),
    _rejected("palette without entries", lambda: png(scanlines(GREY), head=header(_PALETTE)), "PNG|one-colour"),
    _rejected(
        "palette of too few entries",
        lambda: png(scanlines(GREY), chunk(b"PLTE", bytes(range(30))), head=header(_PALETTE)),
        "its palette has 10 colours, and a pixel has the number 255",
    ),
    _kept("equal RGB", lambda: png(scanlines(_channels(3)), head=header(_RGB))),
    _kept("opaque RGBA", lambda: png(scanlines(_channels(4)), head=header(_RGBA))),
    _kept("opaque grey and alpha", lambda: png(scanlines(_channels(2)), head=header(_GREY_ALPHA))),
    _kept("tinted RGB", lambda: png(scanlines(_TINTED), head=header(_RGB))),
    _kept("equally transparent RGBA", lambda: png(scanlines(_channels(4, last=7)), head=header(_RGBA))),
    _rejected("transparent RGBA", lambda: png(scanlines(_channels(4, last=0)), head=header(_RGBA)), "transparent"),
    _rejected(
        "transparent grey", lambda: png(scanlines(_channels(2, last=0)), head=header(_GREY_ALPHA)), "transparent"
    ),
    *(
        _rejected(
            f"16 bit colour type {colour}",
            lambda colour=colour, count=count: png(
                scanlines(_channels(count, np.uint16, 65535), 16), head=header(colour, 16)
            ),
            "16 bits",
        )
        for colour, count in ((_RGB, 3), (_GREY_ALPHA, 2), (_RGBA, 4))
    ),
    _kept("animation of one frame", lambda: png(scanlines(GREY), chunk(b"acTL", struct.pack(">II", 0, 0)))),
    _rejected("animation of two frames", lambda: _animation(2), "2 frames"),
    _kept("animation of four thousand million frames", lambda: _animation(2**32 - 1)),
    _kept(
        "turned by its EXIF",
        lambda: png(scanlines(GREY), chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\x01\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0")),
        np.rot90(GREY, -1),
    ),
    _kept("gamma", lambda: png(scanlines(GREY), chunk(b"gAMA", struct.pack(">I", 45455)))),
    _kept("unknown ancillary chunk", lambda: png(scanlines(GREY), chunk(b"zzZz", b"hello"))),
    _kept("bytes after its end", lambda: PLAIN + b"trailing" * 1000),
    _kept("latin-1 text", lambda: png(scanlines(GREY), chunk(b"tEXt", b"note\0\xe9\xff"))),
    _kept("colour space that is no profile", lambda: png(scanlines(GREY), chunk(b"iCCP", b"x\0\0nonsense"))),
    _rejected("wrong checksum of a text", lambda: png(scanlines(GREY), chunk(b"tEXt", b"note\0hello", crc=1))),
    # Truncations at every kind of boundary.
    *(
        _rejected(f"cut {where}", lambda end=end: PLAIN[:end], says)
        for where, end, says in (
            ("within its mark", 5, "neither"),
            ("after its mark", 8, "PNG"),
            ("within the header's length", 10, "PNG"),
            ("within the header", 20, "PNG"),
            ("before the header's checksum", 29, "PNG"),
            ("after the header", 33, "PNG"),
            ("within the data's length", 35, "PNG"),
            ("after the data's name", _IDAT + 4, "PNG"),
            ("after one byte of data", _IDAT + 5, "PNG"),
            ("in a tenth of the data", _IDAT + len(PLAIN) // 10, "PNG"),
            ("in the middle of the data", _IDAT + len(PLAIN) // 2, "PNG"),
            ("before the last byte of data", len(PLAIN) - 12 - 4 - 5, "PNG"),
        )
    ),
    # Lengths, checksums and flags.
    _rejected("wrong checksum of its header", lambda: flipped(PLAIN, 30), "PNG"),
    _rejected("wrong checksum of its data", lambda: flipped(PLAIN, len(PLAIN) - 14), "PNG"),
    _rejected("a flipped byte of data", lambda: flipped(PLAIN, _IDAT + 3000), "PNG"),
    _rejected("depth 3", lambda: png(scanlines(GREY), head=header(depth=3)), "PNG"),
    _rejected("depth 0", lambda: png(scanlines(GREY), head=header(depth=0)), "PNG"),
    _rejected("colour type 5", lambda: png(scanlines(GREY), head=header(5)), "PNG"),
    _rejected("compression method 7", lambda: png(scanlines(GREY), head=header(compression=7)), "PNG"),
    _rejected("filter method 3", lambda: png(scanlines(GREY), head=header(method=3)), "PNG"),
    _rejected("filter type 9", lambda: png(b"\t" + scanlines(GREY)[1:]), "PNG"),
    _rejected("interlace method 2", lambda: png(scanlines(GREY), head=header(interlace=2)), "PNG"),
    _rejected("header says interlaced", lambda: png(scanlines(GREY), head=header(interlace=1)), "PNG"),
    _rejected("header says one row more", lambda: png(scanlines(GREY), head=header(height=_HEIGHT + 1)), "PNG"),
    _rejected("header says twice the rows", lambda: png(scanlines(GREY), head=header(height=160)), "PNG"),
    _rejected("header says one row less", lambda: png(scanlines(GREY), head=header(height=_HEIGHT - 1)), "PNG"),
    _rejected("header says one column less", lambda: png(scanlines(GREY), head=header(width=_WIDTH - 1)), "PNG"),
    _rejected("height 0", lambda: png(scanlines(GREY), head=header(height=0)), "0 x 96 px|PNG"),
    _rejected("width 0", lambda: png(scanlines(GREY), head=header(width=0)), "80 x 0 px|PNG"),
    _rejected("no data", lambda: MARK + header() + END, "PNG"),
    _rejected("two headers", lambda: png(scanlines(GREY), header(height=64)), "PNG|header"),
    _rejected("short header", lambda: png(scanlines(GREY), head=chunk(b"IHDR", header()[8:18])), "PNG"),
    _rejected("no header", lambda: png(scanlines(GREY), head=b""), "PNG"),
    _rejected("data that are no zlib stream", lambda: MARK + header() + chunk(b"IDAT", b"hello" * 99) + END, "PNG"),
    _rejected("zlib stream that ends early", lambda: png(scanlines(GREY)[: 40 * 97]), "PNG"),
    _rejected(
        "chunk of two thousand million bytes",
        lambda: PLAIN[:33] + b"\x7f\xff\xff\xff" + PLAIN[37:],
        "PNG",
    ),
    _rejected("line ends changed by a text transfer", lambda: PLAIN.replace(b"\r\n", b"\n"), "neither"),
    _rejected("byte-order mark before it", lambda: b"\xef\xbb\xbf" + PLAIN, "neither"),
    # Bombs.
    _rejected("10 thousand megapixels", lambda: png(b"", head=header(height=100_000, width=100_000)), "10000 Mpx"),
    _rejected(
        "the largest size that the format has",
        lambda: png(b"", head=header(height=2**31 - 1, width=2**31 - 1)),
        "Mpx",
    ),
    _rejected("a size beyond the format's", lambda: png(b"", head=header(height=2**32 - 1, width=96)), "Mpx|PNG"),
    _rejected("text of 300 MiB", lambda: png(scanlines(GREY), _text_bomb()), "too large|damaged PNG", bomb=True),
    _rejected("400 texts of a mebibyte", lambda: png(scanlines(GREY), _many_texts()), "PNG", bomb=True),
    _rejected("1.5 GiB of pixels in a small image", _pixel_bomb, "PNG", bomb=True),
    _rejected(
        "colour profile of 300 MiB",
        lambda: png(scanlines(GREY), chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(300 * _MIB), 9))),
        "PNG|too large",
        bomb=True,
    ),
]
