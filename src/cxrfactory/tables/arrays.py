"""Safe reading of NumPy files from others: only arrays of numbers are accepted, and no stored code is executed.

The header is parsed here, because numpy's own reader also accepts archives and objects, allocates as much memory as the
header states, and lets errors of the tokenizer through. Source: numpy.lib.format, versions 1 to 3.
"""

import ast
import math
import re
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Float32

from cxrfactory.errors import ImageError

LARGEST_BYTES = 1 << 20  # size limit of a landmark file; the largest organ has 50 points

_MARK = b"\x93NUMPY"
_LENGTHS = {b"\1": "<H", b"\2": "<I", b"\3": "<I"}  # type of the header's length, by format version
_LONGEST_HEADER = 10_000
_KEYS = {"descr", "fortran_order", "shape"}
_PYTHON_2_LONG = re.compile(r"(?<=[0-9])L\b")
_DAMAGED = (OSError, ValueError, SyntaxError, TypeError, MemoryError, RecursionError, struct.error)


def read_numbers(path: Path, called: str) -> np.ndarray:
    """Read one array of numbers from a ``.npy`` file; objects (pickles) and archives of arrays are refused unread.

    Parameters
    ----------
    path
        The file.
    called
        Name of the file in error messages.

    Returns
    -------
    Read-only array of integers or floats, in the stored dtype.

    Raises
    ------
    ImageError
        If the file is missing, larger than a mebibyte, damaged, or does not hold an array of numbers.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise ImageError(f"landmark file of {size} bytes, expected {LARGEST_BYTES} at most: {called}")
        with path.open("rb") as stream:
            dtype, order, shape = _header(stream)
            data = stream.read()
    except _DAMAGED as error:
        raise ImageError(f"landmark file is unreadable: {called}") from error
    if dtype.kind not in "fiu":
        raise ImageError(f"landmark file has shape {shape}, {dtype}, expected numbers: {called}")
    needed = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or len(data) < needed:
        raise ImageError(f"landmark file is unreadable, it ends before its {shape} numbers do: {called}")
    return np.frombuffer(data[:needed], dtype).reshape(shape, order=order)


def read_points(path: Path, nodes: int) -> Float32[np.ndarray, "nodes 2"]:
    """Read the points (x, y) of one contour, pixels; error messages name the file with its folder.

    Raises
    ------
    ImageError
        If :func:`read_numbers` refuses the file, the shape is not (``nodes``, 2), or a coordinate is not finite in
        single precision.
    """
    name = f"{path.parent.name}/{path.name}"
    points = read_numbers(path, name)
    if points.shape != (nodes, 2):
        raise ImageError(f"landmark file has shape {points.shape}, {points.dtype}, expected ({nodes}, 2): {name}")
    with np.errstate(over="ignore"):
        points = points.astype(np.float32)
    if not np.isfinite(points).all():
        raise ImageError(f"landmark file holds numbers that are not finite: {name}")
    return points


def _header(stream: BinaryIO) -> tuple[np.dtype, str, tuple[int, ...]]:
    if stream.read(len(_MARK)) != _MARK:
        raise ValueError("not a .npy file")
    version = stream.read(2)[:1]
    if version not in _LENGTHS:
        raise ValueError("a format of another version")
    (length,) = struct.unpack(form := _LENGTHS[version], stream.read(struct.calcsize(form)))
    if length > _LONGEST_HEADER:
        raise ValueError("a header of any length")
    text = stream.read(length).decode("utf-8" if version == b"\3" else "latin-1")
    found = ast.literal_eval(_PYTHON_2_LONG.sub("", text).strip())
    if not isinstance(found, dict) or found.keys() != _KEYS:
        raise ValueError("a header without type, order and shape")
    shape = found["shape"]
    if not isinstance(shape, tuple) or not all(type(length) is int for length in shape):
        raise ValueError("a shape of other than numbers")
    dtype = np.dtype(found["descr"]) if isinstance(found["descr"], str) else np.dtype(object)
    if dtype.hasobject:
        raise ValueError("objects")
    return dtype, "F" if found["fortran_order"] else "C", shape
