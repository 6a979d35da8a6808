import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from cxrfactory.imaging.turns import (
    ORIENTATIONS,
    displayed,
    displayed_points,
    lies_on_its_side,
    stored,
    stored_box,
    stored_points,
)

IMAGE = np.arange(20, dtype=np.uint8).reshape(4, 5) * 10


@pytest.mark.parametrize(("number", "orientation"), enumerate(ORIENTATIONS, start=1))
def test_the_number_is_that_of_exif(number, orientation):
    exif = Image.Exif()
    exif[0x0112] = number
    buffer = io.BytesIO()
    Image.fromarray(IMAGE).save(buffer, "TIFF", exif=exif)
    with Image.open(buffer) as picture:
        assert np.array_equal(ImageOps.exif_transpose(picture), displayed(IMAGE, orientation))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_letters_say_where_stored_rows_and_columns_run_to(orientation):
    row, column = (displayed_points([step], orientation, 4, 5)[0] - displayed_points([[0, 0]], orientation, 4, 5)[0]
                   for step in ([1, 0], [0, 1]))  # fmt: skip
    ways = {(1, 0): "L", (-1, 0): "R", (0, 1): "F", (0, -1): "H"}
    assert ways[tuple(row)] + ways[tuple(column)] == orientation
    assert lies_on_its_side(orientation) == (abs(row[1]) == 1)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_images_points_and_boxes_go_there_and_back(orientation):
    shown = displayed(IMAGE, orientation)
    assert np.array_equal(stored(shown, orientation), IMAGE)
    for y, x in np.ndindex(IMAGE.shape):
        point = displayed_points(np.array([x, y]), orientation, *IMAGE.shape)
        assert shown[int(point[1]), int(point[0])] == IMAGE[y, x]
        assert stored_points(point, orientation, *IMAGE.shape).tolist() == [x, y]
    top, left, height, width = stored_box(1, 0, 2, 3, orientation, *IMAGE.shape)
    assert np.array_equal(displayed(IMAGE[top : top + height, left : left + width], orientation), shown[1:3, 0:3])
