"""Reading of radiographs from JPEG, PNG, TIFF or DICOM files; the format is detected from the content, not the name.

Strong marks are tried before weak ones: a file with the mark of DICOM is a DICOM object, whatever its first bytes
are, so that it cannot pass the checks of the header as a picture of another format. A file packed by gzip is read by
what is inside.
"""

import io
import os
import re
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from cxrfactory.errors import ImageError
from cxrfactory.imaging.dicom_silence import silence_pydicom
from cxrfactory.imaging.radiograph.dicom_padding import darken
from cxrfactory.imaging.radiograph.film_orientation import exif_orientation, turned_by_exif
from cxrfactory.imaging.radiograph.image import (
    DEFAULT_MAX_MEGAPIXELS,
    GREY_TOLERANCE_LOSSY,
    Radiograph,
    check_pixels,
    check_size,
)
from cxrfactory.imaging.radiograph.jpeg_stream import decode_grey_jpeg
from cxrfactory.imaging.radiograph.png_stream import check_png
from cxrfactory.imaging.radiograph.screening import AS_DEFAULT, HeaderChecks
from cxrfactory.imaging.radiograph.tiff_turn import as_stored
from cxrfactory.imaging.radiograph.tint import grey_of_channels
from cxrfactory.imaging.radiograph.transparency import transparent_border
from cxrfactory.tables.file_kinds import looks_like_dicom
from cxrfactory.tables.file_names import printable_name
from cxrfactory.tables.foreign_content import instead_of_film

silence_pydicom()  # before a film, and not when the first DICOM object is read, perhaps with other filters in place

_SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
}
_GZIP = b"\x1f\x8b"
# Exceptions that Pillow's decoders raise on damaged data.
_DECODING_ERRORS = (OSError, ValueError, TypeError, SyntaxError, struct.error, EOFError, KeyError, IndexError)
_TIFF_WIDTH, _TIFF_LENGTH, _TIFF_PHOTOMETRIC = 256, 257, 262
_TIFF_WHITE_IS_ZERO = 0
_HEAD_BYTES = 144  # the DICOM preamble, its mark, and the first element
# Limits of the file size: three channels of 16 bits with a margin, and a fixed number of bytes for metadata.
_LARGEST_BYTES_A_PIXEL, _LARGEST_BYTES_BESIDE = 8, 1 << 26


def read_radiograph(
    path: str | Path,
    max_megapixels: float = DEFAULT_MAX_MEGAPIXELS,
    burnt_in: str = "keep",
    checks: HeaderChecks = AS_DEFAULT,
) -> Radiograph:
    """Read one radiograph file as a grey image in which dense bone is bright.

    A JPEG, PNG or TIFF is turned to the display that its EXIF orientation asks for, as viewers do. An image with three
    equal channels is grey; the channels of a JPEG may differ by 8 levels. A tinted scan is read as grey with a note
    (:mod:`cxrfactory.imaging.radiograph.tint`). A transparent border is padding; other transparency is refused. A file
    packed by gzip is read by what is inside. For DICOM see :func:`cxrfactory.imaging.radiograph.dicom.read_dicom`.

    Parameters
    ----------
    path
        The file.
    max_megapixels
        Larger images are refused by their header, before decoding.
    burnt_in
        ``reject`` refuses DICOM objects whose header states that their pixels identify the patient; ``keep`` accepts
        them with a note. Other formats have no such attribute.
    checks
        What else a header decides: body part and view of DICOM, orientation of all formats; and the words of views and
        body parts.

    Returns
    -------
    Radiograph
        Grey pixels [height, width], uint8, uint16 or float32, with pixel spacing and view if the file states them.

    Raises
    ------
    ImageError
        If the file is not a readable radiograph; the message is the reason. It quotes no header value of a patient.

    Examples
    --------
    >>> radiograph = cxr.read_radiograph(film)
    >>> radiograph.pixels.shape, radiograph.pixels.dtype
    ((200, 160), dtype('uint8'))
    """
    source, kind = _recognised(Path(path), max_megapixels)
    if kind == "DICOM":
        from cxrfactory.imaging.radiograph.dicom import read_dicom

        radiograph = read_dicom(source, max_megapixels, burnt_in, checks)
    elif kind is not None:
        radiograph = _read_picture(source, kind, max_megapixels, checks)
    else:
        raise ImageError(f"neither JPEG, PNG, TIFF nor DICOM by its content{_instead(_head(source, max_megapixels))}")
    check_pixels(radiograph.pixels)
    return radiograph


def picture_size(path: str | Path) -> tuple[int, int]:
    """Return height and width, as stored, from the header of a JPEG, PNG or TIFF; the pixels are not decoded.

    Raises
    ------
    ImageError
        If the file has another format, or its header cannot be read.
    """
    source, kind = _recognised(Path(path), DEFAULT_MAX_MEGAPIXELS)
    if kind is None or kind == "DICOM":
        found = "DICOM" if kind else "neither JPEG, PNG nor TIFF"
        raise ImageError(f"{found} by its content; expected JPEG, PNG or TIFF")
    with _opened(source, kind, DEFAULT_MAX_MEGAPIXELS) as picture:
        if kind == "TIFF":  # whose size Pillow turns by its orientation
            return picture.tag_v2[_TIFF_LENGTH], picture.tag_v2[_TIFF_WIDTH]
        return picture.height, picture.width


def picture_kind(head: bytes) -> str | None:
    """Return what a file is by its first bytes: ``DICOM``, ``JPEG``, ``PNG``, ``TIFF``, or None for none of them.

    DICOM comes first: see :func:`cxrfactory.tables.file_kinds.looks_like_dicom`.

    Parameters
    ----------
    head
        The first 132 bytes or more; fewer only if the file has no more.
    """
    if looks_like_dicom(head):
        return "DICOM"
    return next((name for mark, name in _SIGNATURES.items() if head.startswith(mark)), None)


def refuse_dicom(path: Path) -> None:
    """Refuse a file that is DICOM, before a reader of pictures or masks takes it for a TIFF or PNG.

    Raises
    ------
    ImageError
        If the file has the marks of DICOM, or cannot be opened.
    """
    if picture_kind(_head(path, DEFAULT_MAX_MEGAPIXELS)) == "DICOM":
        raise ImageError(f"{printable_name(path.name)} is DICOM by its content; expected a picture (PNG, TIFF, JPEG)")


def _recognised(path: Path, max_megapixels: float) -> tuple[Path | bytes, str | None]:
    """Return where the content of a file is (itself, or the bytes that a gzip file holds) and what it is."""
    head = _head(path, max_megapixels)
    if not head:
        raise ImageError("empty file")
    kind = picture_kind(head)
    if kind is not None or not head.startswith(_GZIP):
        return path, kind
    content = _inflated(path, max_megapixels)
    if content.startswith(_GZIP):
        raise ImageError("a gzip file inside a gzip file; expected one image")
    kind = picture_kind(content[:_HEAD_BYTES])
    if kind is None:
        found = _instead(content[:_HEAD_BYTES]) or "; expected one image"
        raise ImageError(f"a gzip file that holds neither JPEG, PNG, TIFF nor DICOM{found}")
    return content, kind


def _instead(head: bytes) -> str:
    found = instead_of_film(head)
    return f", but {found}" if found else ""


def _largest_bytes(max_megapixels: float) -> int:
    return int(max_megapixels * 1e6 * _LARGEST_BYTES_A_PIXEL + _LARGEST_BYTES_BESIDE)


def _inflated(path: Path, max_megapixels: float) -> bytes:
    """Return the content of a gzip file; inflation stops at the size that an image can have."""
    packed, content, most = path.read_bytes(), bytearray(), _largest_bytes(max_megapixels)
    try:
        while packed.startswith(_GZIP):  # a gzip file may have several members
            inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
            content += inflater.decompress(packed, most + 1 - len(content))
            if len(content) > most:
                raise ImageError(
                    f"gzip file of more than {most >> 20} MiB; an image of {max_megapixels:g} Mpx needs less"
                )
            if not inflater.eof:
                raise ImageError("truncated gzip file")
            packed = inflater.unused_data
    except zlib.error as error:
        raise ImageError("damaged gzip file: it cannot be inflated") from error
    return bytes(content)


def _head(path: Path, max_megapixels: float) -> bytes:
    try:
        status = os.stat(path)
        # This test comes before opening, because opening a pipe without a writer would block forever.
        if not stat.S_ISREG(status.st_mode):
            raise ImageError("cannot be opened: not a regular file")
        if status.st_size > _largest_bytes(max_megapixels):
            raise ImageError(f"file of {status.st_size / 1e6:.0f} MB; an image of {max_megapixels:g} Mpx needs less")
        with path.open("rb") as handle:
            return handle.read(_HEAD_BYTES)
    except FileNotFoundError as error:
        raise ImageError("no such file") from error
    except OSError as error:
        raise ImageError(f"cannot be opened: {error.strerror}") from error


@contextmanager
def _opened(source: Path | bytes, kind: str, max_megapixels: float) -> Iterator[Image.Image]:
    """Open a picture with one decoder; faults while it is open become an :class:`ImageError` of one line."""
    try:
        with Image.open(_stream(source), formats=[kind]) as picture:
            yield picture
    except Image.DecompressionBombError as error:
        pixels = re.search(r"\d+", str(error))
        size = f" of {int(pixels[0]) / 1e6:.0f} Mpx" if pixels else ""
        raise ImageError(f"{kind}{size}; the limit is {max_megapixels:g} Mpx") from error
    except UnidentifiedImageError as error:
        raise ImageError(f"damaged {kind}: its header cannot be read") from error
    except _DECODING_ERRORS as error:
        raise ImageError(f"truncated or damaged {kind}: {_one_line(error)}") from error


def _stream(source: Path | bytes) -> Path | io.BytesIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source


def _read_picture(source: Path | bytes, kind: str, max_megapixels: float, checks: HeaderChecks) -> Radiograph:
    with _opened(source, kind, max_megapixels) as picture:
        check_size(picture.height, picture.width, max_megapixels)
        number = exif_orientation(picture, kind)
        turns_itself = kind == "TIFF" and number != 1
        if not turns_itself:
            stored = _as_stored(picture, source, kind)
    if turns_itself:
        source = as_stored(source if isinstance(source, bytes) else source.read_bytes())
        with _opened(source, kind, max_megapixels) as picture:
            stored = _as_stored(picture, source, kind)
    return turned_by_exif(stored, number, checks)


def _as_stored(picture: Image.Image, source: Path | bytes, kind: str) -> Radiograph:
    """Decode an open picture of a source; a TIFF must have no orientation but 1."""
    if getattr(picture, "n_frames", 1) > 1:
        raise ImageError(f"{kind} with {picture.n_frames} frames; expected one")
    if not picture.mode.startswith("I") and any(";16" in str(tile[3]) for tile in picture.tile):
        raise ImageError(f"{kind} of several channels of 16 bits; expected 16-bit grey, or channels of 8 bits")
    if kind == "PNG":
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as stream:
            grey = check_png(stream)
        if grey is not None:
            return Radiograph(grey)
    if kind == "JPEG":
        grey = decode_grey_jpeg(source if isinstance(source, bytes) else source.read_bytes())
        if picture.mode == "L":
            return Radiograph(grey)
    picture.load()
    return _grey(picture, kind)


def _grey(picture: Image.Image, kind: str) -> Radiograph:
    mode = picture.mode
    if mode == "P":
        colours, number = len(picture.getpalette() or ()) // 3, picture.getextrema()[1]
        if number >= colours:
            raise ImageError(f"damaged {kind}: its palette has {colours} colours, and a pixel has the number {number}")
        picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    if picture.mode in ("LA", "RGBA", "RGB"):
        return _of_channels(np.asarray(picture), kind)
    if picture.mode == "L":
        return Radiograph(np.asarray(picture))
    if picture.mode.startswith("I;16"):
        pixels = np.asarray(picture).astype(np.uint16)
        white_is_zero = kind == "TIFF" and picture.tag_v2.get(_TIFF_PHOTOMETRIC) == _TIFF_WHITE_IS_ZERO
        return Radiograph(65535 - pixels if white_is_zero else pixels)
    if picture.mode in ("I", "F"):
        pixels = np.asarray(picture)
        whole = picture.mode == "I" and pixels.min() >= 0 and pixels.max() <= 65535
        return Radiograph(pixels.astype(np.uint16 if whole else np.float32))
    raise ImageError(f"{kind} of pixel type '{mode}'; expected grey of 8, 16 or 32 bits")


def _of_channels(pixels: np.ndarray, kind: str) -> Radiograph:
    """Return the grey picture of 8-bit channels: grey or red, green and blue, with or without alpha behind them."""
    notes: list[str] = []
    padding = None
    if pixels.shape[2] in (2, 4):
        padding = transparent_border(pixels[..., -1], kind, notes)
        pixels = pixels[..., :-1]
    if padding is not None:  # what lies below transparent pixels is no part of the picture, whatever its colour is
        pixels = np.where(padding[..., None], pixels.dtype.type(0), pixels)
    if pixels.shape[2] == 1:
        grey = np.ascontiguousarray(pixels[..., 0])
    else:
        grey = grey_of_channels(pixels, GREY_TOLERANCE_LOSSY if kind == "JPEG" else 0, notes)
    return Radiograph(darken(grey, padding, inverted=False), notes=tuple(notes), padding=padding)


def _one_line(error: Exception) -> str:
    """Return a decoder's message on one line, without quoted text, which could come from the file."""
    said = re.sub(r"""b?'[^']*'|b?"[^"]*\"""", "...", str(error))
    return " ".join(said.split()) or type(error).__name__
