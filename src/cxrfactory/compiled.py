"""Compilation of numeric loops with numba; every layer of the package may use it."""

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable | None = None, *, signature: Any = None) -> Any:
    """Compile a function with numba; use it as a decorator, with or without arguments.

    The compiled code is cached on disk and shared by all processes. If no cache folder is writable, each process
    compiles the function again. The interpreter's lock is released while the function runs.

    Parameters
    ----------
    function
        Function to compile; None if the decorator is used with arguments.
    signature
        Numba signature. With a signature the function is compiled at import, without one on its first call for the
        types of that call's arguments.
    """
    if function is None:
        return lambda later: compiled(later, signature=signature)
    types = () if signature is None else (signature,)
    try:
        return numba.njit(*types, cache=True, nogil=True)(function)
    except RuntimeError:  # numba found no writable folder for its cache, e.g. in a read-only installation
        return numba.njit(*types, nogil=True)(function)
