"""Values of Arrow arrays as numpy arrays, and words as Arrow arrays, without pandas.

PyArrow loads pandas, which takes a quarter of a second and 40 MB, as soon as it turns an array into numpy or Python
values into Arrow. A program that opens a table to show it needs neither: numbers lie in memory as numpy has them.
"""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Shaped


def numbers(values: pa.Array | pa.ChunkedArray, empty: float | None = None) -> Shaped[np.ndarray, "rows"]:
    """Return numbers or truth values as numpy has them.

    Parameters
    ----------
    values
        Whole numbers, floats or truth values.
    empty
        What stands for a missing value; None where there is none, else the values are undefined there.

    Returns
    -------
    An array of the same type, read-only where it shares the memory of ``values``.
    """
    if isinstance(values, pa.ChunkedArray):
        found = [numbers(chunk, empty) for chunk in values.chunks]
        return found[0] if len(found) == 1 else np.concatenate([np.zeros(0, _kind(values.type)), *found])
    bits, stored = values.buffers()
    first, count = values.offset, len(values)
    if stored is None:
        found = np.zeros(count, _kind(values.type))
    elif pa.types.is_boolean(values.type):
        found = _truth(stored, first, count)
    else:
        found = np.frombuffer(stored, _kind(values.type), first + count)[first:]
    if empty is None or not values.null_count:
        return found
    return np.where(_truth(bits, first, count), found, np.array(empty, found.dtype))


def word_array(texts: Sequence[str]) -> pa.StringArray:
    """Return texts as an Arrow array."""
    encoded = [text.encode() for text in texts]
    starts = np.array([0, *accumulate(map(len, encoded))], np.int32)
    return pa.Array.from_buffers(
        pa.string(), len(encoded), [None, pa.py_buffer(starts), pa.py_buffer(b"".join(encoded))]
    )


def _kind(kind: pa.DataType) -> np.dtype:
    return np.dtype(kind.to_pandas_dtype())  # of numpy, in spite of its name


def _truth(bits: pa.Buffer, first: int, count: int) -> Bool[np.ndarray, "rows"]:
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=first + count, bitorder="little")[first:].view(bool)
