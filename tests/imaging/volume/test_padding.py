import numpy as np
import pytest

from cxrfactory.imaging.volume.padding import fill_padding
from tests.imaging.dicom_files import radiograph


@pytest.mark.parametrize(
    ("signed", "stated", "stored"),
    [
        (1, 63536, -2000),  # two's complement of the 16 allocated bits
        (1, 2096, -2000),  # two's complement of the 12 stored bits
        (0, 63536, 63536),
        (0, 2096, 2096),
    ],
)
def test_padding_is_read_by_the_stored_bits_as_for_radiographs(signed, stated, stored):
    header = radiograph(PixelRepresentation=signed, BitsStored=12, HighBit=11)
    header.add_new("PixelPaddingValue", "US", stated)
    pixels = np.full((6, 6), 40, np.int16 if signed else np.uint16)
    pixels[0] = stored
    intercept = 0 if signed else -1024
    assert fill_padding(pixels, header, 1.0, intercept) == 6
    assert set(pixels[0]) == {-1024 - intercept}
    assert set(pixels[1:].ravel()) == {40}


def test_a_header_without_padding_changes_nothing():
    pixels = np.zeros((4, 4), np.int16)
    assert fill_padding(pixels, radiograph(), 1.0, 0.0) == 0
    assert not pixels.any()
