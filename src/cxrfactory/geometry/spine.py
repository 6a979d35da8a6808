"""The spine of one image: the vertebrae that can be relied on, from top to bottom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cxrfactory.geometry.runs import Runs
from cxrfactory.geometry.structures import MissingStructureError, Structures

THORACIC = {f"T{number}": f"thoracic vertebrae {number} (t{number})" for number in range(1, 13)}
LUMBAR = {f"L{number}": f"lumbar vertebrae {number} (l{number})" for number in range(1, 6)}
LEVELS = {**THORACIC, **LUMBAR}  # short name -> structure, from top to bottom

LEAST_VERTEBRAE = 6  # of one series
LARGEST_GAP = 2  # levels between neighbours of a series: one vertebra may lack
SMALLEST_AREA = 0.35  # of the median of all vertebrae
STEPS = (0.4, 2.0)  # distance of neighbours by level, times the median

_NAMES = tuple(LEVELS)
_PLACE = {name: place for place, name in enumerate(_NAMES)}


@dataclass(frozen=True, eq=False)
class Spine:
    """A series of vertebrae from top to bottom.

    Attributes
    ----------
    levels
        Short names, such as ``T1``.
    centroids
        Centroids (x, y) in pixels, ``[n, 2]``.
    masks
        Masks of the vertebrae, or nothing where only centroids are known.
    """

    levels: tuple[str, ...]
    centroids: Float[np.ndarray, "n 2"]
    masks: tuple[Runs, ...] = ()

    @property
    def structures(self) -> tuple[str, ...]:
        """Structures' names of the vertebrae."""
        return tuple(LEVELS[level] for level in self.levels)

    def middle(self, row: float) -> float:
        """Return the column of the line through the centroids at a row.

        Raises
        ------
        MissingStructureError
            If the row lies more than half a vertebra above the first centroid or below the last one.
        """
        x, y = self.centroids.T
        half = (y[-1] - y[0]) / (len(y) - 1) / 2
        if not y[0] - half <= row <= y[-1] + half:
            raise MissingStructureError(f"The vertebrae {self.levels[0]} to {self.levels[-1]} do not reach that high.")
        return float(np.interp(row, y, x))


def find_spine(found: Structures) -> Spine:
    """Find the longest series of vertebrae that can be relied on.

    A vertebra is left out where its mask touches the border of the frame, where it is in pieces, and where its area is
    below ``SMALLEST_AREA`` of the median. Neighbours of a series have no more than one level missing between them, the
    lower one lies below the upper one, and their distance by level is within ``STEPS`` of the median.

    Raises
    ------
    MissingStructureError
        If fewer than ``LEAST_VERTEBRAE`` remain.
    """
    return found.once("spine", lambda: _find(found))


def _find(found: Structures) -> Spine:
    levels, masks = [], []
    for level, name in LEVELS.items():
        try:
            mask = found.whole(name)
        except MissingStructureError:
            continue
        if not mask.touches_border():
            levels.append(level)
            masks.append(mask)
    areas = np.array([mask.area for mask in masks])
    kept = np.flatnonzero(areas >= SMALLEST_AREA * np.median(areas)) if len(areas) else []
    spine = Spine(
        tuple(levels[place] for place in kept),
        np.array([masks[place].centroid() for place in kept]).reshape(-1, 2),
        tuple(masks[place] for place in kept),
    )
    return _longest_series(spine)


def _longest_series(spine: Spine) -> Spine:
    places = np.array([_PLACE[level] for level in spine.levels])
    gaps = np.diff(places)
    steps = np.diff(spine.centroids, axis=0)
    distances = np.hypot(*steps.T) / np.maximum(gaps, 1)
    usual = np.median(distances) if len(distances) else 0.0
    linked = (gaps <= LARGEST_GAP) & (steps[:, 1] > 0)
    linked &= (distances >= STEPS[0] * usual) & (distances <= STEPS[1] * usual)
    cuts = np.flatnonzero(~linked) + 1
    series = max(np.split(np.arange(len(places)), cuts), key=len)
    if len(series) < LEAST_VERTEBRAE:
        raise MissingStructureError(
            f"{len(series)} contiguous vertebrae of sufficient quality were found; at least {LEAST_VERTEBRAE} are "
            "needed."
        )
    chosen = slice(series[0], series[-1] + 1)
    return Spine(spine.levels[chosen], spine.centroids[chosen], spine.masks[chosen])
