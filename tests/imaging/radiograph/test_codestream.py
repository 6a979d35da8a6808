import io
import struct

import numpy as np
import pytest
from PIL import Image

from cxrfactory.imaging.radiograph.codestream import codestream_shape

PIXELS = np.random.default_rng(0).integers(0, 256, (70, 95), dtype=np.uint8)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 30, "comment": b"x" * 3000}])
def test_jpeg_of_pillow(options):
    data = io.BytesIO()
    Image.fromarray(PIXELS).save(data, "JPEG", **options)
    assert codestream_shape(b"\xfe\xff\x00\xe0\x00\x00\x00\x00" + data.getvalue()) == (70, 95)


@pytest.mark.parametrize("kind", [{"irreversible": True}, {"irreversible": False}])
def test_jpeg_2000_of_pillow_in_its_box(kind):
    data = io.BytesIO()
    Image.fromarray(PIXELS).save(data, "JPEG2000", **kind)
    assert codestream_shape(data.getvalue()) == (70, 95)


def test_jpeg_2000_with_an_offset():
    size = struct.pack(">4sHH4I", b"\xff\x4f\xff\x51", 41, 0, 100, 80, 5, 10)
    assert codestream_shape(size) == (70, 95)


def test_jpeg_ls_with_fill_bytes():
    frame = struct.pack(">BBHBHH", 0xFF, 0xF7, 11, 8, 70, 95)
    assert codestream_shape(b"\xff\xd8\xff" + frame + bytes(8)) == (70, 95)


@pytest.mark.parametrize("data", [b"", bytes(500), b"\xff\xd8\xff\xe0\x00", b"\xff\x4f\xff\x51\x00"])
def test_no_size(data):
    assert codestream_shape(data) is None
