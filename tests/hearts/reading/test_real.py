"""The reader on one real patient: 11 cine series with the contours and the meshes that others fitted to them."""

import os
from pathlib import Path

import numpy as np
import pytest

from cxrfactory.hearts.reading.heart import examine_heart
from cxrfactory.hearts.reading.rules import HeartRules

REAL = Path(os.environ.get("CXRFACTORY_REAL_DATA", "/nowhere")) / "heart_cmr"
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="CXRFACTORY_REAL_DATA names no folder with heart_cmr")


@pytest.fixture(scope="module")
def reading():
    return examine_heart(REAL / "dicom", HeartRules(frames="all"))


def guide_points():
    rows = [line.split("\t") for line in (REAL / "contours" / "points_000.txt").read_text().splitlines()[1:]]
    return np.array([row[:3] for row in rows], float), [row[3] for row in rows], [int(row[4]) for row in rows]


def test_guide_points_of_the_fit_lie_in_the_planes(reading):
    points, kinds, images = guide_points()
    planes = reading.views[0].short_axis
    short = np.array([kind.startswith("SAX") for kind in kinds])
    assert len(planes) == 6
    for image in sorted({image for image, of_short in zip(images, short, strict=True) if of_short}):
        chosen = points[short & (np.array(images) == image)]
        placed = planes[image - 1].coordinates(chosen)  # the fit numbers the slices from the base, from 1
        assert np.abs(placed[:, 2]).max() < 1.0
        assert (placed[:, :2] > 0).all()
        assert (placed[:, :2] < [256, 208]).all()


def test_long_axis_views_are_those_with_their_valves(reading):
    points, kinds, _ = guide_points()
    views = reading.views[0].long_axis
    for kind, view in (("TRICUSPID_VALVE", "4ch"), ("AORTA_VALVE", "3ch"), ("APEX_POINT", "4ch")):
        chosen = points[[each == kind for each in kinds]]
        assert np.abs(views[view].coordinates(chosen)[:, 2]).max() < 1.0, kind
    mitral = points[[each == "MITRAL_VALVE" for each in kinds]]
    assert sum(np.abs(views["2ch"].coordinates(mitral)[:, 2]) < 1.0) == 2


def test_end_systole_is_the_time_of_the_smallest_fitted_ventricle(reading):
    assert [views.frame for views in reading.views] == ["ED", "1", "2", "3", "4", "ES"]
    assert reading.phases == pytest.approx(np.arange(6) * 2 / 25, abs=1e-3)
    assert any("later ones lack" in note for note in reading.notes)
    assert "the 3ch view is called 4ch by its words; its plane decides" in reading.notes
    assert reading.misalignment_mm < 4.0


def test_an_independent_reader_finds_the_same_pixels_and_places(reading):
    import SimpleITK as sitk

    image = sitk.ReadImage(str(REAL / "dicom" / "Se2" / "frame_000.dcm"))
    plane = reading.views[0].short_axis[2]
    pixels = sitk.GetArrayFromImage(image)[0]
    np.testing.assert_array_equal(plane.pixels, pixels)
    corner = image.TransformIndexToPhysicalPoint((pixels.shape[1] - 1, pixels.shape[0] - 1, 0))
    np.testing.assert_allclose(plane.positions_mm(pixels.shape[1] - 1, pixels.shape[0] - 1), corner, atol=1e-3)
