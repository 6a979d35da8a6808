"""Photographs of plates: formats, depths, colours, EXIF, and files that cannot be read."""

from datetime import datetime

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from cxrfactory.errors import CxrError
from cxrfactory.imaging.root_pictures import decode_picture, picture_header, read_picture


@pytest.fixture
def grey() -> np.ndarray:
    """Smooth grey values of 80 x 100 pixels that no turn leaves as they are."""
    rows, columns = np.mgrid[:80, :100]
    return (20 + rows + columns * 1.2).astype(np.uint8)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_grey_of_8_bits_is_read_as_it_is(tmp_path, grey, suffix):
    Image.fromarray(grey).save(tmp_path / f"a.{suffix}")
    found = read_picture(tmp_path / f"a.{suffix}")
    assert found.dtype == np.uint8
    assert np.array_equal(found, grey)


def test_a_jpeg_is_read_up_to_its_compression(tmp_path, grey):
    Image.fromarray(grey).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(read_picture(tmp_path / "a.jpg").astype(int) - grey).max() <= 3


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
def test_colour_becomes_luma(tmp_path, suffix):
    colour = np.zeros((64, 90, 3), np.uint8)
    colour[:, :30], colour[:, 30:60], colour[:, 60:] = (200, 0, 0), (0, 200, 0), (0, 0, 200)
    Image.fromarray(colour).save(tmp_path / f"a.{suffix}", **({"quality": 95} if suffix == "jpg" else {}))
    found = read_picture(tmp_path / f"a.{suffix}")[32, [15, 45, 75]].astype(int)
    assert np.abs(found - [60, 117, 23]).max() <= 2  # 200 x (0.299, 0.587, 0.114)


def test_an_opaque_alpha_channel_and_a_palette_are_read(tmp_path, grey):
    colour = np.repeat(grey[..., None], 4, axis=2)
    colour[..., 3] = 255
    Image.fromarray(colour).save(tmp_path / "rgba.png")
    Image.fromarray(grey // 16 * 16).convert("P").save(tmp_path / "palette.png")
    assert np.array_equal(read_picture(tmp_path / "rgba.png"), grey)
    assert np.array_equal(read_picture(tmp_path / "palette.png"), grey // 16 * 16)
    colour[0, 0, 3] = 0
    Image.fromarray(colour).save(tmp_path / "clear.png")
    with pytest.raises(CxrError, match="transparent"):
        read_picture(tmp_path / "clear.png")


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bits_are_stretched_between_percentiles(tmp_path, suffix):
    values = np.linspace(1000, 5000, 80 * 100).round().astype(np.uint16).reshape(80, 100)  # of a camera of 12 bits
    values[0, 0] = 65535  # one hot pixel does not darken the rest
    cv2.imwrite(str(tmp_path / f"a.{suffix}"), values)
    low, high = np.percentile(values, [0.1, 99.9])
    expected = np.rint(np.clip((values - low) / (high - low), 0, 1) * 255)
    assert np.array_equal(read_picture(tmp_path / f"a.{suffix}"), expected)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_colour_of_16_bits_keeps_its_levels(tmp_path, suffix):
    values = np.linspace(1000, 1500, 80 * 100).round().astype(np.uint16).reshape(80, 100)
    cv2.imwrite(str(tmp_path / f"a.{suffix}"), np.repeat(values[..., None], 3, axis=2))
    assert len(np.unique(read_picture(tmp_path / f"a.{suffix}"))) > 200  # the upper 8 bits have 3 values


def _turned(grey: np.ndarray, orientation: int) -> np.ndarray:
    return {
        1: grey,
        2: grey[:, ::-1],
        3: grey[::-1, ::-1],
        4: grey[::-1],
        5: grey.T,
        6: grey.T[:, ::-1],
        7: grey.T[::-1, ::-1],
        8: grey.T[::-1],
    }[orientation]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_tiff_of_16_bit_colours_is_turned_once(tmp_path, orientation):
    values = np.repeat(np.linspace(0, 65535, 80 * 100).astype(np.uint16).reshape(80, 100, 1), 3, axis=2)
    for name, turn in (("a", 1), ("b", orientation)):
        tags = [(274, 3, 1, turn, False)]
        tifffile.imwrite(tmp_path / f"{name}.tif", values, photometric="rgb", extratags=tags)
    assert np.array_equal(read_picture(tmp_path / "b.tif"), _turned(read_picture(tmp_path / "a.tif"), orientation))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
def test_exif_orientations_are_honoured(tmp_path, grey, suffix, orientation):
    picture = Image.fromarray(grey)
    exif = picture.getexif()
    exif[274] = orientation
    picture.save(tmp_path / f"a.{suffix}", exif=exif, **({"quality": 95} if suffix == "jpg" else {}))
    turned = _turned(grey, orientation)
    found, header = read_picture(tmp_path / f"a.{suffix}"), picture_header(tmp_path / f"a.{suffix}")
    assert found.shape == turned.shape == (header.height, header.width)
    assert np.abs(found.astype(int) - turned).max() <= (3 if suffix == "jpg" else 0)


def test_the_time_of_exif_is_read(tmp_path, grey):
    for name, said in (("a", "2021:03:04 05:06:07"), ("b", "0000:00:00 00:00:00")):
        picture = Image.fromarray(grey)
        exif = picture.getexif()
        exif.get_ifd(0x8769)[36867] = said
        picture.save(tmp_path / f"{name}.jpg", exif=exif)
    assert picture_header(tmp_path / "a.jpg").taken == datetime(2021, 3, 4, 5, 6, 7)
    assert picture_header(tmp_path / "b.jpg").taken is None


@pytest.mark.parametrize(
    ("said", "ahead"), [("+02:00", 120), ("-03:30", -210), ("+00:00\0", 0), ("   :  ", None), (None, None)]
)
def test_the_zone_of_exif_is_read(tmp_path, grey, said, ahead):
    picture = Image.fromarray(grey)
    inside = (exif := picture.getexif()).get_ifd(0x8769)
    inside[36867] = "2021:03:04 05:06:07"
    if said is not None:
        inside[36881] = said
    picture.save(tmp_path / "a.jpg", exif=exif)
    assert picture_header(tmp_path / "a.jpg").ahead_minutes == ahead


def test_the_time_at_which_a_tiff_was_written_is_no_time_of_exif(tmp_path, grey):
    Image.fromarray(grey).save(tmp_path / "a.tif", tiffinfo={306: "2021:03:04 05:06:07"})
    header = picture_header(tmp_path / "a.tif")
    assert (header.taken, header.written) == (None, datetime(2021, 3, 4, 5, 6, 7))


def test_pictures_are_reduced_by_powers_of_two(tmp_path):
    rows, columns = np.mgrid[:403, :801]
    smooth = (columns / 4 + rows / 10).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), smooth)
    cv2.imwrite(str(tmp_path / "a.jpg"), smooth, [cv2.IMWRITE_JPEG_QUALITY, 95])
    blocks = smooth[:400, :800].reshape(100, 4, 200, 4).mean((1, 3))
    for name in ("a.png", "a.jpg"):
        found = decode_picture((tmp_path / name).read_bytes(), least_side=200).astype(float)
        assert np.abs(found[:100, :200] - blocks).max() <= 2
    assert decode_picture((tmp_path / "a.jpg").read_bytes(), least_side=500).shape == (403, 801)


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
def test_a_truncated_file_is_an_error_of_one_line(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 255, (120, 120), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / f"a.{suffix}")
    data = (tmp_path / f"a.{suffix}").read_bytes()
    for share in (0.02, 0.5, 0.9):
        (tmp_path / f"a.{suffix}").write_bytes(data[: int(share * len(data))])
        with pytest.raises(CxrError) as error:
            read_picture(tmp_path / f"a.{suffix}")
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_picture_of_one_grey_is_refused(tmp_path, value):
    Image.fromarray(np.full((80, 80), value, np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(CxrError, match=f"one grey: every pixel is {value}"):
        read_picture(tmp_path / "a.png")
    noise = (40 * value + np.random.default_rng(0).integers(0, 60, (80, 80))).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "b.png"), noise)  # the noise of a black picture is not stretched to a picture
    with pytest.raises(CxrError, match="one grey"):
        read_picture(tmp_path / "b.png")


def test_files_that_are_no_picture_are_refused(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / "b.jpg").write_bytes(b"hello" * 100)
    Image.fromarray(np.eye(80, dtype=np.uint8)).save(tmp_path / "c.tif")
    (tmp_path / "c.tif").rename(tmp_path / "c.nef")
    Image.fromarray(np.eye(40, dtype=np.uint8)).save(tmp_path / "d.png")
    first, second = (Image.fromarray(np.eye(80, dtype=np.uint8) * each) for each in (1, 2))
    first.save(tmp_path / "e.tif", save_all=True, append_images=[second])
    reasons = {"a.jpg": "empty", "b.jpg": "neither", "c.nef": "raw", "d.png": "at least", "e.tif": "2 pictures"}
    for name, reason in {**reasons, "none.png": "no such file"}.items():
        with pytest.raises(CxrError, match=reason):
            read_picture(tmp_path / name)
