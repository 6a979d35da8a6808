"""Large arrays in a temporary file without a name, so that memory holds the parts in use and no more.

The arrays are mapped: the system reads a part when it is used, and may drop it from memory at any time. After each
request the parts leave the process (``MADV_DONTNEED``); they stay in the system's cache of files as long as nothing
else needs that memory, and using them again costs a fraction of a millisecond.
"""

import mmap
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from cxrfactory.products.browsed import Index, NumberColumn
from cxrfactory.products.memory import trim

_TRIM_EVERY = 0.25  # seconds
LEAST_BYTES = 1 << 18  # smaller arrays stay in memory


class Mapped:
    """A temporary file of arrays, in the folder for such files (``TMPDIR``)."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (its maps live as long as the server)
        self._size = 0
        self._maps: list[mmap.mmap] = []
        self._lock = threading.Lock()
        self._trimmed = 0.0

    def array(self, values: np.ndarray) -> np.ndarray:
        """Return the same values, mapped and read-only; small arrays, and all arrays if the disk is full, as given."""
        if 0 in values.strides or values.nbytes < LEAST_BYTES:
            return values
        found = self._mapped(np.ascontiguousarray(values).reshape(-1).view(np.uint8))
        return values if found is None else np.frombuffer(found, values.dtype).reshape(values.shape)

    def index(self, index: Index) -> Index:
        """Return the same rows, with mapped numbers and ids."""
        columns = {
            name: replace(each, values=self.array(each.values)) if isinstance(each, NumberColumn) else each
            for name, each in index.columns.items()
        }
        return replace(index, ids=self._words(index.ids), columns=columns)

    def rest(self) -> None:
        """Let all parts leave the process, and at times what the requests before have freed."""
        if (now := time.monotonic()) > self._trimmed + _TRIM_EVERY:
            self._trimmed = now
            trim()
        if hasattr(mmap, "MADV_DONTNEED"):
            with self._lock:
                for each in self._maps:
                    each.madvise(mmap.MADV_DONTNEED)

    def _words(self, words: pa.Array) -> pa.Array:
        if not isinstance(words, pa.StringArray) or words.null_count or words.nbytes < LEAST_BYTES:
            return words
        whole = pa.concat_arrays([words]) if words.offset else words
        buffers: Sequence[pa.Buffer] = whole.buffers()[1:]
        found = [self._mapped(np.frombuffer(each, np.uint8)) for each in buffers]
        if any(each is None for each in found):
            return words
        return pa.Array.from_buffers(words.type, len(words), [None, *map(pa.py_buffer, found)])

    def _mapped(self, data: np.ndarray) -> mmap.mmap | None:
        with self._lock:
            try:
                self._file.seek(self._size)
                self._file.write(data)
                self._file.flush()
                found = mmap.mmap(self._file.fileno(), len(data), access=mmap.ACCESS_READ, offset=self._size)
            except OSError:
                return None
            grain = mmap.ALLOCATIONGRANULARITY
            self._size += -(-len(data) // grain) * grain
            self._maps.append(found)
            return found
