"""Conversion of stored label values to integers of the smallest unsigned type.

Arrays have the stored axes (i, j, k) unless a docstring states otherwise.
"""

import numpy as np
from jaxtyping import UInt, UInt8

from cxrfactory.errors import ImageError
from cxrfactory.imaging.volume.stored import StoredVolume

LARGEST_LABEL = 65535

# A scaled label counts as an integer if rounding changes it by at most this. Slopes such as 1/255 are stored in single
# precision, so scaled labels are not exact.
_WHOLE_TOLERANCE = 1e-3


def whole_labels(stored: StoredVolume) -> tuple[UInt[np.ndarray, "i j k"], int]:
    """Return the labels in the smallest unsigned dtype (uint8 or uint16), and the largest label.

    Raises
    ------
    ImageError
        If labels are not integers, negative, or above 65535.
    """
    values, slope, intercept = stored.values, stored.slope, stored.intercept
    if values.dtype.kind == "f" or (slope, intercept) != (1, 0):
        values = _rounded(values, slope, intercept)
    low, high = (0 if values.dtype.kind == "u" else int(values.min())), int(values.max())
    if low < 0:
        raise ImageError(f"labels from {low} to {high}; expected none below 0")
    if high > LARGEST_LABEL:
        raise ImageError(f"labels up to {high}; expected at most {LARGEST_LABEL}")
    return values.astype(np.uint8 if high <= 255 else np.uint16, copy=False), high


def as_binary(values: UInt[np.ndarray, "i j k"], largest: int) -> UInt8[np.ndarray, "i j k"]:
    """Convert labels of 0 and one other value to 0 and 1; 8-bit labels are changed in place.

    Parameters
    ----------
    values
        Labels (i, j, k).
    largest
        Largest value in them.

    Raises
    ------
    ImageError
        If a third value occurs.
    """
    if largest > 1:
        # The loop works slice by slice, because comparisons of the whole volume would triple the memory.
        for k in range(values.shape[2]):
            part = values[:, :, k]
            marked = part == largest
            if np.count_nonzero(part) != np.count_nonzero(marked):
                raise ImageError(
                    "a binary label volume with several values; expected 0 and one other, for one structure (a volume "
                    "of many is given by itself and not in a folder)"
                )
            part[...] = marked
    return values.astype(np.uint8, copy=False)


def present_values(values: UInt[np.ndarray, "z y x"]) -> tuple[int, ...]:
    """Return the label values other than 0 that occur in a volume [z, y, x], in increasing order.

    Values are counted slice by slice to limit the memory, because counting converts them to 64 bits.
    """
    size = np.iinfo(values.dtype).max + 1
    counts = np.zeros(size, np.int64)
    for plane in values:
        counts += np.bincount(plane.ravel(), minlength=size)
    return tuple(int(value) for value in np.flatnonzero(counts) if value)


def _rounded(values: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    """Convert decimal or scaled labels to int32, slice by slice to limit the memory.

    Raises
    ------
    ImageError
        If labels are not finite, not integers, or outside the range of int32.
    """
    whole = np.empty(values.shape, np.int32, order="F")
    for k in range(values.shape[2]):
        scaled = values[:, :, k] * slope + intercept
        if not (np.abs(scaled) < 2**31).all():
            raise ImageError(f"labels that are not finite or far above {LARGEST_LABEL}; expected whole numbers")
        rounded = np.rint(scaled)
        broken = int(np.count_nonzero(np.abs(scaled - rounded) > _WHOLE_TOLERANCE))
        if broken:
            raise ImageError(f"{broken} voxels of one slice hold labels that are not whole; expected whole numbers")
        whole[:, :, k] = rounded
    return whole
