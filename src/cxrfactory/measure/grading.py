"""Grades of measurements: negative, mild, moderate or severe, by three cut-points of the config."""

import math
from dataclasses import dataclass

from cxrfactory.config.measure import KINDS, MeasureConfig

GRADES = ("negative", "mild", "moderate", "severe")


@dataclass(frozen=True)
class Scale:
    """How one kind of measurement is graded.

    Attributes
    ----------
    cuts
        Values from which the grade is mild, moderate and severe.
    margin
        Distance from a cut-point up to which a value counts as near it.
    source
        Source of the cut-points.
    """

    cuts: tuple[float, float, float]
    margin: float
    source: str

    def grade(self, value: float) -> str:
        """Return the grade of a value; a value at a cut-point has the higher grade."""
        return GRADES[sum(value >= cut for cut in self.cuts)]

    def near_cut(self, value: float) -> bool:
        """Return whether a value is so near a cut-point that the adjacent grade is possible as well."""
        return min(abs(value - cut) for cut in self.cuts) <= self.margin + 1e-9  # 0.52 - 0.5 exceeds 0.02


def scale_of(measurement: str, settings: MeasureConfig) -> Scale | None:
    """Return how a measurement is graded; None if it has no grade.

    A name begins with the kind that the config's keys begin with: ``ctr_rows`` is graded by ``ctr_cuts``.
    """
    kind = measurement.partition("_")[0]
    if kind not in KINDS:
        return None
    cuts = getattr(settings, f"{kind}_cuts")
    return Scale(tuple(cuts), getattr(settings, f"{kind}_margin"), getattr(settings, f"{kind}_source"))


def graded(value: float, scale: Scale | None) -> tuple[str | None, bool | None]:
    """Return grade and nearness to a cut-point; None for both where there is no scale or no value."""
    if scale is None or not math.isfinite(value):
        return None, None
    return scale.grade(value), scale.near_cut(value)
