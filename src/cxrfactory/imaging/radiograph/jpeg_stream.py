"""Is a JPEG whole? libjpeg fills up with grey what a stream lacks; here its warnings are errors.

JPEG (ITU-T T.81) has no checksum. What a decoder notices is data that ends early, is left over, or makes no sense.
"""

import numpy as np
import simplejpeg
from jaxtyping import UInt8

from cxrfactory.errors import ImageError

# A torn colour profile says nothing of the pixels, but would be the one warning that is heard.
_PROFILE, _NO_PROFILE = b"ICC_PROFILE\0", b"ICC-PROFILE\0"
_DAMAGE = ("Corrupt JPEG data", "Premature end", "Inconsistent progression", "Invalid SOS parameters")


def decode_grey_jpeg(data: bytes) -> UInt8[np.ndarray, "height width"]:
    """Decode the luminance of a JPEG of 8 bits; any warning of libjpeg's refuses it.

    Raises
    ------
    ImageError
        If the stream is damaged, ends early, has bytes too many before its end, or is of a process that libjpeg-turbo
        does not know.
    """
    try:
        return simplejpeg.decode_jpeg(data.replace(_PROFILE, _NO_PROFILE), "GRAY", strict=True)[..., 0]
    except ValueError as error:
        raise ImageError(f"truncated or damaged JPEG: {error}") from error


def refuse_damaged_jpeg(data: bytes) -> None:
    """Refuse a damaged JPEG stream; one that libjpeg-turbo does not know (12 bits, JPEG-LS) is left to its decoder.

    Raises
    ------
    ImageError
        If libjpeg warns of damage.
    """
    try:
        decode_grey_jpeg(data)
    except ImageError as error:
        if str(error.__cause__).startswith(_DAMAGE):
            raise
