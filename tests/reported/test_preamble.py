"""DICOM objects that begin like another format, and files that are two formats at once."""

import gzip
import io
import struct

import numpy as np
import pytest
from PIL import Image

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.reading import picture_size, read_radiograph, refuse_dicom
from tests.imaging.dicom_files import file_bytes
from tests.reported import Case
from tests.reported.films import assert_same_picture, dx, film, refused, right, write

KIND = "preamble of another format"
SOURCE = "h2non/filetype.py#198"

MARKS = {
    "TIFF, little endian": b"II*\0" + struct.pack("<I", 0x81854),
    "TIFF, big endian": b"MM\0*" + struct.pack(">I", 8),
    "BigTIFF": b"II+\0\x08\0\0\0",
    "PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "JPEG": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    "gzip": b"\x1f\x8b\x08\0\0\0\0\0",
    "BMP": b"BM\x36\0\0\0",
    "GIF": b"GIF89a",
    "zip": b"PK\x03\x04",
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n",
    "NIfTI": struct.pack("<I", 348),
    "text": b"HEAD ",
    "ones": b"\xff" * 128,
}


def with_preamble(mark, dataset=None):
    return mark.ljust(128, b"\0") + file_bytes(dx() if dataset is None else dataset)[128:]


def picture(kind, pixels=None):
    data = io.BytesIO()
    Image.fromarray(film(8) if pixels is None else pixels).save(data, kind)
    return data.getvalue()


def dual_tiff(dataset, order="<"):
    """A file that is a TIFF for one reader and a DICOM object for another, with the same pixels (8 bits)."""
    data = file_bytes(dataset)
    pixels = dataset.PixelData
    start = data.index(pixels)
    height, width = int(dataset.Rows), int(dataset.Columns)
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: start, 277: 1, 278: height, 279: height * width}
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    directory = struct.pack(f"{order}H", len(tags)) + entries + bytes(4)
    directory += bytes(len(directory) % 2)
    padding = b"\xfc\xff\xfc\xffOB\0\0" + struct.pack("<I", len(directory))
    begin = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", len(data) + len(padding))
    return begin.ljust(128, b"\0") + data[128:] + padding + directory


CHECKS = {
    "burnt-in text": ({"BurnedInAnnotation": "YES"}, ("burnt-in",)),
    "lateral": ({"ViewPosition": "LL"}, ("LL",)),
    "hand": ({"BodyPartExamined": "HAND"}, ("BodyPartExamined",)),
    "CT": ({"Modality": "CT"}, ("CT",)),
    "animal": ({"PatientSpeciesDescription": "Canis lupus"}, ("veterinary",)),
}


def masks_refused(folder):
    path = write(folder, dual_tiff(dx(bits=8)), "mask.tif")
    with pytest.raises(ImageError, match=r"mask\.tif is DICOM"):
        refuse_dicom(path)
    with pytest.raises(ImageError, match="DICOM by its content"):
        picture_size(path)


def of_gzip(content, name):
    def run(folder):
        path = write(folder, gzip.compress(content()), name)
        assert_same_picture(read_radiograph(path), film(8))
        if not name.startswith("film.dcm"):
            assert picture_size(path) == film(8).shape

    return run


def bomb():
    return gzip.compress(bytes(20_000_000))


def small_limit(folder):
    with pytest.raises(ImageError, match=r"more than|neither"):
        read_radiograph(write(folder, gzip.compress(bytes(90_000_000))), max_megapixels=1)


CASES = [
    *(
        Case(f"{name} before DICM", "right", right(lambda mark=mark: with_preamble(mark), notes=0))
        for name, mark in MARKS.items()
    ),
    *(
        Case(
            f"dual TIFF {order}, {name}",
            "refused",
            refused(lambda f=fields, o=order: dual_tiff(dx(bits=8, **f), o), *words),
        )
        for name, (fields, words) in CHECKS.items()
        for order in "<>"
    ),
    Case("dual TIFF", "right", right(lambda: dual_tiff(dx(bits=8)), lambda: film(8), notes=0)),
    Case(
        "dual TIFF, MONOCHROME1",
        "right",
        right(lambda: dual_tiff(dx(255 - film(8), 8, PhotometricInterpretation="MONOCHROME1")), lambda: film(8)),
    ),
    Case("dual TIFF as a mask", "refused", masks_refused),
    Case("without preamble", "right", right(lambda: file_bytes(dx())[132:], notes=0)),
    Case("mark without preamble", "right", right(lambda: file_bytes(dx())[128:], notes=0)),
    *(
        Case(f"PNG whose byte 128 says DICM {name}", "refused", refused(lambda: _png_with_mark()))
        for name in ("and is no DICOM",)
    ),
    *(Case(f"{kind} itself", "right", right(lambda k=kind: picture(k), lambda: film(8))) for kind in ("PNG", "TIFF")),
    *(Case(f"{kind}", "refused", refused(lambda k=kind: picture(k), "neither")) for kind in ("BMP", "GIF", "WEBP")),
    Case("film.png.gz", "right", of_gzip(lambda: picture("PNG"), "film.png.gz")),
    Case("film.tif.gz", "right", of_gzip(lambda: picture("TIFF"), "film.tif.gz")),
    Case("film.dcm.gz", "right", of_gzip(lambda: file_bytes(dx(bits=8)), "film.dcm.gz")),
    Case("gzip without a name that says so", "right", of_gzip(lambda: file_bytes(dx(bits=8)), "film.dcm")),
    Case("gzip of a lateral", "refused", refused(lambda: gzip.compress(file_bytes(dx(ViewPosition="LL"))), "LL")),
    Case("gzip in gzip", "refused", refused(lambda: gzip.compress(gzip.compress(picture("PNG"))), "gzip", "inside")),
    Case("gzip of text", "refused", refused(lambda: gzip.compress(b"name,value\n"), "gzip")),
    Case("gzip cut short", "refused", refused(lambda: gzip.compress(picture("PNG"))[:-30], "gzip")),
    Case("gzip with a wrong checksum", "refused", refused(lambda: _damaged(gzip.compress(picture("PNG"))), "gzip")),
    Case("gzip of zeros", "refused", refused(bomb, "gzip")),
    Case("gzip beyond the limit", "refused", small_limit),
]


def _png_with_mark():
    data = bytearray(picture("PNG"))
    data[128:132] = b"DICM"
    return bytes(data)


def _damaged(data):
    changed = bytearray(data)
    changed[-6] ^= 0xFF
    return bytes(changed)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case, tmp_path):
    case.run(tmp_path)


def test_the_dual_file_is_a_tiff_for_pillow(tmp_path):
    with Image.open(write(tmp_path, dual_tiff(dx(bits=8)))) as picture_file:
        assert picture_file.format == "TIFF"
        assert np.array_equal(np.asarray(picture_file), film(8))
