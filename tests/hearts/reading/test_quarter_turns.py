"""Slices whose rows and columns are exchanged or mirrored against the others count as those of the same place."""

import itertools

import numpy as np
import pytest

from cxrfactory.hearts.reading.heart import examine_heart
from tests.hearts.reading import heart_files as files
from tests.hearts.reading.test_dicom import ES, assert_whole, refused


def turned(image, swap, mirror_columns, mirror_rows):
    """The same image as a file with other axes: exchanged first, then mirrored."""
    pixels = image.pixel_array
    values = np.array(image.ImageOrientationPatient, float)
    origin, across, down = np.array(image.ImagePositionPatient, float), values[:3], values[3:]
    if swap:
        pixels, across, down = pixels.T, down, across
    rows, columns = pixels.shape
    if mirror_columns:
        pixels, origin, across = pixels[:, ::-1], origin + (columns - 1) * files.PIXEL_MM * across, -across
    if mirror_rows:
        pixels, origin, down = pixels[::-1], origin + (rows - 1) * files.PIXEL_MM * down, -down
    image.Rows, image.Columns = pixels.shape
    image.PixelData = np.ascontiguousarray(pixels).tobytes()
    image["PixelData"].VR = "OW"
    image.ImagePositionPatient = [f"{value:.6f}" for value in origin]
    image.ImageOrientationPatient = [f"{value:.8f}" for value in (*across, *down)]
    return image


TURNS = list(itertools.product([False, True], repeat=3))[1:]


@pytest.mark.parametrize("turn", TURNS)
def test_turned_slices_are_turned_back(tmp_path, turn):
    images = [turned(one, *turn) if one.SeriesNumber in (10, 13) else one for one in files.examination()]
    reading = examine_heart(files.write(tmp_path, images))
    assert_whole(reading.views[0])
    assert_whole(reading.views[1], ES)
    assert reading.notes == ("2 short-axis slices have exchanged or mirrored rows and columns; turned to the others",)


@pytest.mark.parametrize("turn", TURNS)
def test_an_examination_of_other_axes_keeps_them(tmp_path, turn):
    images = [turned(one, *turn) for one in files.examination()]
    reading = examine_heart(files.write(tmp_path, images))
    assert reading.notes == ()
    for plane in reading.views[1].short_axis:
        rows, columns = np.indices(plane.pixels.shape)
        points = plane.positions_mm(columns, rows)
        # Positions on the border of a shape may fall on its other side.
        assert (np.abs(plane.pixels - files.grey(points, ES)) < 2).mean() > 0.99


def test_exchanged_slices_of_an_oblong_matrix_are_of_another_size(tmp_path):
    def oblong(image):
        pixels = image.pixel_array[:, 4:]
        image.Columns = pixels.shape[1]
        image.PixelData = np.ascontiguousarray(pixels).tobytes()
        image["PixelData"].VR = "OW"
        step = 4 * files.PIXEL_MM * np.array(image.ImageOrientationPatient[:3], float)
        image.ImagePositionPatient = [f"{v:.6f}" for v in np.array(image.ImagePositionPatient, float) + step]
        return image

    images = [oblong(one) for one in files.examination()]
    whole = [turned(one, True, False, True) if one.SeriesNumber == 12 else one for one in images]
    reading = examine_heart(files.write(tmp_path / "p", whole))
    assert {plane.pixels.shape for plane in reading.views[0].short_axis} == {(64, 60)}
    cut = [each for each in whole if each.SeriesNumber == 12]
    for image in cut:  # rows 64 px long beside those 60 px long
        image.Rows = 56
        image.PixelData = np.ascontiguousarray(np.frombuffer(image.PixelData, "<u2").reshape(60, 64)[:56]).tobytes()
    assert "short-axis slices of different sizes" in refused(files.write(tmp_path / "q", whole))
