"""Check that a JPEG is complete: libjpeg fills missing data with grey, so its warnings are errors here.

JPEG (ITU-T T.81) has no checksum. A decoder only notices data that ends early, is left over, or is inconsistent.
"""

import numpy as np
import simplejpeg
from jaxtyping import UInt8

from cxrfactory.errors import ImageError

# A damaged colour profile does not affect the pixels, but libjpeg would report it instead of a later warning.
_PROFILE, _NO_PROFILE = b"ICC_PROFILE\0", b"ICC-PROFILE\0"
_DAMAGE = ("Corrupt JPEG data", "Premature end", "Inconsistent progression", "Invalid SOS parameters")


def decode_grey_jpeg(data: bytes) -> UInt8[np.ndarray, "height width"]:
    """Decode the luminance of an 8-bit JPEG; a stream that causes a libjpeg warning is refused.

    Raises
    ------
    ImageError
        If the stream is damaged, ends early, has surplus bytes before its end, or uses a JPEG process that
        libjpeg-turbo does not support.
    """
    try:
        return simplejpeg.decode_jpeg(data.replace(_PROFILE, _NO_PROFILE), "GRAY", strict=True)[..., 0]
    except ValueError as error:
        raise ImageError(f"truncated or damaged JPEG: {error}") from error


def refuse_damaged_jpeg(data: bytes) -> None:
    """Refuse a damaged JPEG stream; streams that libjpeg-turbo does not support (12 bits, JPEG-LS) are not checked.

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
