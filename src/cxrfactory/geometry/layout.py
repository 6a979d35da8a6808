"""Whether the masks of a frontal view lie as in a frontal view: sides, top and bottom, heart between the lungs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cxrfactory.geometry.runs import Runs
from cxrfactory.geometry.structures import HEART, LEFT_LUNG, LUNGS, RIGHT_LUNG

# Part of the smaller lung that the other one covers: at most 3 % in frontal views, 80 % or more in lateral ones (51
# patients projected from CT); drawn lungs share nothing.
LARGEST_SHARED = 0.5
# Height of the heart's centroid in the box around both lungs, from the top: at least 0.56 in 487 drawn films, at least
# 0.47 in projected CT, whose lungs reach behind the diaphragm.
HIGHEST_HEART = 0.4


def layout_fault(masks: Mapping[str, Runs]) -> str:
    """Return why masks are not those of an upright frontal view, as part of a sentence; empty where they may be.

    A mirrored film whose masks were named anew is not noticed: it looks like a heart on the other side.

    Parameters
    ----------
    masks
        Structure's name -> runs of one frame; without two lungs nothing is checked, without a heart only the lungs.

    Examples
    --------
    >>> import numpy as np
    >>> from cxrfactory.geometry.layout import layout_fault
    >>> from cxrfactory.geometry.runs import Runs
    >>> mask = np.zeros((8, 20), bool)
    >>> masks = {name: mask.copy() for name in ("right lung", "left lung")}
    >>> masks["right lung"][1:6, 12:19] = masks["left lung"][1:6, 1:8] = True
    >>> layout_fault({name: Runs.from_mask(each) for name, each in masks.items()})[:42]
    'the right lung lies to the right of the le'
    """
    if not all(name in masks and not masks[name].empty for name in LUNGS):
        return ""
    right, left = masks[RIGHT_LUNG], masks[LEFT_LUNG]
    shared = _shared(right, left)
    if shared > LARGEST_SHARED:
        return f"the lungs cover one another ({shared:.0%}); expected a frontal view; a lateral one needs --view LL"
    (x, y), (other_x, other_y) = right.centroid(), left.centroid()
    if abs(y - other_y) > abs(x - other_x):
        return (
            "one lung lies above the other; expected an upright film, or masks of a product or file that says how the "
            "film lies: turn the masks upright"
        )
    if x > other_x:
        return (
            "the right lung lies to the right of the left one; expected the patient's right side on the image's left: "
            "the film is mirrored, or the masks are exchanged"
        )
    return _heart_fault(masks[HEART], (right, left)) if HEART in masks and not masks[HEART].empty else ""


def _shared(right: Runs, left: Runs) -> float:
    """Return the covered part of the smaller lung; lungs with disjoint columns are not intersected, to save time."""
    (first, last), (start, end) = right.column_extent, left.column_extent
    if last < start or end < first:
        return 0.0
    return right.intersection(left).area / min(right.area, left.area)


def _heart_fault(heart: Runs, lungs: tuple[Runs, Runs]) -> str:
    x, y = heart.centroid()
    top, bottom = _span(each.row_extent for each in lungs)
    first, last = _span(each.column_extent for each in lungs)
    if not (first <= x <= last and top <= y <= bottom):
        return "the heart lies outside the box around the lungs"
    if (y - top) / (bottom - top + 1) < HIGHEST_HEART:
        return "the heart lies in the upper part of the lungs; expected an upright film: it is upside down"
    return ""


def _span(extents: Iterable[tuple[int, int]]) -> tuple[int, int]:
    lows, highs = zip(*extents, strict=True)
    return min(lows), max(highs)
