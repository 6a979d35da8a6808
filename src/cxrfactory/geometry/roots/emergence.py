"""Where the roots of a plant begin: the place that grew first, near the top that was found in all pictures together.

A root grows down from the seed and the shoot grows up from it. So along the way from the top of a plant's mask into its
roots, the arrival falls as far as the seed, where the shoot was taken for root, and rises behind it. In a single
picture, or where the roots had grown before the first one, all arrivals are equal and the top stays the seed. The first
pixels of a root, beside the seed coat, are often found some pictures later than those below them: the seed is the
highest place that was root by the time at which the root had grown on a little.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float, Int32
from skimage.graph import MCP
from skimage.morphology import skeletonize

_WINDOW_PX = 40  # the way is followed so far, in pixels of a root as wide as those of the coarsest pictures
_LATE_PX = 12  # by when a root has grown through half of this, its first pixels are found too; in the same pixels


def emerged_at(
    arrival: Int32[np.ndarray, "height width"], top: Float[np.ndarray, " 2"], unit: float = 1.0
) -> Float[np.ndarray, " 2"]:
    """Find where the roots below a top emerged.

    Parameters
    ----------
    arrival
        First picture with root at each pixel, indexed [row, column]; -1 for never.
    top
        (x, y) of the highest place of a plant's mask, pixels.
    unit
        Factor of lengths (:func:`~cxrfactory.geometry.roots.lengths.length_unit`).

    Returns
    -------
    numpy.ndarray
        (x, y) of the seed, pixels: the top itself, or a place on the middle of the root below it.
    """
    way = _way_down(arrival, top, round(_WINDOW_PX * unit))
    if not len(way):
        return np.asarray(top, float)
    beside = way[:, 1, None] + np.arange(-round(unit), round(unit) + 1)
    near = arrival[way[:, :1], np.clip(beside, 0, arrival.shape[1] - 1)]
    earliest = np.where(near < 0, np.iinfo(np.int32).max, near).min(1)  # across the root
    way, earliest = way[(near >= 0).any(1)], earliest[(near >= 0).any(1)]
    place = first_of_root(earliest, valley(earliest), round(_LATE_PX * unit))
    return way[place, ::-1].astype(float) if place else np.asarray(top, float)


def first_of_root(arrivals: Int32[np.ndarray, " n"], place: int, late: int) -> int:
    """Return the first place of those before a valley that arrived before its root had grown on by a length.

    Parameters
    ----------
    arrivals
        First picture with root at the places of a way, from the top down.
    place
        The valley (:func:`valley`).
    late
        The length, in places. The root has grown on by the median picture of that many places behind the valley, and
        one picture later at the latest.

    Examples
    --------
    >>> first_of_root(np.array([9, 9, 5, 5, 4, 4, 5, 5, 6], np.int32), 4, 4)
    2
    """
    grown = max(float(np.median(arrivals[place : place + late])), float(arrivals[place]) + 1)
    later = np.flatnonzero(arrivals[:place] > grown)
    return int(later[-1]) + 1 if len(later) else 0


def valley(arrivals: Int32[np.ndarray, " n"]) -> int:
    """Find the place of a series before which it falls and behind which it rises.

    The place with the fewest pairs in the wrong order counts, and the first of equal ones; so single values that are
    too early, such as those of a drop, do not decide.
    """
    rise = np.sign(np.subtract.outer(arrivals, arrivals).T)  # [i, j]: sign of j minus i
    upper = np.triu(rise, 1)
    # Pairs before a place must fall: rises are wrong. Pairs from the place on must rise: falls are wrong.
    wrong = [int((upper[:place, :place] > 0).sum() + (upper[place:, place:] < 0).sum()) for place in range(len(rise))]
    return int(np.argmin(wrong)) if wrong else 0


def _way_down(arrival: np.ndarray, top: np.ndarray, reach: int) -> np.ndarray:
    """Return the pixels [row, column] from a top along the middle of its roots to the lowest place within reach.

    Pixels in gaps and beside the mask may be among them.
    """
    column, row = (round(float(each)) for each in top)
    first, left = max(row - reach // 2, 0), max(column - reach, 0)
    window = np.pad(arrival[first : row + reach + 1, left : column + reach + 1] >= 0, 1)
    window = cv2.dilate(window.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0  # over gaps of two pixels
    labels = cv2.connectedComponents(window.astype(np.uint8), connectivity=8)[1]
    places = np.argwhere(window)
    if not len(places):
        return np.empty((0, 2), int)
    here = places[int(np.argmin(((places - [row - first + 1, column - left + 1]) ** 2).sum(1)))]
    middle = np.argwhere(skeletonize(labels == labels[tuple(here)]))
    start = middle[int(np.argmin(((middle - here) ** 2).sum(1)))]
    costs = np.full(window.shape, -1.0)
    costs[tuple(middle.T)] = 1.0
    paths = MCP(costs, fully_connected=True)
    paths.find_costs([tuple(start)])
    way = np.array(paths.traceback(tuple(middle[int(np.argmax(middle[:, 0]))])))
    way = way + np.array([first - 1, left - 1])
    return way[((way >= 0) & (way < arrival.shape)).all(axis=1)]  # the widened window reaches beyond the picture
