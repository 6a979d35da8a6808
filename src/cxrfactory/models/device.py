"""Where a network runs, and with how many threads."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from cxrfactory.errors import CxrError


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
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


@contextmanager
def single_threaded() -> Iterator[None]:
    """Let torch use one thread inside the block, so that sums have one order whatever the machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
