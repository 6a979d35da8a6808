"""Memory that opening a product needed once, and that goes back to the system (GNU libc only; elsewhere nothing)."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pyarrow as pa

# Parameters of mallopt (malloc.h).
_MMAP_THRESHOLD = -3
_ARENA_MAX = -8
_ARENAS = 2  # by default eight a core, each of which keeps what its threads needed once


@contextmanager
def frugal() -> Iterator[None]:
    """Let large blocks of memory go back to the system as soon as they are free, because opening needs many once.

    Requests need them again and again; then that would cost more than it saves.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    _set(_ARENA_MAX, _ARENAS)
    _set(_MMAP_THRESHOLD, 1 << 18)
    try:
        yield
    finally:
        _set(_MMAP_THRESHOLD, 1 << 25)
        give_back()


def give_back() -> None:
    """Give back what is free, and what only circles of references hold, such as the footers of closed files."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _set(parameter: int, value: int) -> None:
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(parameter, value)
