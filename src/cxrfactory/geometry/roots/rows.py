"""Plates with two rows of seeds, one below the other."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Bool

from cxrfactory.geometry.roots.plants import FoundPlant, columns_between, find_plants

_APART = 0.2  # of the picture's height, between the rows
_SPREAD = 0.12  # the same, within a row
_TALL = 0.25  # of the tallest part of the mask; lower ones are laterals that were torn off, or specks
_LEAST = 2  # plants of a row
_BRIDGE = 0.005  # of the longer side; gaps in roots up to twice as wide are bridged
_BEHIND = 0.02  # of the width, and
_TORN = 0.1  # of the height: what begins so near below the end of a root goes on with it
_ABOVE = 0.03  # of the height; the lower row begins so far above its highest seed


def find_plants_in_rows(
    mask: Bool[np.ndarray, "height width"], first_mask: Bool[np.ndarray, "height width"] | None = None
) -> list[FoundPlant]:
    """Find the plants in a mask of roots whose seeds lie in one row or in two.

    The parameters are those of :func:`~cxrfactory.geometry.roots.plants.find_plants`.

    Returns
    -------
    The plants row by row, from the left to the right in each; the regions of two rows meet between the rows.
    """
    split = row_between(mask if first_mask is None else first_mask)
    if split is None:
        return find_plants(mask, first_mask)
    upper = find_plants(mask[:split], None if first_mask is None else first_mask[:split])
    low = _begun_below(mask, split)
    early = None
    if first_mask is not None:
        early = _begun_below(first_mask, split)
        low |= early  # where roots of both rows touch at last
    lower = find_plants(low[split:], None if early is None else early[split:])
    below = [
        plant._replace(seed_y=plant.seed_y + split, top=plant.top + split, bottom=plant.bottom + split)
        for plant in lower
    ]
    return [*upper, *below] if upper and below else find_plants(mask, first_mask)


def row_between(mask: Bool[np.ndarray, "height width"]) -> int | None:
    """Return the row of pixels between two rows of seeds; None if there is one row.

    Examples
    --------
    >>> mask = np.zeros((400, 300), bool)
    >>> for x, y in ((50, 40), (150, 45), (60, 240), (160, 245)):
    ...     mask[y : y + 80, x : x + 3] = True
    >>> 125 < row_between(mask) < 240
    True
    """
    height, width = mask.shape
    reach = max(1, round(_BRIDGE * max(mask.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    boxes = cv2.connectedComponentsWithStats(cv2.dilate(mask.astype(np.uint8), kernel), connectivity=8)[2][1:]
    if not len(boxes):
        return None
    tall = boxes[boxes[:, cv2.CC_STAT_HEIGHT] >= _TALL * boxes[:, cv2.CC_STAT_HEIGHT].max()]
    tall = tall[np.argsort(tall[:, cv2.CC_STAT_TOP], kind="stable")]
    tops = tall[:, cv2.CC_STAT_TOP]
    if len(tops) < 2 * _LEAST:
        return None
    place = int(np.argmax(np.diff(tops))) + 1
    rows = tops[:place], tops[place:]
    apart = tops[place] - tops[place - 1] >= _APART * height
    if not apart or any(len(row) < _LEAST or np.ptp(row) > _SPREAD * height for row in rows):
        return None
    torn = sum(_goes_on(box, tall[:place], height, width) for box in tall[place:])
    return None if 2 * torn > len(rows[1]) else max(int(tops[place] - _ABOVE * height), int(tops[place - 1]) + 1)


def _goes_on(box: np.ndarray, above: np.ndarray, height: int, width: int) -> bool:
    """Return whether a part of the mask begins where a part above it ends."""
    left, top, across, _, _ = box
    for other in above:
        end = other[cv2.CC_STAT_TOP] + other[cv2.CC_STAT_HEIGHT]
        beside = max(left, other[cv2.CC_STAT_LEFT]) - min(
            left + across, other[cv2.CC_STAT_LEFT] + other[cv2.CC_STAT_WIDTH]
        )
        if beside <= _BEHIND * width and 0 <= top - end <= _TORN * height:
            return True
    return False


def _begun_below(mask: np.ndarray, split: int) -> np.ndarray:
    """Return a mask without what reaches above a row of pixels."""
    labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[1]
    return mask & ~np.isin(labels, np.unique(labels[:split]))


def columns_in_rows(seeds: Sequence[tuple[float, float]], width: int, height: int) -> list[tuple[int, int]]:
    """Return the columns ``(left, right)`` of plants, in their order; those of another row of seeds do not count.

    Parameters
    ----------
    seeds
        Seeds (x, y), pixels.
    width, height
        Size of the picture, pixels.
    """
    order = sorted(range(len(seeds)), key=lambda place: seeds[place][1])
    rows: list[list[int]] = [order[:1]]
    for before, place in pairwise(order):
        if seeds[place][1] - seeds[before][1] > _APART * height:
            rows.append([])
        rows[-1].append(place)
    columns = [(0, width)] * len(seeds)
    for row in rows:
        for place, column in zip(row, columns_between([seeds[each][0] for each in row], width), strict=True):
            columns[place] = column
    return columns
