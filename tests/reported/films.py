"""A virtual radiograph and the ends that a film can have, for the reported kinds of films."""

import numpy as np
import pytest

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.image import Radiograph
from cxrfactory.imaging.radiograph.reading import read_radiograph
from tests.imaging.dicom_files import SECRETS, file_bytes, radiograph

SIDE = 96  # px


def film(bits=12, side=SIDE):
    """A picture with lungs, heart, spine and ribs, using all values of ``bits`` bits; uint8 or uint16."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    body = 1 / (1 + np.exp(20 * (np.hypot(x / 0.9, y / 1.1) - 1)))
    lungs = sum(np.exp(-(((x - place) / 0.25) ** 2) - (y / 0.6) ** 2) for place in (-0.45, 0.45))
    heart = 0.3 * np.exp(-(((x - 0.1) / 0.25) ** 2) - ((y - 0.3) / 0.3) ** 2)
    spine = 0.25 * np.exp(-((x / 0.08) ** 2))
    ribs = 0.05 * np.cos(18 * y + 2 * np.abs(x)) * lungs
    grey = body * (0.7 - 0.5 * lungs + heart + spine + ribs)
    grey += 0.01 * np.random.default_rng(1).standard_normal(grey.shape)
    grey = (grey - grey.min()) / (grey.max() - grey.min())
    return np.rint(grey * (2**bits - 1)).astype(np.uint8 if bits <= 8 else np.uint16)


def write(folder, content, name="film.dcm"):
    """Write an object or bytes; returns the path."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else file_bytes(content))
    return path


def assert_same_picture(found, truth, tolerance=0.0):
    """The picture is the true one up to a positive scale and a constant, which display settings may change."""
    pixels = found.pixels if isinstance(found, Radiograph) else found
    pixels, truth = pixels.astype(np.float64), truth.astype(np.float64)
    scale, constant = np.polyfit(truth.ravel(), pixels.ravel(), 1)
    assert scale > 0
    worst = np.abs(scale * truth + constant - pixels).max() / (scale * (truth.max() - truth.min()))
    assert worst <= max(tolerance, 1e-6), f"a pixel is off by {worst:.4f} of the range"


def right(make, truth=None, notes=None, tolerance=0.0):
    """A run whose film is read as the true picture; ``notes`` counts the notes, or None for any."""

    def run(folder):
        found = read_radiograph(write(folder, make()), burnt_in="reject")
        assert_same_picture(found, film() if truth is None else truth() if callable(truth) else truth, tolerance)
        assert notes is None or len(found.notes) == notes, found.notes

    return run


def refused(make, *words):
    """A run whose film is refused in one line that has all these words and no patient's."""

    def run(folder):
        with pytest.raises(ImageError) as caught:
            read_radiograph(write(folder, make()), burnt_in="reject")
        said = str(caught.value)
        assert "\n" not in said
        assert all(word in said for word in words), said
        assert not any(secret in said for secret in SECRETS)

    return run


def dx(pixels=None, bits=12, **fields):
    """A DX object of the film; ``fields`` set or (None) delete attributes."""
    return radiograph(film(bits) if pixels is None else pixels, bits=bits, **fields)
