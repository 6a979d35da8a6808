import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.png_stream import check_png

rng = np.random.default_rng(0)
SMOOTH = cv2.GaussianBlur(rng.random((97, 131)), (0, 0), 5)
GREY8 = cv2.normalize(SMOOTH, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
GREY16 = cv2.normalize(SMOOTH, None, 0, 65535, cv2.NORM_MINMAX).astype(np.uint16)


def png(pixels, kind, interlaced=0):
    """Write a grey PNG all of whose rows have one filter, as sections 7 and 9 of the specification define them."""
    values = pixels.astype(">u2" if pixels.dtype == np.uint16 else np.uint8)
    size = values.dtype.itemsize
    rows = values.view(np.uint8).reshape(len(pixels), -1).astype(int)
    left = np.pad(rows, ((0, 0), (size, 0)))[:, :-size]
    above = np.pad(rows, ((1, 0), (0, 0)))[:-1]
    corner = np.pad(left, ((1, 0), (0, 0)))[:-1]
    guess = left + above - corner
    near = [np.abs(guess - each) for each in (left, above, corner)]
    paeth = np.where((near[0] <= near[1]) & (near[0] <= near[2]), left, np.where(near[1] <= near[2], above, corner))
    taken = [np.zeros_like(rows), left, above, (left + above) // 2, paeth, paeth][kind]
    filtered = np.pad((rows - taken) % 256, ((0, 0), (1, 0)), constant_values=kind).astype(np.uint8).tobytes()
    header = struct.pack(">IIBBBBB", pixels.shape[1], len(pixels), 8 * size, 0, 0, 0, interlaced)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(filtered)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


@pytest.mark.parametrize("pixels", [GREY8, GREY16], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize("kind", range(5))
def test_grey_pixels_of_every_filter_come_back(pixels, kind):
    data = png(pixels, kind)
    found = check_png(io.BytesIO(data))
    assert found.dtype == pixels.dtype
    assert np.array_equal(found, pixels)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels)  # the file is what other readers see


def test_other_pictures_are_checked_and_left_to_other_decoders():
    assert check_png(io.BytesIO(png(GREY8, 5))) is None  # a filter that the format does not know
    for mode in ("1", "P", "RGB", "LA"):
        stream = io.BytesIO()
        Image.fromarray(GREY8).convert(mode).save(stream, "PNG")
        stream.seek(0)
        assert check_png(stream) is None


def test_an_interlaced_picture_is_not_decoded_row_by_row():
    with pytest.raises(ImageError, match="pixels"):  # the passes of an interlaced picture have more rows
        check_png(io.BytesIO(png(GREY8, 0, interlaced=1)))


def test_a_picture_in_many_pieces_is_one_picture():
    whole = png(GREY8, 4)
    body = whole[41:-16]  # between the length and name of IDAT, and its checksum and IEND
    pieces = [body[start : start + 100] for start in range(0, len(body), 100)]
    chunks = b"".join(
        struct.pack(">I", len(each)) + b"IDAT" + each + struct.pack(">I", zlib.crc32(b"IDAT" + each)) for each in pieces
    )
    assert np.array_equal(check_png(io.BytesIO(whole[:33] + chunks + whole[-12:])), GREY8)
