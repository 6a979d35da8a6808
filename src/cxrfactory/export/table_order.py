"""Signs that a table's RLE is in another notation than CheXmask's, or that its lungs are exchanged.

A mask that was written column by column, or that counts pixels from 0, still decodes. Three signs are certain: an
outline that is far shorter when the mask is read column by column; lungs one above the other, or the left one on the
left of the picture, in most rows; and masks that lie one pixel to the left of their own landmarks in most rows.
"""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, UInt8

from cxrfactory.anatomy.organs import LUNGS

ROWS = 50  # rows that are looked at; more would say the same
_FEWEST_ROWS = 3  # of those in which the lungs lie in an unusual way; one patient may have unusual lungs
_RAGGED = 2.0  # length of the outline, as a multiple of that by columns

Mask = UInt8[np.ndarray, "height width"]


class TableOrder:
    """Collects the signs row by row."""

    def __init__(self) -> None:
        self._rows: Counter[str] = Counter()

    @property
    def full(self) -> bool:
        """Whether enough rows were looked at."""
        return self._rows["rows"] >= ROWS

    def add(self, masks: Mapping[str, Mask], points: Mapping[str, Float[np.ndarray, "nodes 2"]] | None = None) -> None:
        """Look at the masks of a row by organ, and at its landmarks (x, y) by organ, if it has any."""
        masks = {organ: mask for organ, mask in masks.items() if mask.any()}
        if self.full or not masks:
            return
        self._rows["rows"] += 1
        self._rows["columns"] += any(_outline(mask) > _RAGGED * _outline(_by_columns(mask)) for mask in masks.values())
        if all(lung in masks for lung in LUNGS):
            (right_y, right_x), (left_y, left_x) = (np.argwhere(masks[lung]).mean(axis=0) for lung in LUNGS)
            self._rows["both"] += 1
            self._rows["lying"] += abs(left_y - right_y) > abs(left_x - right_x)
            self._rows["exchanged"] += left_x < right_x and abs(left_y - right_y) <= abs(left_x - right_x)
        if points is not None and any(organ in points for organ in masks):
            away = [_ends(mask) - _round_ends(points[organ]) for organ, mask in masks.items() if organ in points]
            self._rows["drawn"] += 1
            self._rows["shifted"] += bool((np.array(away) == -1).all())

    def sentences(self) -> list[str]:
        """Return what is certainly amiss, one sentence each; none where all is well."""
        rows, found = self._rows, []
        if 2 * rows["columns"] > rows["rows"]:
            found.append(
                f"in {rows['columns']} of {rows['rows']} rows, masks are stripes that become whole when they are read "
                "column by column, or with Height and Width exchanged; expected RLE row by row"
            )
        elif _most(rows["lying"], rows["both"]):
            found.append(
                f"in {rows['lying']} of {rows['both']} rows, one lung lies above the other; expected RLE row by row, "
                "of upright films"
            )
        elif _most(rows["exchanged"], rows["both"]):
            found.append(
                f"in {rows['exchanged']} of {rows['both']} rows, the left lung lies on the left of the picture; "
                "expected it on the right: the columns of the lungs may be exchanged, or the films mirrored"
            )
        if not found and _most(rows["shifted"], rows["drawn"]):
            found.append(
                f"in {rows['shifted']} of {rows['drawn']} rows, masks lie one pixel to the left of their landmarks; "
                "expected RLE whose pixels are counted from 1"
            )
        return found


def _most(count: int, rows: int) -> bool:
    return rows >= _FEWEST_ROWS and 2 * count > rows


def _outline(mask: Mask) -> int:
    """Return the number of neighbouring pixels that differ."""
    return int(np.count_nonzero(mask[1:] != mask[:-1]) + np.count_nonzero(mask[:, 1:] != mask[:, :-1]))


def _by_columns(mask: Mask) -> Mask:
    """Return what the same RLE describes if it runs column by column."""
    return mask.reshape(mask.shape[::-1]).T


def _ends(mask: Mask) -> np.ndarray:
    return np.flatnonzero(mask.any(axis=0))[[0, -1]]


def _round_ends(points: Float[np.ndarray, "nodes 2"]) -> np.ndarray:
    return np.rint([points[:, 0].min(), points[:, 0].max()]).astype(int)
