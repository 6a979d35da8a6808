import io
import struct

import numpy as np
import pytest
from PIL import Image

from cxrfactory.imaging.radiograph.codestream import Codestream, read_codestream

PIXELS = np.random.default_rng(0).integers(0, 256, (70, 95), dtype=np.uint8)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 30, "comment": b"x" * 3000}])
def test_jpeg_of_pillow(options):
    data = io.BytesIO()
    Image.fromarray(PIXELS).save(data, "JPEG", **options)
    found = read_codestream(b"\xfe\xff\x00\xe0\x00\x00\x00\x00" + data.getvalue())
    assert found == Codestream("JPEG", 70, 95, 1, 8)


@pytest.mark.parametrize("kind", [{"irreversible": True}, {"irreversible": False}])
def test_jpeg_2000_of_pillow_in_its_box(kind):
    data = io.BytesIO()
    Image.fromarray(PIXELS).save(data, "JPEG2000", **kind)
    assert read_codestream(data.getvalue()) == Codestream("JPEG 2000", 70, 95, 1, 8)


def test_jpeg_2000_with_an_offset():
    size = struct.pack(">4sHH4I", b"\xff\x4f\xff\x51", 41, 0, 100, 80, 5, 10)
    rest = struct.pack(">4IH3B", 100, 80, 0, 0, 1, 0x8B, 1, 1)
    assert read_codestream(size + rest) == Codestream("JPEG 2000", 70, 95, 1, 12, signed=True)


def test_jpeg_ls_with_fill_bytes():
    frame = struct.pack(">BBHBHHB", 0xFF, 0xF7, 11, 10, 70, 95, 1)
    assert read_codestream(b"\xff\xd8\xff" + frame + bytes(8)) == Codestream("JPEG-LS", 70, 95, 1, 10)


@pytest.mark.parametrize("data", [b"", bytes(500), b"\xff\xd8\xff\xe0\x00", b"\xff\x4f\xff\x51\x00"])
def test_no_size(data):
    assert read_codestream(data) is None


def test_a_stream_whose_bytes_look_like_the_mark_of_another():
    frame = struct.pack(">BBHBHHB", 0xFF, 0xF7, 11, 10, 70, 95, 1)
    data = b"\xff\xd8\xff" + frame + bytes(8) + b"\xff\x4f\xff\x51" + bytes(60)
    assert read_codestream(data) == Codestream("JPEG-LS", 70, 95, 1, 10)
