"""The orientation of a TIFF is set to 1 in its bytes, and nothing else changes."""

import io

import numpy as np
import pytest
from PIL import Image

from cxrfactory.imaging.radiograph.reading import picture_size, read_radiograph
from cxrfactory.imaging.radiograph.screening import AS_STORED
from cxrfactory.imaging.radiograph.tiff_turn import as_stored
from cxrfactory.imaging.turns import ORIENTATIONS, displayed

PIXELS = np.add.outer(3 * np.arange(70), np.arange(90)).astype(np.uint16) * 200


def tiff(number, order="<", **options):
    exif, stream = Image.Exif(), io.BytesIO()
    exif[274] = number
    Image.fromarray(PIXELS.astype(f"{order}u2")).save(stream, "TIFF", exif=exif, **options)
    return stream.getvalue()


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
@pytest.mark.parametrize("number", range(1, 9))
def test_pixels_as_stored_and_as_displayed(tmp_path, number, compression):
    path = tmp_path / "film.tif"
    path.write_bytes(tiff(number, compression=compression))
    assert picture_size(path) == PIXELS.shape
    assert np.array_equal(read_radiograph(path, checks=AS_STORED).pixels, PIXELS)
    found = read_radiograph(path)
    assert found.orientation == ORIENTATIONS[number - 1]
    assert np.array_equal(found.pixels, displayed(PIXELS, found.orientation))


@pytest.mark.parametrize("order", ["<", ">"])
def test_one_tag_changes(order):
    before, after = tiff(6, order), as_stored(tiff(6, order))
    assert len(before) == len(after)
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1
    with Image.open(io.BytesIO(after)) as picture:
        assert picture.tag_v2[274] == 1


@pytest.mark.parametrize("data", [b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\0\x09", tiff(1)])
def test_what_is_no_directory_or_says_nothing_stays(data):
    assert as_stored(data) == data
