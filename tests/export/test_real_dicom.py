"""Real DICOM radiographs (MONOCHROME1 and 2, JPEG, JPEG 2000, no or zero spacing) as images of segmentations."""

import os
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pydicom
import pytest

from tests.export.dicom_films import dciodvfy_errors, dcmqi_masks

pytest.importorskip("highdicom")
from cxrfactory.anatomy.snomed import Code
from cxrfactory.errors import CxrError
from cxrfactory.export.dicom_parts import Algorithm
from cxrfactory.export.dicom_seg import segmentation
from cxrfactory.export.dicom_source import archive_source, film_object, film_pixels, new_source
from cxrfactory.export.dicom_sr import Measured, report

DATA = Path(os.environ.get("CXRFACTORY_REAL_DATA", "nowhere")) / "dicom_cxr"
FILMS = sorted(DATA.glob("*.dcm"))
ALGORITHM = Algorithm("ellipses", Code("DCM", "123110", "Artificial Intelligence"), "ab" * 32)
pytestmark = pytest.mark.skipif(not FILMS, reason="set CXRFACTORY_REAL_DATA to the folder of real data")


def ellipse(height, width, x, y, a, b):
    mask = np.zeros((height, width), np.uint8)
    axes = (round(a * width), round(b * height))
    return cv2.ellipse(mask, (round(x * width), round(y * height)), axes, 0, 0, 360, 1, -1)


def image_of(path):
    header = pydicom.dcmread(path, stop_before_pixels=True)
    return SimpleNamespace(
        image_id=path.stem,
        group_id=path.stem,
        release="real",
        height=header.Rows,
        width=header.Columns,
        orientation="LF",
    )


@pytest.mark.parametrize("mode", ["de-identified", "for-archive"])
@pytest.mark.parametrize("path", FILMS, ids=lambda path: path.stem[:12])
def test_masks_of_real_films_come_back(path, mode, tmp_path):
    image = image_of(path)
    shape = (image.height, image.width)
    masks = {
        "right_lung": ellipse(*shape, 0.3, 0.45, 0.15, 0.3),
        "left_lung": ellipse(*shape, 0.7, 0.45, 0.15, 0.3),
        "heart": ellipse(*shape, 0.55, 0.6, 0.18, 0.15),
    }
    made_at = datetime(2026, 11, 27, 12, 0, 0, tzinfo=UTC)
    source = archive_source(image, path, made_at) if mode == "for-archive" else new_source(image, path)
    segmentation(source, masks, ALGORITHM).save_as(tmp_path / "seg.dcm", enforce_file_format=True)
    report(source, [Measured("Cardiothoracic ratio", 0.5)], ALGORITHM).save_as(
        tmp_path / "sr.dcm", enforce_file_format=True
    )
    assert dciodvfy_errors(tmp_path / "seg.dcm") == []
    assert dciodvfy_errors(tmp_path / "sr.dcm") == []
    found, volume = dcmqi_masks(tmp_path / "seg.dcm", tmp_path / "q")
    for name, mask in masks.items():
        np.testing.assert_array_equal(found[name.replace("_", " ")], mask)
    spacing = pydicom.dcmread(path, stop_before_pixels=True).get("PixelSpacing") or [1, 1]
    expected = (float(spacing[1]), float(spacing[0])) if float(spacing[0]) > 0 else (1, 1)
    assert volume.GetSpacing()[:2] == pytest.approx(expected)
    assert source.spacing_known == (expected != (1, 1))


@pytest.mark.parametrize("path", FILMS, ids=lambda path: path.stem[:12])
def test_new_images_of_real_films_are_valid(path, tmp_path):
    image = image_of(path)
    if "highdicom" in path.name:  # the lateral view of a dog
        with pytest.raises(CxrError, match="leave this image out"):
            film_pixels(image, path)
        return
    pixels = film_pixels(image, path)
    film_object(new_source(image, path), pixels).save_as(tmp_path / "film.dcm", enforce_file_format=True)
    assert dciodvfy_errors(tmp_path / "film.dcm") == []
    written = pydicom.dcmread(tmp_path / "film.dcm").pixel_array
    if pixels.dtype.kind == "f":  # a window of the header was applied; the result is stretched to 16 bits
        pixels = np.rint((pixels - pixels.min()) * (65535 / (pixels.max() - pixels.min())))
    np.testing.assert_allclose(written, pixels, atol=1)
