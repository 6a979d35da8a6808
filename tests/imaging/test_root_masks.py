"""Masks of roots as people and other programs write them."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from cxrfactory.errors import ImageError
from cxrfactory.imaging.root_masks import read_root_mask

ROOT = np.zeros((64, 80), bool)
ROOT[5:60, 40:43] = True


def _saved(path: Path, values: np.ndarray, mode: str | None = None) -> Path:
    Image.fromarray(values, mode).save(path)
    return path


@pytest.mark.parametrize("high", [1, 2, 100, 255])
def test_any_two_values_are_ground_and_root(tmp_path, high):
    path = _saved(tmp_path / "m.png", np.where(ROOT, high, 0).astype(np.uint8))
    assert np.array_equal(read_root_mask(path), ROOT)


def test_labels_bits_16_bits_and_colours(tmp_path):
    labels = ROOT.astype(np.uint8)
    labels[30:40, 60:63] = 2
    assert np.array_equal(read_root_mask(_saved(tmp_path / "l.png", labels)), labels > 0)
    Image.fromarray(ROOT).save(tmp_path / "b.tif")
    assert np.array_equal(read_root_mask(tmp_path / "b.tif"), ROOT)
    assert np.array_equal(read_root_mask(_saved(tmp_path / "d.png", ROOT.astype(np.uint16) * 65535)), ROOT)
    colours = np.zeros((*ROOT.shape, 3), np.uint8)
    colours[ROOT] = (255, 0, 0)
    assert np.array_equal(read_root_mask(_saved(tmp_path / "c.png", colours)), ROOT)


def test_a_transparent_ground_is_no_root(tmp_path):
    values = np.zeros((*ROOT.shape, 4), np.uint8)
    values[ROOT] = (0, 255, 255, 180)  # as RootPainter segments
    assert np.array_equal(read_root_mask(_saved(tmp_path / "m.png", values)), ROOT)


def test_the_noise_of_jpeg_is_no_root(tmp_path):
    Image.fromarray(ROOT.astype(np.uint8) * 255).save(tmp_path / "m.jpg", quality=90)
    assert np.array_equal(read_root_mask(tmp_path / "m.jpg"), ROOT)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((64, 80), np.uint8), "no pixel of the mask is root"),
        (np.where(ROOT, 0, 255).astype(np.uint8), "97 % of the mask are root; expected bright roots on black"),
        (np.tile(np.arange(80, dtype=np.uint8) * 3, (64, 1)), "a grey picture, not a mask"),
    ],
)
def test_what_is_no_mask_is_refused(tmp_path, values, message):
    with pytest.raises(ImageError, match=message):
        read_root_mask(_saved(tmp_path / "m.png", values))


def test_many_labels_and_several_pictures_are_refused(tmp_path):
    labels = np.zeros(ROOT.shape, np.uint8)
    for number in range(1, 31):
        labels[5:15, 2 * number + 8] = number
    with pytest.raises(ImageError, match="save labels as 0 and 255"):
        read_root_mask(_saved(tmp_path / "m.png", labels))
    one = Image.fromarray(ROOT.astype(np.uint8) * 255)
    one.save(tmp_path / "m.tif", save_all=True, append_images=[one])
    with pytest.raises(ImageError, match="TIFF with 2 pictures; expected one mask"):
        read_root_mask(tmp_path / "m.tif")


def test_soft_edges_are_no_labels(tmp_path):
    soft = cv2.GaussianBlur(ROOT.astype(np.float32), (0, 0), 1.0)
    found = read_root_mask(_saved(tmp_path / "m.tif", soft))
    assert found[10:55, 41].all()
    assert found.sum() == pytest.approx(ROOT.sum(), rel=0.1)


def test_a_file_that_is_no_picture_is_refused(tmp_path):
    (tmp_path / "m.png").write_text("x")
    with pytest.raises(ImageError, match="no picture by its content"):
        read_root_mask(tmp_path / "m.png")
    with pytest.raises(ImageError, match="no such file"):
        read_root_mask(tmp_path / "n.png")
