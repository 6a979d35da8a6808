import io

import numpy as np
import pytest
from PIL import Image

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.jpeg_stream import decode_grey_jpeg, refuse_damaged_jpeg

_ROWS, _COLUMNS = np.mgrid[:90, :70]
GREY = ((_ROWS * 3 + _COLUMNS * 2) % 256).astype(np.uint8)


def jpeg(image=GREY, **options):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", **{"quality": 90} | options)
    return stream.getvalue()


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"optimize": True}, {"restart_marker_rows": 1}, {"quality": 30}]
)
def test_the_same_pixels_as_pillow(options):
    data = jpeg(**options)
    expected = np.asarray(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(decode_grey_jpeg(data), expected)


@pytest.mark.parametrize(  # of the progressive one, cuts within a scan: between scans it is whole, only blurred
    ("progressive", "tenths"),
    [*((False, tenths) for tenths in range(1, 10)), *((True, tenths) for tenths in (2, 4, 7, 8))],
)
def test_a_stream_that_is_cut_and_then_ended_is_noticed(tenths, progressive):
    data = jpeg(progressive=progressive)
    start = data.index(b"\xff\xda") + 10
    cut = data[: start + (len(data) - start) * tenths // 10].rstrip(b"\xff") + b"\xff\xd9"
    if not progressive:
        np.asarray(Image.open(io.BytesIO(cut)))  # Pillow says nothing
    for check in (decode_grey_jpeg, refuse_damaged_jpeg):
        with pytest.raises(ImageError, match="truncated or damaged JPEG"):
            check(cut)


def test_a_torn_colour_profile_hides_no_damage_and_makes_none():
    profile = b"\xff\xe2\x00\x12ICC_PROFILE\0\2\3xx"
    data = jpeg()
    torn = data[:2] + profile + data[2:]
    np.testing.assert_array_equal(decode_grey_jpeg(torn), decode_grey_jpeg(data))
    with pytest.raises(ImageError, match="premature end"):
        decode_grey_jpeg(torn[: len(torn) // 2] + b"\xff\xd9")


def test_what_another_decoder_knows_is_left_to_it():
    data = jpeg()
    frame = data.index(b"\xff\xc0")
    twelve_bits = data[:frame] + b"\xff\xc1" + data[frame + 2 : frame + 4] + b"\x0c" + data[frame + 5 :]
    lossless = data[:frame] + b"\xff\xf7" + data[frame + 2 :]
    for other in (twelve_bits, lossless):
        refuse_damaged_jpeg(other)
        with pytest.raises(ImageError, match="JPEG"):
            decode_grey_jpeg(other)
