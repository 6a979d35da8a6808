"""What a measurement and its definition are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cxrfactory.geometry.definitions import DEFINITIONS, Definition

__all__ = ["DEFINITIONS", "Definition", "Measurement", "excluded", "measured"]

Point = tuple[float, float]


@dataclass(frozen=True)
class Measurement:
    """One measured value of one image.

    Attributes
    ----------
    name
        A key of :data:`DEFINITIONS`, which holds the sentence and the source.
    value
        The value; NaN where the measurement is excluded.
    unit
        ``ratio``, ``degree``, ``px``, ``px2``, ``px3`` or ``count``. Lengths are in pixels of the mask's frame.
    points
        The (x, y) points it was taken from, in pixels, with pixel centres on whole numbers: two for a width or a
        distance, four for an angle between two lines or for a ratio of two widths (numerator first).
    structures
        Names of the structures it was taken from.
    excluded
        Empty, or one sentence that says why there is no value.
    note
        Facts that belong to the value, such as ``side: right; apex: T8; upper: T5; lower: T11``; often empty.
    """

    name: str
    value: float
    unit: str
    points: tuple[Point, ...]
    structures: tuple[str, ...]
    excluded: str = ""
    note: str = ""

    @property
    def facts(self) -> dict[str, str]:
        """The note as a mapping, such as ``{"side": "right", "apex": "T8"}``."""
        return dict(part.split(": ", 1) for part in self.note.split("; ")) if self.note else {}


def measured(
    name: str, value: float, points: Iterable[Sequence[float]], structures: tuple[str, ...], note: str = ""
) -> Measurement:
    """Return a measurement that has a value; the unit comes from its definition."""
    places = tuple((float(x), float(y)) for x, y in points)
    return Measurement(name, float(value), DEFINITIONS[name].unit, places, tuple(structures), "", note)


def excluded(name: str, reason: str, structures: tuple[str, ...] = ()) -> Measurement:
    """Return a measurement without a value, and the reason."""
    return Measurement(name, math.nan, DEFINITIONS[name].unit, (), tuple(structures), reason)
