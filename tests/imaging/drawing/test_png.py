import io

import numpy as np
import pytest
from PIL import Image

from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png, encode_png, save_png

GREY = np.random.default_rng(0).integers(0, 256, (31, 47), dtype=np.uint8)


def test_grey_round_trip_and_reproducible():
    assert np.array_equal(decode_png(encode_png(GREY)), GREY)
    assert encode_png(GREY) == encode_png(GREY.copy())


def test_colour_is_rgb_for_other_readers():
    colour = np.stack([GREY, GREY // 2, GREY // 3], axis=-1)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encode_png(colour)))), colour)


def test_saved_whole(tmp_path):
    save_png(GREY, tmp_path / "deep" / "a.png")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.png"]
    assert np.array_equal(np.asarray(Image.open(tmp_path / "deep" / "a.png")), GREY)


def test_damaged_bytes_are_refused():
    with pytest.raises(CxrError, match="no readable PNG"):
        decode_png(b"not a png")
