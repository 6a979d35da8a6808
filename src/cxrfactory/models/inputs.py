"""Conversion of 8-bit images to network input, and of coordinates between pixels and fractions of the side."""

import numpy as np
from jaxtyping import Float, Int, UInt8


def to_input(image: UInt8[np.ndarray, "h w"], input_size: int | tuple[int, int]) -> Float[np.ndarray, "r c"]:
    """Scale a square 8-bit image to the network's side, or to (rows, columns), as float32 in [0, 1].

    Shrinking averages areas; enlarging interpolates linearly. Pixel centres keep their position as fractions of the
    side, so landmarks are ``fraction * side - 0.5`` in every frame.
    """
    import cv2

    values = image.astype(np.float32)  # resizing in 8 bits would round an image and its negative in opposite ways
    rows, columns = (input_size, input_size) if isinstance(input_size, int) else input_size
    if image.shape != (rows, columns):
        method = cv2.INTER_AREA if image.shape[0] > max(rows, columns) else cv2.INTER_LINEAR
        values = cv2.resize(values, (columns, rows), interpolation=method)
    return values / np.float32(255)


def to_fractions(points: Float[np.ndarray, "*n 2"], size: int) -> Float[np.ndarray, "*n 2"]:
    """Convert (x, y) in pixels of a ``size`` x ``size`` frame to fractions of the side."""
    return (points + 0.5) / size


def to_pixels(fractions: Float[np.ndarray, "*n 2"], size: int | Int[np.ndarray, " 2"]) -> Float[np.ndarray, "*n 2"]:
    """Convert fractions of the sides to (x, y) in pixels of a frame of a side, or of [columns, rows]."""
    return fractions * size - 0.5
