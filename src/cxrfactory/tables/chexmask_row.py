"""Making of the row of one image in a CheXmask table from its landmarks and their filled contours."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer, UInt8

from cxrfactory.anatomy.organs import PUBLISHED_NODES, PUBLISHED_ORGANS
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.tables.chexmask import row_text
from cxrfactory.tables.rle import rle_decode, rle_encode


@dataclass(frozen=True)
class PublishedRow:
    """The line of one image, with its line end, and the RLE of each published organ (empty if there is no mask)."""

    line: str
    rles: dict[str, str]


def whole_pixels(points: Float[np.ndarray, "nodes 2"]) -> Integer[np.ndarray, "nodes 2"]:
    """Round finite points (x, y) to whole pixels, half to even, as the published landmarks are."""
    return np.rint(points).astype(np.int64)


def published_row(
    image_id: str,
    landmarks: Integer[np.ndarray, "nodes 2"],
    masks: Mapping[str, UInt8[np.ndarray, "height width"]],
    frame: str = "image",
    dice_rca: tuple[float | None, float | None] = (None, None),
) -> PublishedRow:
    """Make the row of one image.

    Parameters
    ----------
    image_id
        Image id of the release.
    landmarks
        Points (x, y) in whole pixels of the masks' frame; nodes without a place in the format are left out.
    masks
        Filled contours of these landmarks by organ, [row, column], all of one shape. Masks of organs without a column
        in the format are checked too, but not written.
    frame
        Name of the masks' frame, for error messages.
    dice_rca
        Mean and maximum of the estimated Dice, each in [0, 1]; None if not estimated.

    Raises
    ------
    ImageError
        If the mask of an organ is empty.
    CxrError
        If the RLE of a mask does not decode to the mask.
    """
    height, width = next(iter(masks.values())).shape
    encoded = {}
    for organ, mask in masks.items():
        encoded[organ] = rle_encode(mask)
        if not encoded[organ]:
            raise ImageError(f"{organ} covers no pixel of the {frame} of {height} x {width} pixels")
        if not (rle_decode(encoded[organ], height, width) == mask).all():
            raise CxrError(f"image '{image_id}': the RLE of {organ} ({frame}) does not decode to its mask; report this")
    rles = {organ: encoded.get(organ, "") for organ in PUBLISHED_ORGANS}
    line = row_text(image_id, *dice_rca, landmarks[:PUBLISHED_NODES], **rles, height=height, width=width)
    return PublishedRow(line, rles)
