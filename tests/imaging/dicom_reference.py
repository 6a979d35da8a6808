"""A slow, obvious reader of pixel words, an independent one (dcmtk), and writers of DICOM objects in every syntax."""

import io
import shutil
import subprocess

import numpy as np
import pydicom
import pytest
from openjpeg.utils import encode_array
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from .dicom_files import radiograph

NATIVE = {
    "implicit": ImplicitVRLittleEndian,
    "explicit": ExplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
}


def layouts(allocated, storeds):
    """All (allocated, stored, high, signed) with these numbers of stored bits."""
    return [
        (allocated, stored, high, signed)
        for stored in storeds
        for high in range(stored - 1, allocated)
        for signed in (0, 1)
    ]


def random_values(stored, signed, shape=(9, 11), seed=0):
    low = -(1 << (stored - 1)) if signed else 0
    values = np.random.default_rng(seed).integers(low, low + (1 << stored), shape)
    values.flat[:2] = low, low + (1 << stored) - 1
    return values


def pixel_words(values, allocated, stored, high, unused=0):
    """Words that hold values in the bits up to ``high``; ``unused`` fills the bits around them."""
    field = (1 << stored) - 1
    shift = high + 1 - stored
    outside = ((1 << allocated) - 1) & ~(field << shift)
    words = [((int(value) & field) << shift) | (unused & outside) for value in np.ravel(values)]
    return np.array(words, np.uint64).reshape(np.shape(values)).astype(f"u{allocated // 8}")


def slow_values(words, stored, high, signed):
    """The value of each word by PS3.5 8.1.1, a word at a time."""
    found = []
    for word in np.ravel(words).tolist():
        bits = f"{word:032b}"[::-1]  # bit 0 first
        value = sum(1 << place for place in range(stored) if bits[high + 1 - stored + place] == "1")
        found.append(value - (1 << stored) if signed and value >> (stored - 1) else value)
    return np.array(found).reshape(np.shape(words))


def words_object(words, stored, high, signed, syntax=ExplicitVRLittleEndian, **fields):
    """An object whose pixel data are these words, in a native syntax or in RLE."""
    allocated = 8 * words.dtype.itemsize
    dataset = radiograph(
        words, bits=stored, HighBit=high, PixelRepresentation=signed, BitsAllocated=allocated, **fields
    )
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = words.astype(words.dtype.newbyteorder(">")).tobytes()
    if len(dataset.PixelData) % 2:
        dataset.PixelData += b"\0"
    dataset["PixelData"].VR = "OB" if allocated == 8 else "OW"
    if syntax == RLELossless:
        dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


def file_content(dataset):
    """The bytes of an object in its own syntax."""
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def encapsulated(stream, syntax, dataset):
    """Put a compressed stream into an object."""
    dataset.PixelData = encapsulate([stream])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


def jpeg_2000_object(samples, precision, **fields):
    """An object with a lossless JPEG 2000 stream of these samples, signed if their type is."""
    stream = bytes(encode_array(np.ascontiguousarray(samples), bits_stored=precision, use_mct=False))
    signed = samples.dtype.kind == "i"
    header = {"BitsStored": precision, "HighBit": precision - 1, "PixelRepresentation": int(signed), **fields}
    return encapsulated(stream, JPEG2000Lossless, radiograph(samples, bits=precision, **header))


def need(program):
    if shutil.which(program) is None:
        pytest.skip(f"{program} of dcmtk is not installed, so there is no independent reader to compare with")


def dcmtk_values(path, bits, *options):
    """Grey values of a file in ``bits`` bits, as dcmj2pnm shows them without window, table and overlay."""
    need("dcmj2pnm")
    call = ["dcmj2pnm", "-q", "-W", "-M", "-O", "+opn", str(bits), *options, str(path)]
    text = subprocess.run(call, capture_output=True, text=True, check=True).stdout
    numbers = " ".join(line for line in text.split("\n") if not line.startswith("#")).split()
    width, height = int(numbers[1]), int(numbers[2])
    return np.array(numbers[4:], np.int64).reshape(height, width)


def transcoded(content, tmp_path, program, *options):
    """The content of a file after a program of dcmtk has changed its syntax."""
    need(program)
    before, after = tmp_path / "before.dcm", tmp_path / "after.dcm"
    before.write_bytes(content)
    subprocess.run([program, *options, str(before), str(after)], check=True, capture_output=True)
    return after.read_bytes()
