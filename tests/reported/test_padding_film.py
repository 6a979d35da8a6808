"""Pixels of a film that its header says are no image: they set neither end of the grey scale, and are dark."""

import numpy as np
import pytest
from openjpeg.utils import encode_array
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEG2000Lossless

from cxrfactory.imaging.radiograph.reading import read_radiograph
from tests.imaging.dicom_files import file_bytes
from tests.imaging.dicom_reference import encapsulated, file_content
from tests.reported import Case
from tests.reported.films import SIDE, assert_same_picture, dx, film, write

KIND = "padding of films"
SOURCE = "fo-dicom#406; vtk-dicom#128; dwv#135"

Y, X = np.mgrid[:SIDE, :SIDE]
ROUND = np.hypot(X - SIDE / 2, Y - SIDE / 2) > SIDE * 0.49  # outside a round field
WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}


def padded(value, where=ROUND, bits=12, signed=False):
    """The film with padding; its own values keep away from both ends."""
    pixels = np.clip(film(bits).astype(np.int64), 1, (1 << bits) - 2) - (1 << (bits - 1)) * signed
    pixels[where] = value
    return pixels.astype(np.int16 if signed else np.uint8 if max(value, bits) < 256 and bits == 8 else np.uint16)


def header(dataset, value, limit=None, vr="US"):
    dataset.add_new("PixelPaddingValue", vr, value)
    if limit is not None:
        dataset.add_new("PixelPaddingRangeLimit", vr, limit)
    return dataset


def left_out(make, where=ROUND, bits=12, inverted=False, notes=0):
    """Padding is marked and dark, and the rest has the picture that it has without padding."""

    def run(folder):
        found = read_radiograph(write(folder, make()))
        assert found.padding is not None
        assert found.padding.dtype == bool
        assert np.array_equal(found.padding, where)
        rest = ~where
        truth = np.clip(film(bits).astype(np.int64), 1, (1 << bits) - 2)
        truth = truth.max() - truth if inverted else truth
        assert_same_picture(found.pixels[rest][None], truth[rest][None], 1e-3)
        assert set(np.unique(found.pixels[where])) == {found.pixels[rest].min()}
        assert len(found.notes) == notes, found.notes

    return run


def kept_as_image(make, truth, notes):
    def run(folder):
        found = read_radiograph(write(folder, make()))
        assert found.padding is None
        assert_same_picture(found, truth())
        assert len(found.notes) == notes, found.notes

    return run


def of(value, bits, **fields):
    """A film of 12 bits in 16 with one padding value."""
    signed = fields.pop("signed", False)
    limit, vr = fields.pop("limit", None), fields.pop("vr", "US")
    said = fields.pop("said", value)
    return lambda: file_bytes(header(dx(padded(value, signed=signed), bits, **fields), said, limit, vr))


def ring(limit):
    """Padding of three values: a shutter, its edge and text."""
    pixels = padded(65535)
    pixels[0, :10], pixels[1, :10] = 65000, 64900
    return lambda: file_bytes(header(dx(pixels, 16), 65535, limit))


def in_syntax(syntax):
    def make():
        pixels = padded(65535)
        if syntax == JPEG2000Lossless:
            stream = bytes(encode_array(pixels, bits_stored=16, use_mct=False))
            return file_content(header(encapsulated(stream, syntax, dx(pixels, 16)), 65535))
        dataset = header(dx(pixels, 16), 65535)
        if syntax == ExplicitVRBigEndian:
            dataset.PixelData = pixels.astype(">u2").tobytes()
        dataset.file_meta.TransferSyntaxUID = syntax
        return file_content(dataset)

    return make


def inside(value):
    """A padding value that is also a grey value inside the picture, where it is bone or air and no padding."""
    pixels = padded(value)
    pixels[40:50, 40:50] = value
    pixels[39, 40:50] = 1  # so that grey values reach down to it
    return pixels


def keeps_what_is_inside(photometric):
    """0 around the picture and inside it: only around it is it padding."""

    def run(folder):
        dataset = header(dx(inside(0), 12, PhotometricInterpretation=photometric), 0)
        found = read_radiograph(write(folder, dataset))
        assert np.array_equal(found.padding, ROUND)
        extreme = found.pixels.max() if photometric == "MONOCHROME1" else found.pixels.min()
        assert (found.pixels[40:50, 40:50] == extreme).all()
        assert len(found.notes) == 1

    return run


def far_value_inside(folder):
    """A value beyond all grey values is padding wherever it is."""
    found = read_radiograph(write(folder, header(dx(inside(65535), 16), 65535)))
    assert found.padding[40:50, 40:50].all()
    assert found.pixels[~found.padding].max() <= 4094


def everything():
    pixels = np.full((SIDE, SIDE), 7, np.uint16)
    pixels[:3, :3] = film()[:3, :3]
    return pixels


CASES = [
    Case("65535 above 12 bits in 16", "right", left_out(of(65535, 16))),
    Case("65535 as SS -1", "right", left_out(of(65535, 16, said=-1, vr="SS"))),
    Case("65535 beyond BitsStored 12", "right", left_out(of(65535, 12))),
    Case("63536 beyond BitsStored 12", "right", left_out(of(63536, 12))),
    Case("4095", "right", left_out(of(4095, 12))),
    Case("0", "right", left_out(of(0, 12))),
    Case("-32768 of signed pixels", "right", left_out(of(-32768, 16, signed=True, vr="SS"))),
    Case("-32768 of signed pixels as US", "right", left_out(of(-32768, 16, signed=True, said=32768))),
    Case("-2000 of signed pixels as US", "right", left_out(of(-10000, 16, signed=True, said=65536 - 10000))),
    Case("range", "right", left_out(ring(64000))),
    Case(
        "range, the other way round", "right", left_out(lambda: file_bytes(header(dx(padded(65535), 16), 60000, 65535)))
    ),
    Case(
        "MONOCHROME1, 65535", "right", left_out(of(65535, 16, PhotometricInterpretation="MONOCHROME1"), inverted=True)
    ),
    Case("MONOCHROME1, 0", "right", left_out(of(0, 12, PhotometricInterpretation="MONOCHROME1"), inverted=True)),
    Case("65535 and a window", "right", left_out(of(65535, 16, WindowCenter=2048, WindowWidth=8192))),
    Case("65535 and a rescale", "right", left_out(of(65535, 16, RescaleSlope=2, RescaleIntercept=-1024))),
    Case("8 bits, 255", "right", left_out(lambda: file_bytes(header(dx(padded(255, bits=8), 8), 255)), bits=8)),
    Case("JPEG 2000", "right", left_out(in_syntax(JPEG2000Lossless))),
    Case("big endian", "right", left_out(in_syntax(ExplicitVRBigEndian))),
    Case("implicit", "right", left_out(in_syntax(ImplicitVRLittleEndian))),
    Case("0 inside the picture, too", "reported", keeps_what_is_inside("MONOCHROME2")),
    Case("0 inside the picture, too, MONOCHROME1", "reported", keeps_what_is_inside("MONOCHROME1")),
    Case("65535 inside the picture, too", "right", far_value_inside),
    Case("no pixel has the value", "right", kept_as_image(lambda: file_bytes(header(dx(bits=12), 60000)), film, 0)),
    Case("an empty value", "right", kept_as_image(lambda: file_bytes(header(dx(bits=12), None)), film, 0)),
    Case(
        "nearly all pixels have it",
        "reported",
        kept_as_image(lambda: file_bytes(header(dx(everything(), 12), 7)), everything, 1),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case, tmp_path):
    case.run(tmp_path)
