"""Memory that opening a product needed once, and that goes back to the system (GNU libc only; elsewhere nothing)."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pyarrow as pa

# Parameters of mallopt (malloc.h).
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
_ARENA_MAX = -8
_ARENAS = 2  # by default eight a core, each of which keeps what its threads needed once
_LARGEST = 1 << 25  # bytes; the most that the library allows for the second


@contextmanager
def frugal() -> Iterator[None]:
    """Open a product with little work for the system, then give back the memory that only opening needed.

    Blocks of some MB are needed again and again. If each came from the system and went back to it, its pages would be
    cleared every time, which takes a third of the time of opening.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    _set(_ARENA_MAX, _ARENAS)
    _set(_MMAP_THRESHOLD, _LARGEST)
    _set(_TRIM_THRESHOLD, 1 << 28)
    try:
        yield
    finally:
        _set(_TRIM_THRESHOLD, 1 << 17)
        give_back()


def give_back() -> None:
    """Give back what is free, and what only circles of references hold, such as the footers of closed files."""
    gc.collect()
    trim()


def trim() -> None:
    """Give back what is free; it takes a few milliseconds."""
    pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _set(parameter: int, value: int) -> None:
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(parameter, value)
