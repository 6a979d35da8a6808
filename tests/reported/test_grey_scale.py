"""Markers, padding fields, shutters and dead pixels that set the grey scale of the picture."""

import cv2
import numpy as np
import pytest

from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.imaging.radiograph.reading import read_radiograph
from tests.imaging.radiograph.test_grey_scale import HOW, disturbed, film
from tests.reported import Case

KIND = "markers, padding, shutters and dead pixels that set the grey scale"
SOURCE = "fo-dicom#406, vtk-dicom#128, dwv#135"


def same_picture(how, suffix, kind, borders):
    """Return a case: outside what was added, the preprocessed picture stays within 2 grey levels."""

    def run(folder):
        plain = film(kind)
        changed = disturbed(plain, how)
        recipe = Preparation(size=400, remove_borders=borders)
        pictures = []
        for name, pixels in (("plain", plain), ("changed", changed)):
            cv2.imwrite(str(folder / f"{name}{suffix}"), pixels)
            pictures.append(prepare(read_radiograph(folder / f"{name}{suffix}"), recipe))
        (one, geometry), (other, other_geometry) = pictures
        assert geometry == other_geometry
        beside = cv2.dilate((plain != changed).astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
        assert np.abs(one.astype(int) - other)[beside].max() <= 2

    return Case(f"{how}, {suffix[1:]} of {8 * np.dtype(kind).itemsize} bits, borders {borders}", "right", run)


CASES = [
    same_picture(how, suffix, kind, borders)
    for how in HOW
    for suffix, kind in ((".png", np.uint8), (".png", np.uint16), (".tif", np.uint16))
    for borders in (False, True)
    # A shutter along a side, or around a round field, is a border: removed, it changes the frame of the picture.
    if not (borders and how.split()[0] in ("round", "shutter"))
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case, tmp_path):
    case.run(tmp_path)
