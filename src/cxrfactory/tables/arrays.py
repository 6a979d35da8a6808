"""NumPy files of others: arrays of numbers, and nothing that runs."""

from pathlib import Path

import numpy as np

from cxrfactory.errors import ImageError

LARGEST_BYTES = 1 << 20  # of a file of landmarks; the largest organ has 50 points


def read_numbers(path: Path, called: str) -> np.ndarray:
    """Read one array of numbers from a ``.npy`` file; objects (pickles) and archives of arrays are refused unread.

    Parameters
    ----------
    path
        The file.
    called
        How messages name it.

    Raises
    ------
    ImageError
        If the file is missing, larger than a mebibyte, damaged, or holds something else.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ImageError(
                f"landmark file of {path.stat().st_size} bytes, expected {LARGEST_BYTES} at most: {called}"
            )
        with path.open("rb") as stream:
            numbers = np.lib.format.read_array(stream, allow_pickle=False)
    # MemoryError: the header claims more than there is.
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise ImageError(f"landmark file is unreadable: {called}") from error
    if numbers.dtype.kind not in "fiu":
        raise ImageError(f"landmark file has shape {numbers.shape}, {numbers.dtype}, expected numbers: {called}")
    return numbers
