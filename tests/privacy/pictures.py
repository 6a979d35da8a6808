"""JPEG and PNG files whose metadata hold marks, and a picture that looks enough like a chest."""

import io
import zlib

import cv2
import numpy as np
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from tests.privacy.marks import mark


def chest(number: int, height: int = 220, width: int = 200) -> np.ndarray:
    """Two dark lungs in bright tissue with a heart between them; uint8 [row, column], another for each number."""
    rows, columns = np.mgrid[:height, :width]
    image = np.full((height, width), 190.0)
    for x, wide in ((0.3, 0.13), (0.7, 0.13)):
        image[((rows / height - 0.45) / 0.3) ** 2 + ((columns / width - x) / wide) ** 2 < 1] = 50
    image[((rows / height - 0.62) / 0.14) ** 2 + ((columns / width - 0.55) / 0.14) ** 2 < 1] = 160
    noise = np.random.default_rng(number).normal(0, 3 + number % 3, image.shape)
    return np.clip(cv2.GaussianBlur(image, (0, 0), 3) + noise, 0, 255).astype(np.uint8)


def _exif() -> bytes:
    exif = Image.Exif()
    # ImageDescription, Make, Model, Software, DateTime, Artist, HostComputer, Copyright, XPAuthor
    for tag in (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x013C, 0x8298):
        exif[tag] = mark()
    exif[0x9C9D] = mark().encode("utf-16-le")
    exif.get_ifd(0x8769)[0x9286] = mark().encode()  # UserComment
    exif.get_ifd(0x8825)[0x001D] = mark("DA")  # GPSDateStamp
    return exif.tobytes()


def _profile() -> bytes:
    """A colour profile whose description is a mark."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    word = mark().encode("utf-16-be")
    place = bytes(data).find("sRGB".encode("utf-16-be"))
    data[place : place + len(word)] = word
    return bytes(data)


def _xmp() -> bytes:
    return f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf>{mark()} {mark('DA')}</rdf></x:xmpmeta>".encode()


def png(pixels: np.ndarray) -> bytes:
    """A PNG with EXIF, a colour profile, and text chunks of all three kinds; some bytes after its end."""
    texts = PngInfo()
    texts.add_text("Author", mark())
    texts.add_text("Comment", mark(), zip=True)
    texts.add_itxt("Title", mark(), lang="en", tkey=mark(), zip=True)
    texts.add_itxt("XML:com.adobe.xmp", _xmp().decode())
    texts.add(b"prVt", zlib.compress(mark().encode()))
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", pnginfo=texts, exif=_exif(), icc_profile=_profile())
    return stream.getvalue() + mark().encode()


def jpeg(pixels: np.ndarray) -> bytes:
    """A JPEG with EXIF, XMP, a colour profile, a comment and an IPTC segment; some bytes after its end."""
    stream = io.BytesIO()
    options = {"exif": _exif(), "xmp": _xmp(), "icc_profile": _profile(), "comment": mark()}
    Image.fromarray(pixels).save(stream, "JPEG", quality=95, **options)
    data, iptc = stream.getvalue(), b"Photoshop 3.0\0" + mark().encode()
    return data[:2] + b"\xff\xed" + (len(iptc) + 2).to_bytes(2, "big") + iptc + data[2:] + mark().encode()
