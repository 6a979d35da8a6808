"""Pixel words that do not fit BitsStored, HighBit and PixelRepresentation: radiographs and CT."""

import numpy as np
import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from cxrfactory.errors import ImageError
from cxrfactory.imaging.dicom_object import read_object
from cxrfactory.imaging.dicom_words import stored_values
from tests.imaging.dicom_files import file_bytes
from tests.imaging.dicom_reference import file_content, words_object
from tests.reported import Case
from tests.reported.films import dx, film, refused, right

KIND = "pixel words beyond BitsStored and HighBit"
SOURCE = "dcm4che#504; fo-dicom PR#140"

SYNTAXES = {
    "implicit": ImplicitVRLittleEndian,
    "explicit": ExplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
    "RLE": RLELossless,
}


def words(pixels, stored, high, signed=0, syntax=ExplicitVRLittleEndian, **fields):
    return file_content(words_object(pixels, stored, high, signed, syntax, **fields))


def too_few(used, stored, syntax=ExplicitVRLittleEndian, signed=0):
    """The film uses more bits than the header says are stored."""
    pixels = film(used)
    if signed:
        pixels = (pixels.astype(np.int32) - (1 << (used - 1))).astype(np.int16).view(np.uint16)
    return lambda: words(pixels, stored, stored - 1, signed, syntax)


def left_aligned(bits, syntax=ExplicitVRLittleEndian, below=0):
    return lambda: words((film(bits) << (16 - bits)) | below, bits, 15, 0, syntax)


def signed_left_aligned(bits):
    values = film(bits).astype(np.int32) - (1 << (bits - 1))
    return lambda: words((values << (16 - bits)).astype(np.int16).view(np.uint16), bits, 15, 1)


def marked(value, place=(slice(5, 15), slice(5, 12))):
    """A film of 12 bits with a marker of another value; and the film in which the marker is the brightest value."""
    pixels, seen = film(), film()
    pixels[place], seen[place] = value, 4095
    return pixels, seen


def graphic(bit, declared, signed=False):
    """A text-like plane in an unused bit, as consoles wrote before 2004."""
    pixels = film()
    pixels[30:34, 20:80] |= 1 << bit
    pixels[40:70:3, 40:60] |= 1 << bit

    def make():
        dataset = words_object(pixels, 12, 11, 0)
        if declared:
            dataset.add_new((0x6000, 0x0010), "US", 96)
            dataset.add_new((0x6000, 0x0011), "US", 96)
            dataset.add_new((0x6000, 0x0100), "US", 16)
            dataset.add_new((0x6000, 0x0102), "US", bit)
        return file_content(dataset)

    return make


def ct(pixels, bits, says=None, truth=None, **fields):
    """A slice as a CT series reads it: no graphic is guessed, no value is shifted."""

    def run(folder):
        dataset = read_object(words(pixels, bits, bits - 1, **fields))
        if says is None:
            assert np.array_equal(stored_values(dataset, picture=False)[0], pixels if truth is None else truth)
        else:
            with pytest.raises(ImageError) as caught:
                stored_values(dataset, picture=False)
            assert all(word in str(caught.value) for word in says), str(caught.value)

    return run


def slab(metal):
    """A flat CT slice with a hard-edged object."""
    pixels = np.full((64, 64), 1054, np.uint16)
    pixels[:, :20] = 174
    pixels[20:30, 30:40] = metal
    return pixels


def plain(bits, stored, photometric):
    pixels = film(bits)
    if photometric == "MONOCHROME1":
        pixels = ((1 << bits) - 1 - pixels.astype(np.int64)).astype(pixels.dtype)
    return lambda: file_bytes(dx(pixels, stored, PhotometricInterpretation=photometric))


CASES = [
    *(
        Case(
            f"{bits} bits in {stored} stored, {photometric}",
            "right",
            right(plain(bits, stored, photometric), lambda b=bits: film(b), notes=0),
        )
        for bits, stored in [(8, 8), (10, 10), (10, 16), (12, 12), (12, 14), (14, 14), (16, 16)]
        for photometric in ("MONOCHROME2", "MONOCHROME1")
    ),
    *(
        Case(
            f"{used} bits used, {stored} stored, {name}",
            "refused",
            refused(too_few(used, stored, syntax), f"BitsStored {stored}", f"{used} bits"),
        )
        for used, stored in [(12, 10), (12, 9), (12, 11), (14, 12), (16, 12), (16, 15), (16, 9)]
        for name, syntax in SYNTAXES.items()
    ),
    *(
        Case(
            f"signed, {used} bits used, {stored} stored",
            "refused",
            refused(too_few(used, stored, signed=1), f"BitsStored {stored}"),
        )
        for used, stored in [(12, 10), (14, 12), (16, 15)]
    ),
    *(
        Case(
            f"{bits} bits at the upper end, {name}",
            "right",
            right(left_aligned(bits, syntax), lambda b=bits: film(b), notes=0),
        )
        for bits in (9, 10, 12, 14)
        for name, syntax in SYNTAXES.items()
    ),
    *(
        Case(f"signed, {bits} bits at the upper end", "right", right(signed_left_aligned(bits), lambda b=bits: film(b)))
        for bits in (10, 12, 15)
    ),
    Case("upper end, ones below", "right", right(left_aligned(12, below=0xF), film, notes=0)),
    Case(
        "12 bits at the lower end, HighBit 15",
        "refused",
        refused(lambda: words(film(), 12, 15), "HighBit 15", "BitsStored 12"),
    ),
    Case(
        "10 bits at the lower end, HighBit 11",
        "refused",
        refused(lambda: words(film(10), 10, 11), "HighBit 11", "BitsStored 10"),
    ),
    Case(
        "12 bits at the upper end, HighBit 11",
        "refused",
        refused(lambda: words(film() << 4, 12, 11), "BitsStored 12", "16 bits"),
    ),
    Case("ones above", "right", right(lambda: words(film() | 0xF000, 12, 11), film, notes=1)),
    Case("one bit above in all pixels", "right", right(lambda: words(film() | 0x2000, 12, 11), film, notes=1)),
    Case(
        "sign above",
        "right",
        right(
            lambda: words((film().astype(np.int32) - 2048).astype(np.int16).view(np.uint16), 12, 11, 1), film, notes=0
        ),
    ),
    Case(
        "signed without the sign above",
        "right",
        right(lambda: words(((film().astype(np.int32) - 2048) & 0xFFF).astype(np.uint16), 12, 11, 1), film, notes=0),
    ),
    Case(
        "sign above, but unsigned",
        "refused",
        refused(
            lambda: words((film().astype(np.int32) - 2048).astype(np.int16).view(np.uint16), 12, 11, 0), "BitsStored 12"
        ),
    ),
    Case(
        "a marker of 65535", "right", right(lambda: words(marked(65535)[0], 12, 11), lambda: marked(65535)[1], notes=1)
    ),
    Case("a marker of 5000", "refused", refused(lambda: words(marked(5000)[0], 12, 11), "BitsStored 12", "13 bits")),
    Case("a marker of 40000", "refused", refused(lambda: words(marked(40000)[0], 12, 11), "BitsStored 12", "16 bits")),
    *(
        Case(
            f"a graphic in bit {bit}, {'declared' if declared else 'not declared'}",
            "right",
            right(graphic(bit, declared), film, notes=1),
        )
        for bit in (12, 13, 15)
        for declared in (True, False)
    ),
    Case("HighBit impossible", "right", right(lambda: words(film(), 12, 3), film)),
    Case("BitsAllocated 12", "refused", refused(lambda: file_bytes(dx(BitsAllocated=12)), "BitsAllocated 12")),
    Case(
        "BitsAllocated 1",
        "refused",
        refused(lambda: file_bytes(dx(BitsAllocated=1, BitsStored=1, HighBit=0)), "BitsAllocated 1;"),
    ),
    Case(
        "BitsAllocated 8 over words of 16",
        "refused",
        refused(lambda: file_bytes(dx(BitsAllocated=8, BitsStored=8, HighBit=7)), "18432", "9216"),
    ),
    Case(
        "BitsAllocated 16 over bytes",
        "refused",
        refused(lambda: file_bytes(dx(bits=8, BitsAllocated=16)), "9216", "18432"),
    ),
    Case("rows that are too many", "refused", refused(lambda: file_bytes(dx(Rows=97)), "18432", "18624")),
    Case("rows that are too few", "refused", refused(lambda: file_bytes(dx(Rows=90)), "18432", "17280")),
    Case(
        "two frames, header says one",
        "refused",
        refused(lambda: file_bytes(dx(Rows=96, PixelData=film().tobytes() * 2)), "36864", "18432"),
    ),
    Case("CT, 13 bits in 12", "refused", ct(slab(4524), 12, ["BitsStored 12", "13 bits"])),
    Case("CT, metal that would wrap to tissue", "refused", ct(slab(4096 + 1050), 12, ["BitsStored 12", "13 bits"])),
    Case("CT, metal of 65535", "refused", ct(slab(65535), 12, ["BitsStored 12", "16 bits"])),
    Case("CT, 13 bits in 16", "right", ct(slab(4524), 16)),
    Case("CT, 12 bits in 12", "right", ct(slab(4095), 12)),
    Case("CT, ones above", "right", ct(slab(4000) | 0xF000, 12, truth=slab(4000))),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case, tmp_path):
    case.run(tmp_path)
