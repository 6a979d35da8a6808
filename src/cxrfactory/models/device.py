"""Where a network runs, and with how many threads."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch

from cxrfactory.errors import CxrError

# glibc's mallopt (malloc.h): which setting, and its value in bytes. The second has no larger value.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = (-1, 1 << 29), (-3, 1 << 25)


def choose_device(name: str) -> torch.device:
    """``auto`` is CUDA where there is one, else the CPU.

    Raises
    ------
    CxrError
        If the name is unknown, or CUDA is asked for and not there.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise CxrError(f"device is '{name}'; expected 'auto', 'cpu' or 'cuda'")
    if name == "cuda" and not torch.cuda.is_available():
        raise CxrError("device is 'cuda' but torch finds no CUDA device; use 'auto' or 'cpu'")
    _keep_freed_memory()
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


@cache
def _keep_freed_memory() -> None:
    """Have the C library keep what is freed, up to half a gigabyte, for the next image.

    Else every feature map is new memory from the kernel, zeroed page by page: a fifth of the time of inference on a
    CPU. Done on Linux with glibc alone.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        for setting, value in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
            mallopt(setting, value)


@contextmanager
def single_threaded() -> Iterator[None]:
    """Let torch use one thread inside the block, so that sums have one order whatever the machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
