"""One plant over all its pictures: rows of its graph and traits in each picture, and reasons to look at a picture.

The flags need no truth:

- ``no_roots``: the plant has no roots yet.
- ``length_shrank``: the mask of the picture lacks more than :data:`SHRUNK` of the roots that are known to be there.
- ``lateral_lost``: the mask lacks more than half of a lateral.
- ``tip_jumped``: a tip moved faster than ``most_tip_px_per_hour`` since the picture before; at least an hour counts.
- ``gap``: a root was followed over more than :data:`GAP_PX` pixels without evidence in any picture.
- ``touches_neighbour``: the roots touch those of another plant.
- ``at_border``: a tip has reached the border of the picture or of the plants' regions; the root may go on outside.
- ``tip_hidden``: the mask shows more than :data:`AHEAD_PX` units of a root's line beyond its tip, as where a drop
  covers what lies between.
- ``not_down``: the roots of the plate grow to the side or up, as where its pictures lie on their side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from cxrfactory.geometry.roots.growing import GrownRoot
from cxrfactory.geometry.roots.system import RootPath, tables_of
from cxrfactory.geometry.roots.traits import laterals_of, traits_of

SHRUNK = 0.15  # share of the known length
LOST = 0.5  # share of a lateral's length
GAP_PX = 3  # pixels
LEAST_HOURS = 1.0  # between pictures; in less time, a tip moves by less than its place is uncertain
AHEAD_PX = 12.0  # units (geometry/roots/lengths.py); a root that crosses the line beyond the tip is less wide
FLAGS = (
    "no_roots",
    "length_shrank",
    "lateral_lost",
    "tip_jumped",
    "gap",
    "touches_neighbour",
    "at_border",
    "tip_hidden",
    "not_down",
)


def most_steps(hours: Sequence[float], most_px_per_hour: float) -> Float[np.ndarray, " pictures"]:
    """Return how far a tip may move before each picture, pixels; a step of less than an hour counts as an hour.

    Examples
    --------
    >>> most_steps([0.0, 0.25, 48.25], 10.0).tolist()
    [10.0, 10.0, 480.0]
    """
    return most_px_per_hour * np.maximum(np.diff(hours, prepend=hours[0] if len(hours) else 0.0), LEAST_HOURS)


def consistent_share(flags: Iterable[Sequence[str]]) -> float | None:
    """Return the share of a plant's pictures without a flag, among those with roots; None without such pictures."""
    known = [not reasons for reasons in flags if "no_roots" not in reasons]
    return sum(known) / len(known) if known else None


@dataclass(frozen=True)
class PlantOverTime:
    """The roots of one plant.

    Attributes
    ----------
    row
        The plant's row of ``ROOT_PLANTS``.
    roots
        Its roots over all pictures.
    touching
        First picture in which its roots touch those of another plant, in the order of pictures; -1 for never.
    mm_per_pixel
        Scale of the plate; None if it is unknown.
    most_steps_px
        float64 [pictures]: a tip that moved by more since the picture before is flagged (:func:`most_steps`).
    border
        bool, [row, column] of the plate: places at the border of the picture or of the plants' regions.
    unit
        Factor of lengths (:func:`~cxrfactory.geometry.roots.lengths.length_unit`).
    lying
        Whether the plate's roots do not grow down (:func:`~cxrfactory.geometry.roots.lying.lies`).
    """

    row: Mapping[str, Any]
    roots: Sequence[GrownRoot]
    touching: int
    mm_per_pixel: float | None
    most_steps_px: Float[np.ndarray, " pictures"]
    border: Bool[np.ndarray, "height width"]
    unit: float
    lying: bool = False

    def at(self, picture: int) -> list[RootPath]:
        """Return the roots in a picture, which is counted from 0 in the order of time."""
        found = (root.at(picture) for root in self.roots)
        return [root for root in found if root is not None]

    def flags(self, picture: int, mask: UInt8[np.ndarray, "height width"]) -> list[str]:
        """Return the reasons to look at a picture.

        Parameters
        ----------
        picture
            Number of the picture from 0 in the order of time.
        mask
            The plate's mask of that picture alone.
        """
        known = seen = bridged = 0
        lost = jumped = outside = hidden = False
        for root in self.roots:
            if root.lengths[picture] <= 0:
                continue
            places = root.places[: max(int(root.counts[picture]), 1)]  # none has arrived where a lateral told it
            there = int(np.count_nonzero(mask[places[:, 0], places[:, 1]]))
            known, seen = known + len(places), seen + there
            bridged = max(bridged, int(root.bridged[: len(places)].sum()))
            outside |= bool(self.border[tuple(places[-1])])
            ahead = root.places[len(places) :]
            hidden |= int(np.count_nonzero(mask[ahead[:, 0], ahead[:, 1]])) > AHEAD_PX * self.unit
            lost |= root.parent is not None and there < (1 - LOST) * len(places)
            if picture and root.lengths[picture - 1] > 0:
                jumped |= bool(root.lengths[picture] - root.lengths[picture - 1] > self.most_steps_px[picture])
        reasons = {
            "no_roots": known == 0,
            "length_shrank": seen < (1 - SHRUNK) * known,
            "lateral_lost": lost,
            "tip_jumped": jumped,
            "gap": bridged > GAP_PX,
            "touches_neighbour": 0 <= self.touching <= picture,
            "at_border": outside,
            "tip_hidden": hidden,
            "not_down": self.lying,
        }
        return [name for name in FLAGS if reasons[name]]

    def rows(
        self, picture: int, frame: int, hours: float, mask: UInt8[np.ndarray, "height width"]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]]:
        """Return the rows of nodes and of edges and the row of traits of a picture.

        ``frame`` and ``hours`` are those of the table of pictures; the other parameters are those of :meth:`flags`.
        """
        roots = self.at(picture)
        key = {"plate": self.row["plate"], "plant": self.row["plant"]}
        nodes, edges = tables_of(roots)
        traits = {
            **key,
            "group": self.row["group"],
            "frame": frame,
            "hours": hours,
            "mm_per_pixel": self.mm_per_pixel,
            **traits_of(roots, self.mm_per_pixel),
            "flags": self.flags(picture, mask),
        }
        here = {**key, "frame": frame}
        return [here | node for node in nodes], [here | edge for edge in edges], traits

    def laterals(self, frames: Sequence[tuple[int, float]]) -> list[dict[str, Any]]:
        """Return the rows of ``ROOT_LATERALS``.

        Parameters
        ----------
        frames
            (frame, hours) of each picture in the order of time.
        """
        key = {name: self.row[name] for name in ("plate", "plant", "group")}
        return [key | row for row in laterals_of(self._telling(frames), self.mm_per_pixel)]

    def _telling(self, frames: Sequence[tuple[int, float]]) -> Iterator[tuple[int, float, list[RootPath]]]:
        """Yield the pictures that first show a root, and the last one; the others do not change the laterals' rows."""
        first = {int(np.argmax(root.lengths > 0)) for root in self.roots if root.lengths[-1] > 0}
        for picture in sorted(first | {len(frames) - 1}):
            yield *frames[picture], self.at(picture)
