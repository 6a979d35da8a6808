"""Pictures for the page: scaled and encoded, with the last ones kept in memory."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

import cv2
import numpy as np
from jaxtyping import UInt8

from cxrfactory.browse.faults import BadRequest
from cxrfactory.products.browsed import Browsed

ENCODED_BYTES = 16 << 20
DECODED_BYTES = 8 << 20
LARGEST_SIZE = 8_192  # pixels
JPEG_QUALITY = 90
KINDS = ("image", "segmented")
_AT_ONCE = 2  # pictures that are decoded at the same time; each of 20 Mpx takes 100 MB for a moment


class Kept:
    """The last values by key, up to a number of bytes; several threads may use it.

    Parameters
    ----------
    most
        Bytes to keep.
    size
        Function from a value to its bytes.
    """

    def __init__(self, most: int, size: Callable[[object], int]) -> None:
        self._most, self._size, self._used = most, size, 0
        self._values: OrderedDict[Hashable, object] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> object | None:
        """Return a value, which then counts as the last one used."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key]

    def put(self, key: Hashable, value: object) -> None:
        """Keep a value; the values that were not used for the longest time make room."""
        size = self._size(value)
        if size > self._most:
            return
        with self._lock:
            if key in self._values:
                return
            self._values[key] = value
            self._used += size
            while self._used > self._most:
                _, old = self._values.popitem(last=False)
                self._used -= self._size(old)


class Pictures:
    """Encoded pictures of one product.

    Parameters
    ----------
    product
        The product.
    """

    def __init__(self, product: Browsed) -> None:
        self._product = product
        self._encoded = Kept(ENCODED_BYTES, len)  # type: ignore[arg-type]
        self._decoded = Kept(DECODED_BYTES, lambda each: each.nbytes)  # type: ignore[attr-defined]
        self._working = threading.Semaphore(_AT_ONCE)

    def jpeg(self, key: int, kind: str, size: int) -> bytes:
        """Return a picture as JPEG.

        Parameters
        ----------
        key
            Key of the row.
        kind
            One of :data:`KINDS`.
        size
            Length of the longest side at most, pixels; 0 for the full size. Small pictures are not enlarged.

        Raises
        ------
        CxrError
            If the picture is not there, or the request is out of bounds.
        """
        if kind not in KINDS:
            raise BadRequest(f"kind: expected one of {', '.join(KINDS)}")
        if not 0 <= size <= LARGEST_SIZE:
            raise BadRequest(f"size {size}; expected 0 to {LARGEST_SIZE}")
        found = self._encoded.get((key, kind, size))
        if found is None:
            with self._working:
                found = _encoded(_scaled(self._pixels(key, kind), size))
            self._encoded.put((key, kind, size), found)
        return found  # type: ignore[return-value]

    def _pixels(self, key: int, kind: str) -> UInt8[np.ndarray, "height width"]:
        pixels = self._decoded.get((key, kind))
        if pixels is None:
            pixels = self._product.picture(key, kind)
            self._decoded.put((key, kind), pixels)
        return pixels  # type: ignore[return-value]


def _scaled(pixels: UInt8[np.ndarray, "height width"], size: int) -> UInt8[np.ndarray, "rows columns"]:
    longest = max(pixels.shape)
    if not size or longest <= size:
        return pixels
    height, width = (max(1, round(side * size / longest)) for side in pixels.shape)
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)


def _encoded(pixels: UInt8[np.ndarray, "height width"]) -> bytes:
    done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise BadRequest("the picture cannot be encoded as JPEG")
    return data.tobytes()
