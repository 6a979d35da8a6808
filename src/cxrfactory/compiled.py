"""Compiled loops, for every floor."""

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable | None = None, *, signature: Any = None) -> Any:
    """Compile a loop with numba, once for all processes; without a writable cache folder, once for this process.

    Without a signature it is compiled on first use for the types met; with one at import. The interpreter's
    lock is released while it runs.
    """
    if function is None:
        return lambda later: compiled(later, signature=signature)
    types = () if signature is None else (signature,)
    try:
        return numba.njit(*types, cache=True, nogil=True)(function)
    except RuntimeError:  # numba found no folder for its cache, e.g. a read-only installation
        return numba.njit(*types, nogil=True)(function)
