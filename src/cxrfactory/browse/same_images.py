"""The same images in two tables, found by dataset and image id."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Integer

from cxrfactory.products.browsed import Index
from cxrfactory.tables.arrow_values import numbers


def same_images(mine: Index, theirs: Index) -> Integer[np.ndarray, "rows"]:
    """Return the key of each image in another index, int32 [rows of mine], -1 where that lacks it.

    Images are the same if their datasets and ids are. Two indices of one dataset each may have different names for it.
    """
    found = np.full(len(mine), -1, np.int32)
    words, others = list(mine.datasets.words), list(theirs.datasets.words)
    for code, word in enumerate(words):
        other = (
            0 if word not in others and len(words) == len(others) == 1 else others.index(word) if word in others else -1
        )
        rows = np.flatnonzero(mine.datasets.codes == code)
        there = np.flatnonzero(theirs.datasets.codes == other) if other >= 0 else rows[:0]
        if len(rows) and len(there):
            inside = numbers(pc.index_in(_taken(mine.ids, rows), value_set=_taken(theirs.ids, there)), -1)
            found[rows] = np.where(inside >= 0, there[np.maximum(inside, 0)], -1)
    return found


def _taken(values: pa.Array, rows: Integer[np.ndarray, "n"]) -> pa.Array:
    """Return some values of an Arrow array; rows that follow one another are not copied."""
    if rows[-1] - rows[0] + 1 == len(rows):
        return values.slice(int(rows[0]), len(rows))
    places = pa.py_buffer(np.ascontiguousarray(rows, np.int64))
    return values.take(pa.Array.from_buffers(pa.int64(), len(rows), [None, places]))
