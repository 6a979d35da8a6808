"""The run-length encoding of CVAT: lengths of runs, row by row within a tight box, beginning with background.

Source: ``cvat_sdk/masks.py`` (CVAT SDK 2.80, MIT), and CVAT's format "CVAT for images 1.1".
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from cxrfactory.errors import ImageError
from cxrfactory.tables.mask_facts import mask_facts


@dataclass(frozen=True)
class BoxedRuns:
    """Runs of a mask within a box: lengths of background and foreground in turn, and the box in pixels."""

    runs: tuple[int, ...]
    left: int
    top: int
    width: int
    height: int


def boxed_encode(mask: UInt8[np.ndarray, "height width"]) -> BoxedRuns:
    """Encode a mask that is not empty; 0 is outside, any other value inside."""
    box = mask_facts(mask).bbox
    if box is None:
        raise ValueError("an empty mask has no box")
    left, top, width, height = box
    flat = (mask[top : top + height, left : left + width] != 0).ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff([0, *edges, flat.size]).tolist()
    return BoxedRuns(tuple([0, *lengths] if flat[0] else lengths), left, top, width, height)


def boxed_decode(boxed: BoxedRuns, height: int, width: int) -> UInt8[np.ndarray, "height width"]:
    """Decode a mask of a picture: uint8 [row, column], 1 inside and 0 outside.

    Raises
    ------
    ImageError
        If the box leaves the picture, or the runs do not fill the box.
    """
    right, bottom = boxed.left + boxed.width, boxed.top + boxed.height
    if min(boxed.left, boxed.top) < 0 or min(boxed.width, boxed.height) < 1 or right > width or bottom > height:
        raise ImageError(
            f"mask in the box {boxed.left}, {boxed.top}, {boxed.width} x {boxed.height}; the picture has "
            f"{height} x {width} pixels"
        )
    if min(boxed.runs, default=-1) < 0 or sum(boxed.runs) != boxed.width * boxed.height:
        raise ImageError(f"runs of {sum(boxed.runs)} pixels; its box has {boxed.width * boxed.height}")
    mask = np.zeros((height, width), np.uint8)
    filled = np.repeat(np.arange(len(boxed.runs)) % 2, boxed.runs)
    mask[boxed.top : bottom, boxed.left : right] = filled.reshape(boxed.height, boxed.width)
    return mask


def runs_of(text: str) -> Sequence[int]:
    """Read the numbers of an attribute ``rle``.

    Raises
    ------
    ImageError
        If the text is not a list of whole numbers with commas between them.
    """
    try:
        return tuple(int(each) for each in text.split(","))
    except ValueError as error:
        raise ImageError(f"rle '{text[:40]}'; expected whole numbers with commas between them") from error
