"""The device that a network runs on, and its number of threads."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache

import torch

from cxrfactory.errors import CxrError

# Options of glibc's mallopt (malloc.h): the parameter, and its value in bytes. The second value is its maximum.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = (-1, 1 << 29), (-3, 1 << 25)


def choose_device(name: str) -> torch.device:
    """Return the named device; ``auto`` is CUDA where there is a CUDA device, else the CPU.

    Raises
    ------
    CxrError
        If the name is unknown, or CUDA is requested and not available.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise CxrError(f"device is '{name}'; expected 'auto', 'cpu' or 'cuda'")
    if name == "cuda" and not torch.cuda.is_available():
        raise CxrError("device is 'cuda' but torch finds no CUDA device; use 'auto' or 'cpu'")
    _keep_freed_memory()
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


@cache
def _keep_freed_memory() -> None:
    """Make the C library keep up to half a gigabyte of freed memory for the next image.

    Without this, the kernel provides new memory for every feature map and zeroes it page by page, which takes a fifth
    of the time of inference on a CPU. The setting applies only to Linux with glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        for setting, value in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
            mallopt(setting, value)


@contextmanager
def fixed_threads(count: int) -> Iterator[None]:
    """Let torch use a fixed number of threads inside the block, because the order of summation depends on it."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def single_threaded() -> AbstractContextManager[None]:
    """Let torch use one thread inside the block, so that the order of summation is the same on every machine."""
    return fixed_threads(1)
