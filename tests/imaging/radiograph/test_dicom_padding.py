"""Padding: all around the field of a film, and not the same grey value within it."""

import numpy as np
import pytest

from cxrfactory.imaging.dicom_layout import word_layout
from cxrfactory.imaging.radiograph.dicom_padding import find_padding, free_to_edge
from tests.imaging.dicom_files import radiograph

ROWS, COLUMNS = np.mgrid[:60, :60]


def test_all_around_a_round_field_is_free_and_what_reaches_the_edge_on_one_side_is_not():
    outside = (ROWS - 30) ** 2 + (COLUMNS - 30) ** 2 > 35**2  # cut by the edges of the image
    np.testing.assert_array_equal(free_to_edge(outside), outside)
    spine = (COLUMNS > 25) & (COLUMNS < 35) & (ROWS > 20)
    np.testing.assert_array_equal(free_to_edge(outside | spine), outside)


@pytest.mark.parametrize("value", [0, 4095])
def test_saturated_tissue_that_touches_the_padding_stays_image(value):
    header = radiograph(BitsStored=12, HighBit=11, PixelPaddingValue=value)
    pixels = (1000 + 20 * ROWS + COLUMNS).astype(np.uint16)
    outside = (ROWS - 30) ** 2 + (COLUMNS - 30) ** 2 > 35**2
    spine = (COLUMNS > 25) & (COLUMNS < 35) & (ROWS > 20)
    pixels[10, 30], pixels[11, 30] = 4090, 5  # so that the value could be one of the picture
    pixels[outside | spine] = value
    notes = []
    np.testing.assert_array_equal(find_padding(pixels, word_layout(header), notes), outside)
    assert notes == ["its padding value is also in 9.7% of the pixels inside the picture, which are kept as image"]
