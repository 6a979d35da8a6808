"""Files of masks: pictures without loss, whose values are read as the picture shows them."""

import struct
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Integer
from PIL import Image, UnidentifiedImageError

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.reading import refuse_dicom
from cxrfactory.tables.file_names import printable_name

FORMATS = ("PNG", "TIFF", "GIF", "BMP")
SUFFIXES = (".png", ".tif", ".tiff", ".gif", ".bmp")
FAULTS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    struct.error,
    UnidentifiedImageError,
    Image.DecompressionBombError,
)


def stem_of_mask(relative: str) -> str | None:
    """Return a path without the suffix of a mask format, in upper or lower case; None for another name."""
    suffix = PurePosixPath(relative).suffix
    return relative[: -len(suffix)] if suffix.lower() in SUFFIXES else None


def other_file(relative: str) -> str:
    """Return the reason why a file whose name is not that of a mask format is not read."""
    if relative.lower().endswith((".jpg", ".jpeg")):
        return "JPEG blurs the border of a mask; expected PNG, TIFF, GIF or BMP"
    return "not named like a picture of a mask; expected PNG, TIFF, GIF or BMP"


def read_mask(path: Path, label_map: bool = False) -> Integer[np.ndarray, "h w"]:
    """Read a mask or label map: [row, column], 0 outside.

    A picture with a palette of greys has the greys as values. A palette of colours gives its indices, if the first
    colour is black.

    Parameters
    ----------
    path
        File; the content decides its format.
    label_map
        Whether values have meanings. The values of a picture with a palette are then its indices, except for GIF,
        because programs reorder the palette of a GIF.

    Raises
    ------
    ImageError
        If the file cannot be read, has several frames, or shows colours.
    """
    name = printable_name(path.name)
    try:
        refuse_dicom(path)  # some preambles begin like a TIFF
        with Image.open(path, formats=FORMATS) as picture:
            if getattr(picture, "n_frames", 1) > 1:
                raise ImageError(f"{name} has {picture.n_frames} frames; expected one picture")
            picture.load()
            pixels = _values(picture, name, label_map)
    except ImageError:
        raise
    except FAULTS as error:
        raise ImageError(f"{name} is not readable as PNG, TIFF, GIF or BMP") from error
    if pixels.ndim == 3:
        colours = pixels[..., :3] if pixels.shape[2] > 2 else pixels[..., :1]
        if (colours != colours[..., :1]).any():
            raise ImageError(f"{name} is a colour picture; expected grey values, 0 outside the organ")
        pixels = colours[..., 0]
    return pixels


def _values(picture: Image.Image, name: str, label_map: bool) -> np.ndarray:
    if picture.mode != "P":
        return np.asarray(picture)
    indices = np.asarray(picture)
    palette = np.asarray(picture.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
    if label_map and picture.format != "GIF":
        return indices
    used = np.unique(indices)
    if used.max(initial=0) >= len(palette):
        raise ImageError(f"{name} has pixels without a colour in its palette")
    if (palette[used] == palette[used][:, :1]).all():
        return palette[indices, 0]
    if picture.format == "GIF" or palette[0].any():
        raise ImageError(f"{name} is a colour picture; expected grey values, 0 outside the organ")
    return indices
