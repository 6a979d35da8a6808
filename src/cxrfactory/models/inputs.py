"""From 8-bit images to network input."""

import numpy as np
from jaxtyping import Float, UInt8


def to_input(image: UInt8[np.ndarray, "h w"], input_size: int) -> Float[np.ndarray, "s s"]:
    """Scale a square 8-bit image to the network's side, float32 in [0, 1].

    Shrinking averages areas; enlarging interpolates linearly. Pixel centres keep their place as fractions of
    the side, so that landmarks are ``fraction * side - 0.5`` in every frame.
    """
    import cv2

    values = image.astype(np.float32)  # not resized in 8 bits: a film and its negative would round to different sides
    if image.shape != (input_size, input_size):
        method = cv2.INTER_AREA if image.shape[0] > input_size else cv2.INTER_LINEAR
        values = cv2.resize(values, (input_size, input_size), interpolation=method)
    return values / np.float32(255)


def to_fractions(points: Float[np.ndarray, "*n 2"], size: int) -> Float[np.ndarray, "*n 2"]:
    """(x, y) pixels of a ``size`` x ``size`` frame to fractions of the side."""
    return (points + 0.5) / size


def to_pixels(fractions: Float[np.ndarray, "*n 2"], size: int) -> Float[np.ndarray, "*n 2"]:
    """Fractions of the side to (x, y) pixels of a ``size`` x ``size`` frame; inverse of :func:`to_fractions`."""
    return fractions * size - 0.5
