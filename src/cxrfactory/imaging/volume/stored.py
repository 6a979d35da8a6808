"""A volume as stored in its file, and checks that every reader of volume files makes."""

import math
import zlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import ImageError

LARGEST_VOXELS = 1 << 31  # four times the longest whole-body CT; a header that states more is damaged or malicious
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])  # in DICOM and ITK x grows to the patient's left and y to the back


@dataclass
class StoredVolume:
    """A volume as stored in its file.

    Attributes
    ----------
    values
        Array (i, j, k), the file's fastest axis first, in the stored dtype and native byte order.
    affine
        Matrix from index (i, j, k) to world (x, y, z) in mm, RAS+; None if the file states no orientation.
    lacking
        Reason why there is no affine; empty if there is one.
    slope, intercept
        Scaling of the values: real value = slope * stored + intercept.
    notes
        Remarks on the reading, such as ignored files.
    conflict
        What the file states twice and differently about its orientation; empty if nothing contradicts.
    names
        Value and name of each label, as text, that the file's header holds; None if it holds none.
    """

    values: np.ndarray
    affine: Float[np.ndarray, "4 4"] | None
    lacking: str = ""
    slope: float = 1.0
    intercept: float = 0.0
    notes: tuple[str, ...] = ()
    conflict: str = ""
    names: list[tuple[str, str]] | None = None


@dataclass
class StoredSlice:
    """A volume of one slice or a picture of two dimensions, as stored in its file.

    Attributes
    ----------
    volume
        Values (i, j, k), one of whose sizes is 1, and what :class:`StoredVolume` says about them.
    spacing
        Distance of neighbouring pixels along i, j and k.
    in_mm
        Whether the file says that this distance is in mm.
    """

    volume: StoredVolume
    spacing: tuple[float, float, float]
    in_mm: bool


def check_voxels(shape: tuple[int, ...], name: str) -> None:
    """Refuse a volume of more than :data:`LARGEST_VOXELS` voxels before memory is allocated for it.

    Raises
    ------
    ImageError
        If the volume has more voxels.
    """
    if math.prod(map(int, shape)) > LARGEST_VOXELS:
        raise ImageError(f"{name}: {' x '.join(map(str, shape))} voxels; expected at most {LARGEST_VOXELS}")


def three_axes(shape: tuple[int, ...], name: str) -> tuple[int, int, int]:
    """Return the three sizes of a volume; further axes must have size 1.

    Raises
    ------
    ImageError
        If there are fewer or more axes, an axis is empty, or the volume is too large.
    """
    if len(shape) < 3 or any(length != 1 for length in shape[3:]):
        raise ImageError(f"{name}: {' x '.join(map(str, shape))} voxels; expected one volume of 3 dimensions")
    if min(shape) < 1:
        raise ImageError(f"{name}: {' x '.join(map(str, shape))} voxels; expected at least one along each axis")
    check_voxels(shape, name)
    return shape[:3]  # type: ignore[return-value]


def one_slice(shape: tuple[int, ...], name: str) -> tuple[int, int, int]:
    """Return the three sizes of a volume of one slice; a picture of two dimensions gets a third one.

    Raises
    ------
    ImageError
        If there are several slices, an axis is empty, or the picture is too large.
    """
    sizes = three_axes((*shape, *(1,) * (3 - len(shape))) if len(shape) > 1 else shape, name)
    if 1 not in sizes:
        raise ImageError(
            f"{name}: a volume of {' x '.join(map(str, sizes))} voxels; expected one slice, of a radiograph; project a "
            "CT and its labels first (python -m cxrfactory project)"
        )
    return sizes


def three_or_four_axes(shape: tuple[int, ...], name: str) -> tuple[int, ...]:
    """Return the three sizes of a volume, or the four of a volume over time; further axes must have size 1.

    Time may be a later axis than the fourth (:func:`time_axis`), as programs write that leave the fourth to slices.

    Raises
    ------
    ImageError
        As :func:`three_axes`.
    """
    axis = time_axis(shape)
    if axis is None:
        return three_axes(shape, name)
    check_voxels(shape, name)
    return (*three_axes(shape[:3], name), shape[axis])


def time_axis(shape: tuple[int, ...]) -> int | None:
    """Return the only axis after the third that is longer than 1; None if there is none, or several."""
    longer = [axis for axis, length in enumerate(shape) if axis > 2 and length > 1]
    return longer[0] if len(longer) == 1 else None


def reason_of(error: Exception) -> str:
    """Describe an error without quoting the file, because messages of other libraries contain header values."""
    if isinstance(error, EOFError | zlib.error):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"damaged header or data, {type(error).__name__}"
