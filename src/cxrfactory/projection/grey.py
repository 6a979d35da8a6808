"""Convert path integrals to stored pictures: 8 bits as in the paper, and 16 bits with a physical scale.

In both, more attenuation is brighter, as usual for radiographs: bone is white.
"""

import numpy as np
from jaxtyping import Float, Float32, UInt8, UInt16

from cxrfactory.errors import CxrError

COUNTS_PER_UNIT = 4096  # 16-bit counts for a path integral of 1; 65535 represents 16.0, about 80 cm of water
_WHITE_16 = 65535


def to_8bit(path_integral: Float[np.ndarray, "rows columns"]) -> UInt8[np.ndarray, "rows columns"]:
    """Scale a picture from its own minimum and maximum to 0..255 (the paper's section 3.3).

    Grey values of different pictures are not comparable; use :func:`to_16bit` for comparable values. A constant picture
    becomes 0 everywhere.

    Raises
    ------
    CxrError
        If a value is not finite.
    """
    values = path_integral.astype(np.float64)
    low, high = values.min(), values.max()
    if not np.isfinite([low, high]).all():
        raise CxrError("the path integrals hold values that are no finite numbers; expected finite ones")
    if low == high:
        return np.zeros(values.shape, np.uint8)
    return np.rint((values - low) * (255 / (high - low))).astype(np.uint8)


def to_16bit(
    path_integral: Float[np.ndarray, "rows columns"], counts_per_unit: float = COUNTS_PER_UNIT
) -> tuple[UInt16[np.ndarray, "rows columns"], int]:
    """Convert path integrals to 16-bit counts on a scale that is the same for every CT.

    Parameters
    ----------
    path_integral
        Dimensionless path integrals, at least 0.
    counts_per_unit
        Number of counts for a path integral of 1.

    Returns
    -------
    tuple
        The counts, and the number of saturated pixels: values above 65535 counts, which are stored as 65535.

    Raises
    ------
    CxrError
        If a value is negative or not finite, or the counts are not positive.
    """
    if not 0 < counts_per_unit < np.inf:
        raise CxrError(f"{counts_per_unit} counts for a path integral of 1; expected a positive number")
    counts = np.rint(path_integral.astype(np.float64) * counts_per_unit)
    if not (np.isfinite(counts).all() and (counts >= 0).all()):
        raise CxrError(f"path integrals from {counts.min()} counts; expected finite values, at least 0")
    saturated = int((counts > _WHITE_16).sum())
    return np.minimum(counts, _WHITE_16).astype(np.uint16), saturated


def from_16bit(
    counts: UInt16[np.ndarray, "rows columns"], counts_per_unit: float = COUNTS_PER_UNIT
) -> Float32[np.ndarray, "rows columns"]:
    """Convert counts back to path integrals; the error is at most half a count, except at saturated pixels."""
    return (counts.astype(np.float64) / counts_per_unit).astype(np.float32)
