"""DICOM objects: pixel modules, windows, transfer syntaxes, encapsulation, broken streams (PS3.3, PS3.5)."""

# One case a line reads better than the same over five.
# ruff: noqa: E501

import struct
import zlib

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from ...imaging.dicom_files import file_bytes, radiograph, ramp
from .case import KEPT, REJECTED, of_bytes
from .jpeg import PLAIN as JPEG
from .other_files import saved

GREY = ramp(bits=12)
EIGHT = ramp(bits=8)
_SIGNED = GREY.astype(np.int16) - 2048
PIXELS = b"\xe0\x7f\x10\x00"  # the tag of Pixel Data


def plain(pixels=None, bits=12, **fields) -> bytes:
    """An uncompressed object."""
    return file_bytes(radiograph(pixels, bits, **fields))


def implicit() -> bytes:
    """An object whose elements name no VR."""
    dataset = radiograph()
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return file_bytes(dataset)


def big_endian() -> bytes:
    """An object in the retired big-endian syntax."""
    dataset = radiograph(GREY.byteswap())
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    return file_bytes(dataset)


def packed(frames, syntax, pixels=EIGHT, bits=8, **fields) -> bytes:
    """An object of encapsulated frames."""
    dataset = radiograph(pixels, bits, **fields)
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = syntax
    return file_bytes(dataset)


def with_syntax(uid) -> bytes:
    """An uncompressed object whose meta header names another transfer syntax."""
    data = plain()
    own = b"1.2.840.10008.1.2.1\0"
    return data.replace(own, uid.encode().ljust(len(own), b"\0")[: len(own)])


def deflated(body=None) -> bytes:
    """An object of the deflated syntax, its data set replaced by ``body``."""
    dataset = radiograph()
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data = file_bytes(dataset)
    if body is None:
        return data
    meta = 128 + 4 + 12 + struct.unpack("<I", data[140:144])[0]
    return data[:meta] + body


def _inflates_to(mebibytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = bytes(1 << 20)
    return b"".join(packer.compress(zeros) for _ in range(mebibytes)) + packer.flush()


def _compressed(syntax) -> bytes:
    dataset = radiograph(GREY, 12)
    dataset.compress(syntax, encoding_plugin={RLELossless: "pydicom"}.get(syntax, ""), generate_instance_uid=False)
    return file_bytes(dataset)


def _jpeg(data=JPEG, rows=80, columns=96, **fields) -> bytes:
    return packed([data], JPEGBaseline8Bit, **{"Rows": rows, "Columns": columns} | fields)


def _jpeg_2000() -> bytes:
    return saved(EIGHT, "JPEG2000", no_jp2=True)


def _fragments() -> bytes:
    """A JPEG in two items."""
    second = JPEG[1000:] + b"\0" * (len(JPEG) % 2)
    return _items((0, b""), (1000, JPEG[:1000]), (len(second), second)) + b"\xfe\xff\xdd\xe0\0\0\0\0"


def _items(*lengths) -> bytes:
    """An encapsulated object whose items state other lengths than they have."""
    items = b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<I", length) + part for length, part in lengths)
    data = _jpeg()
    return data[: data.index(PIXELS)] + PIXELS + b"OB\0\0\xff\xff\xff\xff" + items


def _elements(after) -> bytes:
    data = plain()
    place = data.index(PIXELS)
    return data[:place] + after


def _edit(old, new) -> bytes:
    data = plain()
    assert old in data
    return data.replace(old, new)


def _nested(depth) -> bytes:
    """A data set of sequences within each other, of undefined length."""
    opening = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    data = plain()
    meta = 128 + 4 + 12 + struct.unpack("<I", data[140:144])[0]
    return data[:meta] + opening * depth


def _lut(entries, first, bits, data) -> Sequence:
    lut = Dataset()
    lut.LUTDescriptor = [entries, first, bits]
    lut.add_new("LUTData", "OW", np.array(data, "<u2").tobytes())
    return Sequence([lut])


def _window(centre, width, **fields) -> bytes:
    return plain(WindowCenter=centre, WindowWidth=width, **fields)


def _clipped(centre, width):
    values = GREY.astype(np.float64)
    low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    scaled = ((values - (centre - 0.5)) / (width - 1) + 0.5) * 4095
    return np.where(values <= low, 0, np.where(values > high, 4095, scaled)).astype(np.float32)


def _kept(name, data, expected=GREY):
    return of_bytes(f"dicom {name}", KEPT, data, expected=expected)


def _rejected(name, data, says="DICOM", **more):
    return of_bytes(f"dicom {name}", REJECTED, data, says, **more)


_PLAIN = plain()
_START = _PLAIN.index(PIXELS)
_COLOUR = np.stack([EIGHT, EIGHT[::-1], EIGHT], axis=-1)

MODULES = [
    _kept("12 bit", lambda: _PLAIN),
    _kept("8 bit", lambda: plain(EIGHT, 8), EIGHT),
    _kept("16 bit", lambda: plain(ramp(bits=16), 16), ramp(bits=16)),
    _kept("32 bit", lambda: plain(GREY.astype(np.uint32), 32), GREY),
    _kept("signed", lambda: plain(_SIGNED, 16), GREY),
    _kept("MONOCHROME1", lambda: plain(PhotometricInterpretation="MONOCHROME1"), 4095 - GREY),
    _kept("implicit VR", implicit),
    _kept("big endian", big_endian),
    _kept("without preamble", lambda: _PLAIN[132:]),
    _kept("without meta header", lambda: _PLAIN[144 + struct.unpack("<I", _PLAIN[140:144])[0] :]),
    _kept("an odd number of bytes", lambda: plain(EIGHT[:79, :95], 8), EIGHT[:79, :95]),
    _kept("bytes after its end", lambda: _PLAIN + b"\xfc\xff\xfc\xffOB\0\0\4\0\0\0abcd"),
    _kept("rescale", lambda: plain(RescaleSlope=1, RescaleIntercept=-1000), GREY.astype(np.float32) - 1000),
    _rejected("without pixels", lambda: plain(PixelData=None), "without PixelData"),
    _rejected("without Rows", lambda: plain(Rows=None), "without Rows"),
    _rejected("empty pixels", lambda: plain(PixelData=b"")),
    _rejected("pixels of another length", lambda: plain(PixelData=GREY.tobytes()[:-2000])),
    _rejected("pixels one row short", lambda: plain(Rows=81)),
    _rejected("Rows 0", lambda: plain(Rows=0), "0 x 96 px"),
    _rejected("Columns 65535 and Rows 65535", lambda: plain(Rows=65535, Columns=65535), "Mpx"),
    _rejected("rows and columns of two values", lambda: plain(Rows=[80, 80])),
    _rejected("two frames", lambda: plain(np.stack([GREY, GREY]), NumberOfFrames=2), "2 frames"),
    _rejected("frames that are no number", lambda: plain(NumberOfFrames="12").replace(b"IS\x02\x0012", b"IS\x02\x00xy")),
    _rejected("BitsStored 0", lambda: plain(BitsStored=0)),
    _rejected("BitsStored above BitsAllocated", lambda: plain(BitsStored=20)),
    _rejected("BitsAllocated 13", lambda: plain(BitsAllocated=13)),
    _rejected("BitsAllocated 8 for 16-bit pixels and one row too few", lambda: plain(BitsAllocated=8, BitsStored=8, HighBit=7, Rows=161)),
    _kept("HighBit nonsense", lambda: plain(HighBit=3)),
    _rejected("PixelRepresentation 7", lambda: plain(PixelRepresentation=7)),
    _rejected("without PixelRepresentation", lambda: plain(PixelRepresentation=None)),
    _rejected("without BitsAllocated", lambda: _edit(b"\x28\x00\x00\x01US", b"\x29\x00\x00\x01US")),
    _rejected("float pixels beside", lambda: plain(PixelData=None, FloatPixelData=GREY.astype(np.float32).tobytes()), "without PixelData"),
    _rejected("colour", lambda: plain(_COLOUR, 8, Rows=80, Columns=96, SamplesPerPixel=3, PlanarConfiguration=0, PhotometricInterpretation="RGB"), "true colour"),
    _kept("equal channels", lambda: plain(np.repeat(EIGHT[..., None], 3, 2), 8, Rows=80, Columns=96, SamplesPerPixel=3, PlanarConfiguration=0, PhotometricInterpretation="RGB"), EIGHT),
    _rejected("colour without planar configuration", lambda: plain(_COLOUR, 8, Rows=80, Columns=96, SamplesPerPixel=3, PhotometricInterpretation="RGB")),
    _rejected("palette colour", lambda: plain(EIGHT, 8, PhotometricInterpretation="PALETTE COLOR"), "without its palette"),
    _rejected("unknown photometric interpretation", lambda: plain(PhotometricInterpretation="Doe Secret"), "an unknown one"),
    _rejected("no photometric interpretation", lambda: plain(PhotometricInterpretation=None), "photometric"),
    _rejected("four samples", lambda: plain(SamplesPerPixel=4, PhotometricInterpretation="ARGB")),
    _rejected("grey of two samples", lambda: plain(SamplesPerPixel=2)),
    _rejected("flat pixels", lambda: plain(np.full_like(GREY, 9)), "every pixel is 9"),
    _rejected("CT slice", lambda: plain(Modality="CT"), "modality CT"),
    _rejected("encapsulated PDF", lambda: plain(SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1", PixelData=None), "storage class"),
]  # fmt: skip

DISPLAY = [
    _kept("window", lambda: _window(2048, 1000), _clipped(2048, 1000)),
    _kept("window of width 0", lambda: _window(2048, 0)),
    _kept("window of negative width", lambda: _window(2048, -5)),
    _kept("window beyond all values", lambda: _window(2048, 1e9), None),
    _rejected("window beside all values", lambda: _window(-1e6, 10), "every pixel"),
    _rejected("window of 1e308", lambda: _window(1e308, 1e308), "pixel|DICOM"),
    _kept("window that is empty", lambda: _window("", "")),
    _kept("window without centre", lambda: plain(WindowWidth=100)),
    _rejected("window function unknown", lambda: _window(2048, 1000, VOILUTFunction="SECRET")),
    _rejected("rescale by NaN", lambda: plain(RescaleSlope="nan", RescaleIntercept="0"), "finite|DICOM"),
    _rejected("rescale by infinity", lambda: plain(RescaleSlope="inf", RescaleIntercept="0"), "finite|DICOM"),
    _rejected("rescale by 0", lambda: plain(RescaleSlope=0, RescaleIntercept=7), "every pixel is 7"),
    _kept("rescale by 1e-9", lambda: plain(RescaleSlope=1e-9, RescaleIntercept=0), None),
    _rejected("rescale by 1e300", lambda: plain(RescaleSlope=1e300, RescaleIntercept=0), "finite"),
    _rejected("rescale of text", lambda: plain(RescaleSlope="1.0", RescaleIntercept="0").replace(b"DS\x04\x001.0 ", b"DS\x04\x00abc ")),
    _kept("rescale slope without intercept", lambda: plain(RescaleSlope=2), None),
    _kept("spacing of 0", lambda: plain(PixelSpacing=[0, 0])),
    _kept("spacing of negative numbers", lambda: plain(PixelSpacing=[-0.2, -0.2])),
    _kept("spacing of one number", lambda: plain(PixelSpacing=[0.2])),
    _kept("spacing of nothing", lambda: plain(PixelSpacing=None)),
    _kept("spacing of 1e300", lambda: plain(PixelSpacing=[1e300, 1e300])),
    _kept("spacing of text", lambda: plain().replace(b"0.2\\0.3 ", b"a.2\\b.3 ")),
    _kept("VOI table without entries", lambda: plain(VOILUTSequence=_lut(0, 0, 16, []))),
    _kept("VOI table that is empty", lambda: plain(VOILUTSequence=Sequence([Dataset()]))),
    _rejected("VOI table of fewer entries than it says", lambda: plain(VOILUTSequence=_lut(4096, 0, 16, [1, 2, 3]))),
    _rejected("VOI table of 3 bits", lambda: plain(VOILUTSequence=_lut(4, 0, 3, [0, 1, 2, 3])), "DICOM|pixel"),
    _rejected("modality table of text", lambda: plain(ModalityLUTSequence=_lut(4, 0, 16, [0, 0, 0, 0])), "DICOM|pixel"),
]  # fmt: skip

SYNTAXES = [
    _kept("deflated", deflated),
    _kept("RLE", lambda: _compressed(RLELossless)),
    _kept("JPEG 2000", lambda: packed([_jpeg_2000()], JPEG2000Lossless), EIGHT),
    _kept("JPEG", _jpeg, None),
    _kept("JPEG in two fragments", _fragments, None),
    _kept("syntax of two JPEG processes exchanged", lambda: packed([JPEG], "1.2.840.10008.1.2.4.51"), None),
    _rejected("unknown transfer syntax", lambda: with_syntax("1.2.3.4")),
    _rejected("transfer syntax that is no UID", lambda: with_syntax("Doe^Secret")),
    _rejected("empty transfer syntax", lambda: with_syntax("")),
    _rejected("video transfer syntax", lambda: packed([bytes(500)], "1.2.840.10008.1.2.4.102")),
    _rejected("uncompressed pixels called JPEG", lambda: with_syntax("1.2.840.10008.1.2.4.50")),
    _rejected("uncompressed pixels called deflated", lambda: with_syntax("1.2.840.10008.1.2.1.99")),
    _kept("JPEG called JPEG 2000", lambda: packed([JPEG], JPEG2000Lossless), None),
    _rejected("JPEG called RLE", lambda: packed([JPEG], RLELossless)),
    _kept("JPEG called JPEG-LS", lambda: packed([JPEG], JPEGLSLossless), None),
    _rejected("compressed image of another size", lambda: _jpeg(rows=160, columns=192), "its compressed image 80 x 96"),
    _rejected("JPEG that says 65535 x 65535", lambda: _jpeg(JPEG[: JPEG.index(b"\xff\xc0") + 5] + b"\xff" * 4 + JPEG[JPEG.index(b"\xff\xc0") + 9 :]), "its compressed image 65535"),
    _rejected("JPEG cut in its tables", lambda: _jpeg(JPEG[:150])),
    _rejected("JPEG cut in its scan", lambda: _jpeg(JPEG[: len(JPEG) // 2])),
    _rejected("JPEG cut in its scan, then ended", lambda: _jpeg(JPEG[: len(JPEG) // 2] + b"\xff\xd9"), "premature end"),
    _rejected("JPEG 2000 cut in its header", lambda: packed([_jpeg_2000()[:60]], JPEG2000Lossless)),
    _rejected("JPEG 2000 cut in its data", lambda: packed([_jpeg_2000()[: len(_jpeg_2000()) // 2]], JPEG2000Lossless)),
    _rejected("RLE cut", lambda: _compressed(RLELossless)[:-3000]),
    _rejected("RLE of nonsense", lambda: packed([b"\xff" * 400], RLELossless)),
    _rejected("an empty frame", lambda: _items((0, b""), (0, b""))),
    _rejected("item longer than the file", lambda: _items((0, b""), (2**31, JPEG))),
    _rejected("item without its end", lambda: _items((0, b""), (0xFFFFFFFF, JPEG))),
    _rejected("no item at all", lambda: _items()),
    _rejected("offset table that points nowhere", lambda: _items((8, b"\xff\xff\xff\x7f\0\0\0\x80"), (len(JPEG), JPEG))),
    _rejected("offset table of three bytes", lambda: _items((3, b"\1\2\3"), (len(JPEG), JPEG))),
    _rejected("deflated stream cut", lambda: deflated()[:-200]),
    _rejected("deflated stream of nonsense", lambda: deflated(b"\xff" * 300)),
    _rejected("deflated stream of 2 GiB", lambda: deflated(_inflates_to(2048)), bomb=True),
]  # fmt: skip

STREAMS = [
    *(
        _rejected(f"cut {where}", lambda end=end: _PLAIN[:end], says)
        for where, end, says in (
            ("within the preamble", 100, "neither"),
            ("after the mark", 132, "DICOM"),
            ("within the meta header", 150, "DICOM"),
            ("within the data set", _START - 60, "DICOM"),
            ("before the pixels", _START, "without PixelData"),
            ("within the pixels' tag", _START + 2, "without PixelData"),
            ("within the pixels' length", _START + 9, "DICOM"),
            ("after the pixels' length", _START + 12, "DICOM"),
            ("in the middle of the pixels", (_START + len(_PLAIN)) // 2, "DICOM"),
            ("before the last pixel", len(_PLAIN) - 2, "DICOM"),
        )
    ),
    _rejected("pixels of undefined length", lambda: _elements(PIXELS + b"OW\0\0\xff\xff\xff\xff" + GREY.tobytes())),
    _kept("pixels that state 4 GB", lambda: _elements(PIXELS + b"OW\0\0\xfe\xff\xff\xff" + GREY.tobytes())),
    _rejected("pixels that state 0 bytes", lambda: _elements(PIXELS + b"OW\0\0\0\0\0\0" + GREY.tobytes())),
    _rejected("pixels of text", lambda: _elements(PIXELS + b"LT\x08\0" + b"pixels! ")),
    _rejected("Rows of text", lambda: _edit(b"\x28\x00\x10\x00US\x02\x00\x50\x00", b"\x28\x00\x10\x00LO\x02\x00ab")),
    _rejected("Rows of four bytes", lambda: _edit(b"\x28\x00\x10\x00US\x02\x00\x50\x00", b"\x28\x00\x10\x00US\x04\x00\x50\x00")),
    _rejected("Rows of no byte", lambda: _edit(b"\x28\x00\x10\x00US\x02\x00\x50\x00", b"\x28\x00\x10\x00US\x00\x00")),
    _rejected("VR that does not exist", lambda: _edit(b"\x28\x00\x10\x00US", b"\x28\x00\x10\x00ZZ")),
    _kept("meta header's length wrong", lambda: _PLAIN[:140] + b"\xff\xff\xff\x7f" + _PLAIN[144:]),
    _rejected("a thousand nested sequences", lambda: _nested(1000)),
    _rejected("ten thousand nested sequences", lambda: _nested(10_000)),
    _rejected("the mark, then zeros", lambda: bytes(128) + b"DICM" + bytes(5000)),
    _rejected("the mark, then text", lambda: bytes(128) + b"DICM" + b"<html>" * 300),
    _rejected("a DICOMDIR", lambda: plain(SOPClassUID="1.2.840.10008.1.3.10", PixelData=None), "storage class"),
    _rejected("character set that does not exist", lambda: plain(SpecificCharacterSet="ISO 4711", ViewPosition="LL"), "view position LL"),
]  # fmt: skip

CASES = [*MODULES, *DISPLAY, *SYNTAXES, *STREAMS]
