"""Pixels of a radiograph that its header says are no image (PS3.3 C.7.5.1.1.2)."""

import numpy as np
from jaxtyping import Bool, Shaped

from cxrfactory.imaging.dicom_layout import WordLayout

LARGEST_SHARE = 0.95  # a padding value that covers more is not believed
_NEAR = 0.01  # share of the picture's range; padding values further away cannot be grey values of the picture
_WORTH_A_NOTE = 0.001  # share of the pixels

Mask = Bool[np.ndarray, "height width"]


def find_padding(stored: Shaped[np.ndarray, "height width"], layout: WordLayout, notes: list[str]) -> Mask | None:
    """Return where stored values are padding; None if the header names no padding value or no pixel has it.

    Padding is compared with stored values, before any table or window. If its value could also be a grey value of the
    picture, such as 0 or the largest one, only pixels from which the value reaches the edge of the image along the row
    and along the column are padding, which is all around a convex field: the same value inside is a grey value. A
    padding value that covers more than :data:`LARGEST_SHARE` of the image is ignored with a note.

    Parameters
    ----------
    stored
        Stored values.
    layout
        What the header says about them.
    notes
        Gets a line for each thing that was decided.
    """
    found = layout.is_padding(stored)
    if found is None or not found.any():
        return None
    share = float(found.mean())
    if share > LARGEST_SHARE:
        notes.append(f"{share:.0%} of its pixels have the padding value, which is ignored")
        return None
    low, high = (int(bound) for bound in _range(stored, found))
    margin = _NEAR * (high - low)
    first, last = layout.padding or (0, 0)
    if last < low - margin or first > high + margin:
        return found
    at_edge = free_to_edge(found)
    inside = float(found.mean() - at_edge.mean())
    if inside > _WORTH_A_NOTE:
        notes.append(
            f"its padding value is also in {inside:.1%} of the pixels inside the picture, which are kept as image"
        )
    return at_edge if at_edge.any() else None


def darken(pixels: Shaped[np.ndarray, "height width"], padding: Mask | None, inverted: bool) -> np.ndarray:
    """Invert the picture if asked, and give padding its darkest value; padding does not enter the range."""
    if padding is None:
        return pixels.max() - pixels + pixels.min() if inverted else pixels
    low, high = _range(pixels, padding)
    pixels = np.where(padding, high if inverted else low, pixels)
    return high - pixels + low if inverted else pixels


def _range(pixels: np.ndarray, padding: Mask) -> tuple[np.generic, np.generic]:
    rest = pixels[~padding]
    return rest.min(), rest.max()


def free_to_edge(mask: Mask) -> Mask:
    """Return the pixels from which a mask reaches the edge of the image, along the row and along the column."""
    return _free_along(mask, 1) & _free_along(mask, 0)


def _free_along(mask: Mask, axis: int) -> Mask:
    forth = np.logical_and.accumulate(mask, axis=axis)
    back = np.flip(np.logical_and.accumulate(np.flip(mask, axis), axis=axis), axis)
    return forth | back
