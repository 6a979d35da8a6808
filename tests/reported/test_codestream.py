"""Compressed streams that say another thing than the header: precision, sign, components, size, frames, kind."""

import io

import numpy as np
import pytest
from openjpeg.utils import encode_array
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000, JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from cxrfactory.errors import ImageError
from cxrfactory.imaging.dicom_object import read_object
from cxrfactory.imaging.dicom_words import stored_values
from tests.imaging.dicom_reference import encapsulated, file_content
from tests.reported import Case
from tests.reported.films import SIDE, dx, film, refused, right

KIND = "compressed stream against header"
SOURCE = "pydicom#2260, #1149, #693"


def j2k(samples, precision, **options):
    return bytes(encode_array(np.ascontiguousarray(samples), bits_stored=precision, use_mct=False, **options))


def jp2(pixels):
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG2000", irreversible=False)
    return data.getvalue()


def jpeg(pixels, **options):
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=98, **options)
    return data.getvalue()


def packed(stream, stored, signed=0, syntax=JPEG2000Lossless, allocated=16, **fields):
    """An object with this stream whose header has these numbers."""
    header = {"BitsAllocated": allocated, "HighBit": stored - 1, "PixelRepresentation": signed, **fields}

    def make():
        found = stream() if callable(stream) else stream
        return file_content(encapsulated(found, syntax, dx(bits=12, BitsStored=stored, **header)))

    return make


def with_graphic(bit):
    pixels = film()
    pixels[30:34, 20:80] |= 1 << bit
    return pixels


OVERLAY = {"OverlayRows": SIDE, "OverlayColumns": SIDE, "OverlayBitsAllocated": 16, "OverlayBitPosition": 12}


def with_overlay(stream, stored):
    def make():
        dataset = encapsulated(stream, JPEG2000Lossless, dx(bits=stored))
        for element, value in ((0x10, SIDE), (0x11, SIDE), (0x100, 16), (0x102, 12)):
            dataset.add_new((0x6000, element), "US", value)
        return file_content(dataset)

    return make


def signed(bits, shift=0):
    return (film(bits).astype(np.int32) - (1 << (bits - 1)) + shift).astype(np.int16)


def saturated():
    """A film with large areas at the brightest value, beside which a lossy stream rings."""
    pixels = film().astype(np.int64) * 3 // 2
    return np.clip(pixels, 0, 4095).astype(np.uint16)


def two_frames():
    dataset = dx()
    dataset.PixelData = encapsulate([j2k(film(), 12)] * 2)
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    return file_content(dataset)


def renamed_syntax():
    """Compressed pixel data under the name of an uncompressed syntax."""
    data = packed(j2k(film(), 12), 12)()
    return data.replace(JPEG2000Lossless.encode(), b"1.2.840.10008.1.2.1".ljust(22, b"\0"))


def run_lengths(**fields):
    dataset = dx()
    dataset.compress(RLELossless, generate_instance_uid=False)
    for name, value in fields.items():
        setattr(dataset, name, value)
    return file_content(dataset)


def ct_sign(folder):
    """A CT without rescale: nothing tells whether -2048 is meant, so that no value is shifted."""
    content = packed(j2k(signed(16), 16), 16)()
    with pytest.raises(ImageError, match=r"PixelRepresentation 0 .*signed"):
        stored_values(read_object(content), picture=False)


CASES = [
    *(
        Case(
            f"JPEG 2000 of {bits} bits",
            "right",
            right(packed(j2k(film(bits), bits), bits), lambda b=bits: film(b), notes=0),
        )
        for bits in range(9, 17)
    ),
    *(
        Case(
            f"signed JPEG 2000 of {bits} bits",
            "right",
            right(packed(j2k(signed(bits), bits), bits, 1), lambda b=bits: film(b), notes=0),
        )
        for bits in (10, 12, 16)
    ),
    Case("12 bits in a stream of 16", "right", right(packed(j2k(film(), 16), 12), film, notes=0)),
    Case("12 bits in a stream of 13, header 16", "right", right(packed(j2k(film(), 13), 16), film, notes=0)),
    Case(
        "14 bits in a stream of 16, header 12",
        "refused",
        refused(packed(j2k(film(14), 16), 12), "BitsStored 12", "14 bits"),
    ),
    Case(
        "12 bits in a stream of 12, header 10",
        "refused",
        refused(packed(j2k(film(), 12), 10), "BitsStored 10", "12 bits"),
    ),
    Case(
        "stream of 16 bits, 8 allocated",
        "refused",
        refused(packed(j2k(film(), 16), 8, allocated=8), "BitsAllocated 8", "16 bits"),
    ),
    Case("stream of 8 bits, header 12", "right", right(packed(j2k(film(8), 8), 12), lambda: film(8))),
    Case("graphic in the stream, declared", "right", right(with_overlay(j2k(with_graphic(12), 16), 12), film, notes=1)),
    Case("graphic in the stream, not declared", "right", right(packed(j2k(with_graphic(12), 16), 12), film, notes=1)),
    Case("graphic in the stream's highest bit", "right", right(packed(j2k(with_graphic(15), 16), 12), film, notes=1)),
    Case("signed stream, unsigned header", "right", right(packed(j2k(signed(16), 16), 16), lambda: film(16), notes=1)),
    Case("signed stream of 12 bits, unsigned header", "right", right(packed(j2k(signed(12), 12), 12), film, notes=1)),
    Case(
        "signed stream without negative values, unsigned header",
        "right",
        right(packed(j2k(film().astype(np.int16), 16), 12), film, notes=0),
    ),
    Case(
        "signed stream of wrapped values, unsigned header",
        "right",
        right(packed(j2k(film(16).view(np.int16), 16), 16), lambda: film(16), notes=1),
    ),
    Case(
        "signed stream, unsigned header and a window",
        "refused",
        refused(
            packed(j2k(signed(16), 16), 16, WindowCenter=2048, WindowWidth=4096),
            "PixelRepresentation 0",
            "-32768",
            "window",
        ),
    ),
    Case(
        "unsigned stream, signed header",
        "right",
        right(packed(j2k((signed(13).view(np.uint16)) & 0x1FFF, 13), 13, 1), lambda: film(13), notes=0),
    ),
    Case(
        "unsigned stream of 16, signed header of 12",
        "right",
        right(packed(j2k(signed(12).view(np.uint16), 16), 12, 1), film, notes=0),
    ),
    Case(
        "unsigned stream of 13 that uses 12, signed header of 16",
        "right",
        right(packed(j2k(film(), 13), 16, 1), film, notes=0),
    ),
    Case(
        "unsigned stream of 12 that uses 12, signed header of 16",
        "refused",
        refused(packed(j2k(film(), 12), 16, 1), "BitsStored 16", "12 bits"),
    ),
    Case("CT: signed stream, unsigned header", "refused", ct_sign),
    Case("JP2 boxes around the stream", "right", right(packed(jp2(film(8)), 8, allocated=8), lambda: film(8), notes=0)),
    Case(
        "lossy stream that rings",
        "right",
        right(
            packed(lambda: j2k(saturated(), 16, compression_ratios=[12]), 12, syntax=JPEG2000),
            saturated,
            tolerance=0.06,
        ),
    ),
    Case(
        "lossy JPEG of 8 bits, header 12",
        "right",
        right(packed(jpeg(film(8)), 12, syntax=JPEGBaseline8Bit), lambda: film(8), notes=1, tolerance=0.05),
    ),
    Case(
        "lossy JPEG of 8 bits, header 12 and a window",
        "refused",
        refused(
            packed(jpeg(film(8)), 12, syntax=JPEGBaseline8Bit, WindowCenter=2048, WindowWidth=4096),
            "BitsStored 12",
            "8 bits",
            "window",
        ),
    ),
    Case(
        "JPEG of 8 bits",
        "right",
        right(packed(jpeg(film(8)), 8, syntax=JPEGBaseline8Bit, allocated=8), lambda: film(8), notes=0, tolerance=0.05),
    ),
    Case(
        "progressive JPEG",
        "right",
        right(
            packed(jpeg(film(8), progressive=True), 8, syntax=JPEGBaseline8Bit, allocated=8),
            lambda: film(8),
            tolerance=0.05,
        ),
    ),
    Case(
        "three components, header one",
        "refused",
        refused(
            packed(jpeg(np.stack([film(8)] * 3, -1)), 8, syntax=JPEGBaseline8Bit, allocated=8),
            "1 sample ",
            "3 components",
        ),
    ),
    Case("another size", "refused", refused(packed(j2k(film(12, 100), 12), 12), "96 x 96", "100 x 100")),
    Case("two frames, header says one", "refused", refused(two_frames, "one frame", "2")),
    Case("cut short", "refused", refused(packed(lambda: j2k(film(), 12)[:-200], 12), "no end")),
    Case(
        "JPEG called JPEG-LS",
        "right",
        right(packed(jpeg(film(8)), 8, syntax=JPEGLSLossless, allocated=8), lambda: film(8), tolerance=0.05),
    ),
    Case(
        "JPEG 2000 called RLE", "refused", refused(packed(j2k(film(), 12), 12, syntax=RLELossless), "RLE", "JPEG 2000")
    ),
    Case(
        "RLE called JPEG 2000",
        "refused",
        refused(lambda: run_lengths().replace(RLELossless.encode() + b"\0", JPEG2000Lossless.encode()), "DICOM"),
    ),
    Case(
        "compressed under the name of uncompressed",
        "refused",
        refused(renamed_syntax, "Explicit VR Little Endian", "compressed"),
    ),
    Case(
        "RLE of 16 bits, header 8",
        "refused",
        refused(lambda: run_lengths(BitsAllocated=8, BitsStored=8, HighBit=7), "BitsAllocated 8", "2 segments"),
    ),
    Case("RLE", "right", right(run_lengths, film, notes=0)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case, tmp_path):
    case.run(tmp_path)


def test_the_lossy_stream_does_ring():
    """Otherwise its case would say nothing."""
    from openjpeg.utils import decode

    assert decode(j2k(saturated(), 16, compression_ratios=[12])).max() > 4095
