"""Counts, means and grades of the measurements by dataset and view, gathered while they are written."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cxrfactory.measure.grading import GRADES

SUMMARY_COLUMNS = (
    "dataset", "view", "measurement", "unit", "measured", "excluded", "mean", "sd", "min", "max", *GRADES, "near_cut",
)  # fmt: skip
_DIGITS = 4


@dataclass
class Tally:
    """Sums over the rows of one measurement."""

    measured: int = 0
    excluded: int = 0
    mean: float = 0.0
    squares: float = 0.0  # sum of squared distances from the mean (Welford)
    low: float = math.inf
    high: float = -math.inf
    grades: Counter[str] = field(default_factory=Counter)
    near_cut: int = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Add one row."""
        value = row["value"]
        if value is None:
            self.excluded += 1
            return
        self.measured += 1
        step = value - self.mean
        self.mean += step / self.measured
        self.squares += step * (value - self.mean)
        self.low, self.high = min(self.low, value), max(self.high, value)
        if row["grade"] is not None:
            self.grades[row["grade"]] += 1
            self.near_cut += bool(row["near_cut"])


class Summary:
    """Tallies of all measurements, in the order in which they first occur."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str, str, str], Tally] = {}

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows."""
        for row in rows:
            key = (row["dataset"], row["view"], row["measurement"], row["unit"])
            self._tallies.setdefault(key, Tally()).add(row)

    def rows(self) -> list[list[str]]:
        """Return the cells of the summary, one list for each dataset, view and measurement."""
        return [[*key, *_cells(tally)] for key, tally in self._tallies.items()]


def _cells(tally: Tally) -> list[str]:
    if not tally.measured:
        return ["0", str(tally.excluded), *[""] * (4 + len(GRADES) + 1)]
    deviation = math.sqrt(tally.squares / (tally.measured - 1)) if tally.measured > 1 else math.nan
    numbers = [tally.mean, deviation, tally.low, tally.high]
    cells = [str(tally.measured), str(tally.excluded)]
    cells += ["" if math.isnan(each) else f"{each:.{_DIGITS}f}" for each in numbers]
    if not tally.grades:
        return cells + [""] * (len(GRADES) + 1)
    return [*cells, *(str(tally.grades[grade]) for grade in GRADES), str(tally.near_cut)]
