import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.reading import read_radiograph

from ..dicom_files import ramp

GREY8, GREY16 = ramp(bits=8), ramp(bits=16)


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def read(tmp_path):
    def read_data(data, name="image", **options):
        path = tmp_path / name
        path.write_bytes(data)
        return read_radiograph(path, **options)

    return read_data


def refusal(read, data, **options):
    with pytest.raises(ImageError) as caught:
        read(data, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("pixels", [GREY8, GREY16], ids=["8", "16"])
def test_lossless_grey_keeps_values_and_depth(read, kind, pixels):
    found = read(encoded(pixels, kind)).pixels
    assert found.dtype == pixels.dtype
    assert np.array_equal(found, pixels)


@pytest.mark.parametrize("name", ["a.jpg", "a.dcm", "a"])
def test_jpeg_by_content_not_by_name(read, name):
    assert np.abs(read(encoded(GREY8, "JPEG", quality=95), name).pixels.astype(int) - GREY8).max() <= 4


def test_float_tiff(read):
    pixels = (GREY16 / 100).astype(np.float32)
    found = read(encoded(pixels, "TIFF")).pixels
    assert found.dtype == np.float32
    assert np.array_equal(found, pixels)


def test_white_is_zero_tiff_is_inverted(read):
    assert np.array_equal(read(encoded(GREY16, "TIFF", tiffinfo={262: 0})).pixels, 65535 - GREY16)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_equal_channels_are_grey(read, mode):
    assert np.array_equal(read(encoded(Image.fromarray(GREY8).convert(mode), "PNG")).pixels, GREY8)


def test_equal_channels_of_a_lossy_jpeg_are_grey(read):
    noisy = np.random.default_rng(1).integers(0, 256, (120, 100), dtype=np.uint8)
    data = encoded(Image.fromarray(noisy).convert("RGB"), "JPEG", quality=60, subsampling=2)
    grey = encoded(noisy, "JPEG", quality=60)
    assert np.abs(read(data).pixels.astype(int) - read(grey).pixels).max() <= 8


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_true_colour_is_refused(read, kind):
    colour = np.stack([GREY8, GREY8[::-1], GREY8], axis=-1)
    assert "true colour" in refusal(read, encoded(colour, kind))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_a_tinted_scan_is_grey_with_a_note(read, kind):
    tinted = np.stack([GREY8, np.rint(GREY8 * 0.94), np.rint(GREY8 * 0.82)], axis=-1).astype(np.uint8)
    found = read(encoded(tinted, kind))
    assert np.abs(found.pixels - tinted @ [0.299, 0.587, 0.114]).max() < (6 if kind == "JPEG" else 1)
    assert [note.split(" (")[0] for note in found.notes] == ["tinted"]


def test_transparency_inside_is_refused(read):
    alpha = np.full_like(GREY8, 255)
    alpha[3, 4] = 200
    assert "transparent" in refusal(read, encoded(np.stack([GREY8] * 3 + [alpha], axis=-1), "PNG"))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_transparent_border_is_padding_whatever_lies_below(read, kind, channels):
    alpha = np.full_like(GREY8, 255)
    alpha[:9] = 0
    below = np.where(alpha == 0, 255, GREY8)
    found = read(encoded(np.stack([below] * channels + [alpha], axis=-1), kind))
    assert np.array_equal(found.padding, alpha == 0)
    assert np.array_equal(found.pixels[9:], GREY8[9:])
    assert (found.pixels[:9] == GREY8[9:].min()).all()


def test_several_pages_are_refused(read):
    pages = encoded(GREY8, "TIFF", save_all=True, append_images=[Image.fromarray(GREY8)])
    assert "2 frames" in refusal(read, pages)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("part", [0.0, 0.01, 0.1, 0.5, 0.9])
def test_truncated_files_are_refused(read, kind, part):
    noisy = np.random.default_rng(2).integers(0, 256, (200, 210), dtype=np.uint8)
    data = encoded(noisy, kind)
    reason = refusal(read, data[: int(part * len(data))])
    if part == 0:
        assert reason == "empty file"
    if part == 0.5:
        assert kind in reason


def test_damaged_png_is_refused(read):
    data = bytearray(encoded(GREY8, "PNG"))
    data[len(data) // 2] ^= 0x55
    assert "PNG" in refusal(read, bytes(data))


@pytest.mark.parametrize("data", [b"GIF89a" + bytes(200), b"hello, world\n" * 30, bytes(300)])
def test_other_content_is_refused(read, data):
    assert "neither JPEG, PNG, TIFF nor DICOM" in refusal(read, data)


def png_header(width, height):
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("side", "megapixels"), [(10_010, "100"), (12_000, "144"), (100_000, "10000")])
def test_decompression_bombs_are_refused_by_their_header(read, side, megapixels):
    assert f"{megapixels} Mpx" in refusal(read, png_header(side, side))


def test_the_limit_is_the_callers(read):
    assert "the limit is 0.005 Mpx" in refusal(read, encoded(GREY8, "PNG"), max_megapixels=0.005)


def test_small_and_flat_images_are_refused(read):
    assert "63 x 96 px" in refusal(read, encoded(GREY8[:63], "PNG"))
    assert "every pixel is 7" in refusal(read, encoded(np.full((70, 80), 7, np.uint8), "PNG"))
    broken = GREY16.astype(np.float32)
    broken[2, 2] = np.nan
    assert "finite" in refusal(read, encoded(broken, "TIFF"))


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(ImageError, match="no such file"):
        read_radiograph(tmp_path / "none.png")
    with pytest.raises(ImageError, match="cannot be opened"):
        read_radiograph(tmp_path)


def test_real_nih_images_are_read_as_stored():
    if "CXRFACTORY_REAL_DATA" not in os.environ:
        pytest.skip("CXRFACTORY_REAL_DATA is not set: the NIH images are not here")
    paths = sorted((Path(os.environ["CXRFACTORY_REAL_DATA"]) / "nih").glob("*.png"))
    assert len(paths) == 20
    for path in paths[:4]:
        found = read_radiograph(path)
        assert np.array_equal(found.pixels, np.asarray(Image.open(path)))
        assert (found.pixels.shape, found.spacing_mm, found.view) == ((1024, 1024), None, None)
