"""Stored values against a slow reader and against dcmtk: all layouts of pixel words in all syntaxes."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, RLELossless

from cxrfactory.errors import ImageError
from cxrfactory.imaging.dicom_layout import word_layout
from cxrfactory.imaging.dicom_object import read_object
from cxrfactory.imaging.dicom_words import stored_values

from .dicom_files import radiograph
from .dicom_reference import (
    NATIVE,
    dcmtk_values,
    file_content,
    jpeg_2000_object,
    layouts,
    pixel_words,
    random_values,
    slow_values,
    transcoded,
    words_object,
)

GRID = layouts(8, range(1, 9)) + layouts(16, range(2, 17))
GRID += [layout for layout in layouts(32, (12, 16, 17, 24, 31, 32)) if layout[2] in (layout[1] - 1, 31)]
FEW = [(16, 12, 11), (16, 12, 15), (16, 16, 15), (16, 10, 12), (8, 8, 7), (8, 6, 5), (32, 20, 19)]


def written(allocated, stored, syntax):
    """Whether the layout exists in a syntax: 32 bits in big endian are refused, and pydicom's RLE writer has limits."""
    if syntax == ExplicitVRBigEndian:
        return allocated < 32
    return syntax != RLELossless or allocated == 8 or (allocated == 16 and stored > 8)


def values_of(dataset, **options):
    return stored_values(read_object(file_content(dataset)), **options)


@pytest.mark.parametrize("syntax", [*NATIVE.values(), RLELossless], ids=[*NATIVE, "RLE"])
def test_every_layout_of_words(syntax):
    wrong = []
    for number, (allocated, stored, high, signed) in enumerate(GRID):
        if not written(allocated, stored, syntax):
            continue
        values = random_values(stored, signed, seed=number)
        words = pixel_words(values, allocated, stored, high)
        assert np.array_equal(slow_values(words, stored, high, signed), values)
        found, notes = values_of(words_object(words, stored, high, signed, syntax))
        if not np.array_equal(found, values) or notes:
            wrong.append((allocated, stored, high, signed))
        assert found.dtype == np.dtype(f"{'ui'[signed]}{allocated // 8}")
    assert not wrong


@pytest.mark.parametrize("unused", ["ones", "sign"])
def test_unused_bits_that_say_nothing(unused):
    for number, (allocated, stored, high, signed) in enumerate(GRID):
        values = random_values(stored, signed, seed=number)
        words = pixel_words(values, allocated, stored, high, unused=(1 << allocated) - 1 if unused == "ones" else 0)
        if unused == "sign":
            if not signed:
                continue
            extended = words.astype(np.uint64)
            extended[values < 0] |= np.uint64(((1 << allocated) - 1) & ~((1 << (high + 1)) - 1))
            words = extended.astype(words.dtype)
        found, notes = values_of(words_object(words, stored, high, signed))
        assert np.array_equal(found, slow_values(words, stored, high, signed))
        beside = stored < allocated and high != allocated - 1
        assert len(notes) == (unused == "ones" and beside), (allocated, stored, high, signed, notes)


@pytest.mark.parametrize("allocated", [8, 16])
@pytest.mark.parametrize("signed", [0, 1])
def test_jpeg_2000_of_every_precision(allocated, signed):
    for stored in range(2 if allocated == 8 else 9, allocated + 1):
        values = random_values(stored, signed, (70, 66), seed=stored).astype(f"{'ui'[signed]}{allocated // 8}")
        found, notes = values_of(jpeg_2000_object(values, stored))
        assert np.array_equal(found, values)
        assert not notes


@pytest.mark.parametrize("stored", range(9, 17))
def test_an_unsigned_stream_of_signed_values_is_read_as_twos_complement(stored):
    values = random_values(stored, 1, (70, 66))
    samples = (values & ((1 << stored) - 1)).astype(np.uint16)
    found, _ = values_of(jpeg_2000_object(samples, stored, PixelRepresentation=1))
    assert np.array_equal(found, values)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("shape", [(8, 12), (7, 9)])
def test_bytes_in_words(big, shape):
    """8-bit pixels as OW: in big endian, the first pixel is in the second byte (PS3.5 8.1.2)."""
    values = random_values(8, 0, shape).astype(np.uint8)
    dataset = words_object(values, 8, 7, 0)
    data = values.tobytes() + b"\0" * (values.size % 2)
    dataset.PixelData = np.frombuffer(data, "<u2").byteswap().tobytes() if big else data
    dataset["PixelData"].VR = "OW"
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian if big else ExplicitVRLittleEndian
    assert np.array_equal(values_of(dataset)[0], values)


@pytest.mark.parametrize("allocated", [1, 4, 12, 13, 24, 64])
def test_containers_that_cannot_be_read_are_named(allocated):
    with pytest.raises(ImageError, match=f"BitsAllocated {allocated};"):
        stored_values(radiograph(BitsAllocated=allocated, BitsStored=1, HighBit=0))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"BitsStored": 20}, "BitsStored 20 and BitsAllocated 16"),
        ({"BitsStored": 0}, "BitsStored 0"),
        ({"PixelRepresentation": 2}, "PixelRepresentation 2"),
        ({"BitsStored": None}, "without BitsStored"),
        ({"Rows": 81}, "15360 bytes, .* need 15552"),
        ({"Rows": 79}, "15360 bytes, .* need 15168"),
        ({"BitsAllocated": 32}, "need 30720"),
        ({"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}, "need 7680"),
        ({"SamplesPerPixel": 3}, "3 samples"),
        ({"PixelData": None, "FloatPixelData": bytes(8)}, "float"),
    ],
)
def test_a_header_that_does_not_fit_the_pixels_names_both(fields, says):
    with pytest.raises(ImageError, match=says):
        stored_values(read_object(file_content(radiograph(**fields))))


def test_big_endian_of_32_bits_is_refused():
    words = pixel_words(random_values(20, 0), 32, 20, 19)
    with pytest.raises(ImageError, match="BitsAllocated 32 in big endian"):
        values_of(words_object(words, 20, 19, 0, ExplicitVRBigEndian))


@pytest.mark.parametrize("surplus", [bytes(6), b"abcdef", bytes(4000)])
def test_bytes_after_the_pixels_that_are_no_rows_are_padding(surplus):
    dataset = radiograph()
    expected = stored_values(read_object(file_content(dataset)))[0]
    dataset.PixelData += surplus
    assert np.array_equal(values_of(dataset)[0], expected)


def test_an_impossible_high_bit_counts_as_the_bit_below_bits_stored():
    assert word_layout(radiograph(HighBit=3)).high == 11
    assert word_layout(radiograph(HighBit=16)).high == 11
    assert word_layout(radiograph(HighBit=None)).high == 11


@pytest.mark.parametrize(
    ("value", "limit", "signed", "expected"),
    [
        (63536, None, 1, (-2000, -2000)),
        (63536, None, 0, (63536, 63536)),
        (0, 10, 0, (0, 10)),
        (65535, 65000, 0, (65000, 65535)),
        (2048, None, 1, (-2048, -2048)),
        (4095, 3000, 0, (3000, 4095)),
    ],
)
def test_padding_has_the_sign_of_the_pixels(value, limit, signed, expected):
    dataset = radiograph(PixelRepresentation=signed)
    dataset.add_new("PixelPaddingValue", "US", value)
    if limit is not None:
        dataset.add_new("PixelPaddingRangeLimit", "US", limit)
    assert word_layout(dataset).padding == expected


def test_padding_outside_the_stored_bits_is_kept():
    values = random_values(12, 0, (20, 30))
    words = values.astype(np.uint16)
    words[:4] = 63536
    dataset = words_object(words, 12, 11, 0)
    dataset.add_new("PixelPaddingValue", "US", 63536)
    found, _ = values_of(dataset)
    assert np.array_equal(found, words)


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("layout", FEW, ids=str)
def test_the_same_as_dcmtk(layout, signed, tmp_path):
    allocated, stored, high = layout
    values = random_values(stored, signed, (64, 66))
    path = tmp_path / "a.dcm"
    for syntax in (*NATIVE.values(), RLELossless):
        if not written(allocated, stored, syntax):
            continue
        words = pixel_words(values, allocated, stored, high)
        path.write_bytes(file_content(words_object(words, stored, high, signed, syntax)))
        found, _ = stored_values(read_object(path))
        assert np.array_equal(found, values)
        shown = dcmtk_values(path, stored)  # dcmtk shows the lowest possible value as 0
        assert np.array_equal(shown, values - (-(1 << (stored - 1)) if signed else 0))


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize(("allocated", "stored"), [(8, 8), (16, 9), (16, 10), (16, 12), (16, 15), (16, 16)])
@pytest.mark.parametrize(
    "call",
    [["dcmcjpls"], ["dcmcjpeg", "+e1"], ["dcmcjpeg", "+el", "+sv", "6"], ["dcmcrle"]],
    ids=["JPEG-LS", "lossless JPEG", "lossless JPEG 6", "RLE"],
)
def test_streams_that_dcmtk_wrote(call, allocated, stored, signed, tmp_path):
    values = random_values(stored, signed, (64, 66))
    words = values.astype(f"i{allocated // 8}" if signed else f"u{allocated // 8}").view(f"u{allocated // 8}")
    content = transcoded(file_content(words_object(words, stored, stored - 1, signed)), tmp_path, *call)
    found, notes = stored_values(read_object(content))
    assert np.array_equal(found, values)
    assert not notes


def test_real_files_have_the_values_of_dcmtk(tmp_path):
    """Uncompressed and baseline JPEG; dcmtk of Debian decodes no JPEG 2000."""
    if "CXRFACTORY_REAL_DATA" not in os.environ:
        pytest.skip("CXRFACTORY_REAL_DATA is not set: the real DICOM files are not here")
    compared = 0
    for path in sorted((Path(os.environ["CXRFACTORY_REAL_DATA"]) / "dicom_cxr").glob("*.dcm")):
        dataset = read_object(path)
        found, notes = stored_values(dataset)
        assert not notes
        if re.search("JPEG 2000", dataset.file_meta.TransferSyntaxUID.name):
            continue
        dataset.PhotometricInterpretation = "MONOCHROME2"  # so that dcmtk does not invert, which it rounds
        dataset.pop("PresentationLUTShape", None)
        same = tmp_path / "a.dcm"
        dataset.save_as(same)
        assert np.array_equal(found, dcmtk_values(same, int(dataset.BitsStored))), path.name
        compared += 1
    assert compared == 4
