"""Tinted scans are grey; drawings, colour maps and photographs are not."""

import numpy as np
import pytest

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.tint import grey_of_channels

GREY = np.add.outer(np.arange(80), np.arange(96) * 1.7).astype(np.float64)


def tinted(*factors, noise=0.0):
    pixels = np.stack([GREY * factor for factor in factors], axis=-1)
    pixels += np.random.default_rng(3).normal(0, 1, pixels.shape) * noise
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("factors", [(1, 0.94, 0.82), (0.85, 0.92, 1), (1, 1, 0.99)])
@pytest.mark.parametrize("noise", [0.0, 4.0])
def test_one_tint_is_grey(factors, noise):
    pixels, notes = tinted(*factors, noise=noise), []
    grey = grey_of_channels(pixels, 0, notes)
    assert grey.dtype == np.uint8
    assert np.abs(grey - pixels @ [0.299, 0.587, 0.114]).max() <= 0.51
    assert len(notes) == 1
    assert notes[0].startswith("tinted (channels differ by up to ")


def test_equal_channels_are_the_green_one_without_a_note():
    pixels, notes = tinted(1, 1, 1), []
    pixels[..., 0] += 8
    assert np.array_equal(grey_of_channels(pixels, 8, notes), pixels[..., 1])
    assert notes == []


def drawing(width):
    pixels = tinted(1, 0.94, 0.82)
    pixels[40 : 40 + width, 20:70] = 255, 0, 0
    return pixels


def swapped():
    """Two halves of the same brightness and another colour each."""
    pixels = tinted(1, 0.94, 0.7)
    pixels[:, 48:] = pixels[:, 48:, ::-1]
    return pixels


@pytest.mark.parametrize(
    "pixels",
    [
        drawing(1),
        drawing(10),
        swapped(),
        tinted(1, 0.5, 0.3),
        np.stack([tinted(1, 1, 1)[..., 0], 255 - tinted(1, 1, 1)[..., 0], tinted(1, 1, 1)[..., 0]], axis=-1),
        tinted(1, 0.94, 0.82).astype(np.uint16) * 257,
    ],
    ids=["thin line", "broad line", "two tints", "strong", "a channel falls", "16 bits"],
)
def test_true_colour_is_refused(pixels):
    with pytest.raises(ImageError, match="true colour"):
        grey_of_channels(pixels, 8, [])


def test_one_hot_pixel_is_no_colour():
    pixels = tinted(1, 0.94, 0.82)
    pixels[30, 30] = 255, 60, 60
    grey_of_channels(pixels, 0, [])
