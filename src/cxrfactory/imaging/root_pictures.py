"""Reading of photographs of plates: grey values of 8 bits, turned as the camera says, and what the header tells.

Colour becomes luma, 0.299 red + 0.587 green + 0.114 blue, so that white roots on blue paper are bright on dark. Values
of 8 bits are used as they are. Values of 16 bits are stretched linearly, because cameras of 10 to 14 bits fill only a
part of the range: the 0.1th percentile of the picture becomes 0, and the 99.9th becomes 255.
"""

import io
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from jaxtyping import Shaped, UInt8
from PIL import Image

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.reading import picture_kind
from cxrfactory.imaging.turns import ORIENTATIONS, USUAL, displayed, lies_on_its_side

SMALLEST_SIDE = 64  # px; a smaller picture is a thumbnail
MAX_MEGAPIXELS = 200.0
STRETCH = (0.1, 99.9)  # percentiles of 16-bit values that become 0 and 255
LEAST_RANGE = 128  # levels of 16 bits between them; below it a picture is one grey with noise

_DAMAGED = (OSError, ValueError, TypeError, SyntaxError, struct.error, EOFError, KeyError, IndexError)
_ORIENTATION, _EXIF, _WRITTEN = 274, 0x8769, 306
_TAKEN = ((36867, 36881), (36868, 36882))  # DateTimeOriginal and DateTimeDigitized, each with its OffsetTime
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")
_SIZE = 256, 257  # width and height of a TIFF
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0
_RAW = (".nef", ".cr2", ".cr3", ".dng", ".arw", ".orf", ".rw2", ".raf", ".pef")
# A damaged colour profile does not affect the pixels, but libjpeg would report it instead of a later warning.
_PROFILE, _NO_PROFILE = b"ICC_PROFILE\0", b"ICC-PROFILE\0"


@dataclass(frozen=True)
class PictureHeader:
    """What the header of a picture says; the pixels are not decoded.

    Attributes
    ----------
    height, width
        Size in pixels, turned as EXIF says.
    taken
        Local time of EXIF (DateTimeOriginal, or else DateTimeDigitized); None without a valid one.
    ahead_minutes
        By how much that time is ahead of UTC (OffsetTimeOriginal or OffsetTimeDigitized); None where EXIF has no such
        entry.
    written
        Local time of the entry DateTime of a TIFF, at which a program or a scanner wrote it; None without a valid one.
    """

    height: int
    width: int
    taken: datetime | None
    ahead_minutes: int | None = None
    written: datetime | None = None


def read_picture(path: str | Path) -> UInt8[np.ndarray, "height width"]:
    """Read a photograph of a plate as grey values.

    JPEG, PNG and TIFF are told by their content. Grey, colour and palette pictures of 8 and 16 bits are read; an alpha
    channel must be opaque. The picture is turned or mirrored as its EXIF orientation says.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Grey values [row, column], uint8; dark is 0. See the module for colour and 16 bits.

    Raises
    ------
    ImageError
        In one line, if the file is missing, has another format, is truncated or damaged, holds several pictures, or is
        of one grey.
    """
    return decode_picture(_bytes(Path(path)), Path(path).suffix)


def decode_picture(data: bytes, suffix: str = "", least_side: int | None = None) -> UInt8[np.ndarray, "height width"]:
    """Decode the bytes of a photograph, as :func:`read_picture` does.

    Parameters
    ----------
    data
        Content of the file.
    suffix
        End of its name with the dot, which tells raw camera files from TIFF.
    least_side
        If given, the picture is reduced by a power of 2 as long as its longer side stays at least this long, pixels:
        a JPEG while it is decoded, which is fast, others by the mean of blocks.
    """
    kind = _kind(data, suffix)
    with _opened(data, kind) as picture:
        _check(picture, kind)
        orientation = _orientation(picture, kind)
        factor = 1
        while least_side is not None and max(picture.size) // (2 * factor) >= least_side:
            factor *= 2
        grey = _jpeg(data, picture, factor) if kind == "JPEG" else _reduced(_grey(data, picture, kind), factor)
    if grey.min() == grey.max():
        raise ImageError(f"picture of one grey: every pixel is {grey.flat[0]}")
    return np.ascontiguousarray(grey if kind == "TIFF" else displayed(grey, orientation))


def picture_header(path: str | Path) -> PictureHeader:
    """Read the header of a photograph.

    Raises
    ------
    ImageError
        If the file is missing, has another format, or its header cannot be read.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            kind = _kind(stream.read(144), path.suffix)
    except OSError as error:
        raise ImageError(f"cannot be opened: {error.strerror}") from error
    with _opened(path, kind) as picture:
        _check(picture, kind)
        height, width = picture.height, picture.width
        if kind == "TIFF":  # versions of Pillow differ in whether this size is the turned one
            width, height = (int(picture.tag_v2[tag]) for tag in _SIZE)
        if lies_on_its_side(_orientation(picture, kind)):
            height, width = width, height
        written = _exif_time(picture.tag_v2.get(_WRITTEN)) if kind == "TIFF" else None
        return PictureHeader(height, width, *_taken(picture, kind), written)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ImageError("no such file") from error
    except OSError as error:
        raise ImageError(f"cannot be opened: {error.strerror}") from error


def _kind(head: bytes, suffix: str) -> str:
    if not head:
        raise ImageError("empty file")
    if suffix.lower() in _RAW:  # a raw file is a TIFF that shows only a small preview
        raise ImageError(f"raw camera file ({suffix.lower()}); expected JPEG, PNG or TIFF; convert it")
    kind = picture_kind(head[:144])
    if kind is None or kind == "DICOM":
        raise ImageError("neither JPEG, PNG nor TIFF by its content")
    return kind


@contextmanager
def _opened(source: Path | bytes, kind: str) -> Iterator[Image.Image]:
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=[kind]) as picture:
            yield picture
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(f"{kind} of more than {MAX_MEGAPIXELS:g} Mpx") from error
    except Image.UnidentifiedImageError as error:
        raise ImageError(f"damaged {kind}: its header cannot be read") from error
    except _DAMAGED as error:
        said = re.sub(r"""b?'[^']*'|b?"[^"]*\"""", "...", " ".join(str(error).split()))
        raise ImageError(f"truncated or damaged {kind}: {said or type(error).__name__}") from error


def _check(picture: Image.Image, kind: str) -> None:
    width, height = picture.size
    if min(width, height) < SMALLEST_SIDE:
        raise ImageError(f"{width} x {height} px; a picture of a plate has at least {SMALLEST_SIDE} px a side")
    if width * height > MAX_MEGAPIXELS * 1e6:
        raise ImageError(f"{width} x {height} px; the limit is {MAX_MEGAPIXELS:g} Mpx")
    frames = getattr(picture, "n_frames", 1)
    if kind != "JPEG" and frames > 1:  # telephones put a second view or a preview into a JPEG
        raise ImageError(f"{kind} with {frames} pictures; expected one; save each as a file of its own")


def _orientation(picture: Image.Image, kind: str) -> str:
    if kind == "PNG" and "exif" not in picture.info:
        return USUAL
    try:
        value = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF data; the pixels may be whole
        return USUAL
    return ORIENTATIONS[value - 1] if isinstance(value, int) and 1 <= value <= 8 else USUAL


def _taken(picture: Image.Image, kind: str) -> tuple[datetime | None, int | None]:
    """Return the local time of EXIF, and by how many minutes it is ahead of UTC."""
    if kind == "PNG" and "exif" not in picture.info:
        return None, None
    try:
        exif = picture.getexif()
        inside = exif.get_ifd(_EXIF)
        for tag, offset in _TAKEN:
            if (found := _exif_time(inside.get(tag) or exif.get(tag))) is not None:
                return found, _exif_offset(inside.get(offset) or exif.get(offset))
    except Exception:  # damaged EXIF data tell no time
        return None, None
    return None, None


def _exif_time(said: object) -> datetime | None:
    try:
        return datetime.strptime(said.strip("\0 ")[:19], "%Y:%m:%d %H:%M:%S") if isinstance(said, str) else None
    except ValueError:  # cameras without a clock write zeros or blanks
        return None


def _exif_offset(said: object) -> int | None:
    found = _OFFSET.fullmatch(said.strip("\0 ")) if isinstance(said, str) else None
    return None if found is None else int(f"{found[1]}1") * (60 * int(found[2]) + int(found[3]))


def _jpeg(data: bytes, picture: Image.Image, factor: int) -> np.ndarray:
    size = {} if factor == 1 else {"min_height": -(-picture.height // factor), "min_width": -(-picture.width // factor)}
    try:
        plain = data.replace(_PROFILE, _NO_PROFILE)
        return simplejpeg.decode_jpeg(plain, "GRAY", strict=True, min_factor=factor, **size)[..., 0]
    except ValueError as error:
        raise ImageError(f"truncated or damaged JPEG: {' '.join(str(error).split())}") from error


def _reduced(grey: np.ndarray, factor: int) -> np.ndarray:
    if factor == 1:
        return grey
    rows, columns = (size // factor * factor for size in grey.shape)
    return cv2.resize(grey[:rows, :columns], (columns // factor, rows // factor), interpolation=cv2.INTER_AREA)


def _grey(data: bytes, picture: Image.Image, kind: str) -> np.ndarray:
    """Return the grey values of a PNG as stored, or of a TIFF as turned: both Pillow and OpenCV turn a TIFF."""
    deep = any(";16" in str(tile[3]) for tile in picture.tile)
    if deep and not picture.mode.startswith("I"):  # Pillow would keep only the upper 8 bits of colours
        return _deep_colour(data, kind)
    if picture.mode == "P":
        picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    if picture.mode in ("LA", "RGBA", "PA"):
        if np.asarray(picture.getchannel("A")).min() < 255:
            raise ImageError(f"{kind} with transparent pixels; expected an opaque picture")
        picture = picture.convert("RGB" if picture.mode == "RGBA" else "L")
    if picture.mode.startswith("I") or picture.mode == "F":
        values = np.asarray(picture)
        if not np.isfinite(values).all():
            raise ImageError("pixels that are not finite numbers")
        grey = _stretched(values)
        white_is_zero = kind == "TIFF" and picture.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
        return 255 - grey if white_is_zero else grey
    if picture.mode in ("1", "L", "RGB", "CMYK", "YCbCr"):
        return np.asarray(picture.convert("L"))
    raise ImageError(f"{kind} of pixel type '{picture.mode}'; expected grey or colour of 8 or 16 bits")


def _deep_colour(data: bytes, kind: str) -> np.ndarray:
    values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if values is None:
        raise ImageError(f"truncated or damaged {kind}: its pixels cannot be decoded")
    if values.ndim == 2:
        return _stretched(values)
    if values.shape[2] == 4:
        if values[..., 3].min() < np.iinfo(values.dtype).max:
            raise ImageError(f"{kind} with transparent pixels; expected an opaque picture")
        values = values[..., :3]
    return _stretched(values.astype(np.float32) @ np.array([0.114, 0.587, 0.299], np.float32))  # blue, green, red


def _stretched(values: Shaped[np.ndarray, "height width"]) -> UInt8[np.ndarray, "height width"]:
    """Stretch values of 16 bits, or of 32 bits in any unit, to 8 bits."""
    low, high = np.percentile(values, STRETCH)
    whole = values.dtype.kind in "iu" or float(values.max()) > 1  # numbers up to 1 have no levels of 16 bits
    if high - low < (LEAST_RANGE if whole else LEAST_RANGE / 65535):
        raise ImageError(f"picture of one grey: its values lie within {high - low:.4g} of {low:.5g}")
    return np.rint(np.clip((values - low) * (255 / (high - low)), 0, 255)).astype(np.uint8)


def moved_by(
    values: Shaped[np.ndarray, "height width"], x: float, y: float, border: int = cv2.BORDER_CONSTANT
) -> Shaped[np.ndarray, "height width"]:
    """Return values moved by (x, y) pixels, interpolated linearly.

    Parameters
    ----------
    values
        Picture, mask or probabilities, [row, column].
    x, y
        Pixels to the right and down.
    border
        What appears where nothing was, a border type of OpenCV; by default 0.
    """
    if not x and not y:
        return values
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float64)
    return cv2.warpAffine(values, matrix, values.shape[::-1], flags=cv2.INTER_LINEAR, borderMode=border)
