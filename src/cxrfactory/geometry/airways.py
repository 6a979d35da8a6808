"""Measurements around the trachea: the carina's angle, the trachea's deviation and the aortic knob."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cxrfactory.geometry.heart import thoracic_width
from cxrfactory.geometry.measurement import Measurement, measured
from cxrfactory.geometry.runs import Runs
from cxrfactory.geometry.spine import find_spine
from cxrfactory.geometry.structures import LUNGS, MissingStructureError, Structures
from cxrfactory.geometry.taking import taken

TRACHEA, BRONCHI, AORTA = "trachea", "bronchie", "aorta"
LEAST_ROWS = 4  # of the two bronchi below the carina
BRANCH = 0.25  # narrowest bronchus, of the trachea's width
ARM = 0.6  # length of the angle's arms in rows, of the trachea's width
WIDE = 1.5  # rows wider than this many median widths are no trachea
ENDS = 0.1  # part of the trachea's rows left out at each end

Gap = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Airway:
    """Trachea and main bronchi.

    Attributes
    ----------
    runs
        The mask.
    gap
        The gap between the two main bronchi, from its first row down: row, last column of the bronchus on its left and
        first column of the one on its right. It is empty where the mask does not part.
    width
        Median width of the trachea's rows in pixels.
    """

    runs: Runs
    gap: tuple[Gap, ...]
    width: float

    @property
    def carina(self) -> int | None:
        """First row of the two bronchi, or None where the mask does not part."""
        return self.gap[0][0] if self.gap else None


def airway_measurements(found: Structures) -> Iterator[Measurement]:
    """Yield the angle of the carina, the deviation of the trachea and the width of the aortic knob."""
    yield from taken(("carina_angle",), (TRACHEA,), lambda: (_carina_angle(found),))
    names = ("tracheal_deviation", "tracheal_deviation_ratio")
    yield from taken(names, (TRACHEA,), lambda: _deviation(found))
    yield from taken(("aortic_knob_width", "aortic_knob_ratio"), (AORTA, TRACHEA), lambda: _knob(found))


def find_airway(found: Structures) -> Airway:
    """Find the trachea and the row where it parts.

    Raises
    ------
    MissingStructureError
        If the trachea has no mask or is in pieces.
    """
    return found.once("airway", lambda: _find(found))


def _find(found: Structures) -> Airway:
    runs = found.whole(TRACHEA)
    if found.has(BRONCHI):
        runs = runs.union([found.get(BRONCHI)])
    rows, left, right = runs.outermost
    width = float(np.median((right - left + 1)[: max(1, len(rows) // 2)]))
    return Airway(runs, _gap(runs, max(2.0, BRANCH * width)), width)


def _gap(runs: Runs, least: float) -> tuple[Gap, ...]:
    """Follow each gap between two broad runs down the rows; return the first one that is long enough.

    The end of a bronchus may lie beside the trachea, with a notch of a few rows between them, which is no carina.
    """
    open_gaps: list[list[Gap]] = []
    for row in np.unique(runs.rows).tolist():
        here = np.flatnonzero((runs.rows == row) & (runs.lengths >= least))
        gaps = [(row, int(runs.last[one]), int(runs.first[other])) for one, other in pairwise(here)]
        followed = []
        for chain in open_gaps:
            _, left, right = chain[-1]
            below = [gap for gap in gaps if chain[-1][0] == row - 1 and gap[1] < right - 1 and left + 1 < gap[2]]
            if below:
                chain.append(max(below, key=lambda gap: gap[2] - gap[1]))
                followed.append(chain)
            elif len(chain) >= LEAST_ROWS:
                return tuple(chain)
        taken_up = {chain[-1] for chain in followed}
        open_gaps = [*followed, *([gap] for gap in gaps if gap not in taken_up)]
    return next((tuple(chain) for chain in open_gaps if len(chain) >= LEAST_ROWS), ())


def _carina(airway: Airway) -> int:
    if airway.carina is None:
        raise MissingStructureError("The mask of the trachea does not part into two main bronchi.")
    return airway.carina


def _carina_angle(found: Structures) -> Measurement:
    airway = find_airway(found)
    _carina(airway)
    inner = airway.gap[: max(LEAST_ROWS, round(ARM * airway.width))]
    rows, right, left = np.array(inner, np.float64).T
    lines = [np.polyfit(rows, columns, 1) for columns in (right, left)]
    leans = [float(np.degrees(np.arctan(line[0]))) for line in lines]
    angle = leans[1] - leans[0]
    if angle <= 0:
        raise MissingStructureError("The inner borders of the two main bronchi do not part.")
    ends = [(float(np.polyval(line, row)), row) for line in lines for row in (rows[0], rows[-1])]
    return measured("carina_angle", angle, ends, found.present((TRACHEA, BRONCHI)))


def _deviation(found: Structures) -> tuple[Measurement, ...]:
    airway, spine = find_airway(found), find_spine(found)
    rows, left, right = airway.runs.outermost
    width = right - left + 1
    usable = (rows < (airway.carina or airway.runs.height)) & (width <= WIDE * airway.width)
    rows, middle = rows[usable], ((left + right) / 2)[usable]
    skipped = round(ENDS * len(rows))
    rows, middle = rows[skipped : len(rows) - skipped], middle[skipped : len(middle) - skipped]
    offsets = []
    for row, x in zip(rows.tolist(), middle.tolist(), strict=True):
        try:
            offsets.append((x - spine.middle(row), x, row))
        except MissingStructureError:
            continue
    if len(offsets) < LEAST_ROWS:
        raise MissingStructureError("No vertebrae that can be relied on lie behind the trachea.")
    offset, x, row = max(offsets, key=lambda each: abs(each[0]))
    points, structures = ((x - offset, row), (x, row)), (TRACHEA, *spine.structures)
    return (
        measured("tracheal_deviation", offset, points, structures),
        measured("tracheal_deviation_ratio", offset / thoracic_width(found), points, (*structures, *LUNGS)),
    )


def _knob(found: Structures) -> tuple[Measurement, ...]:
    aorta, airway = found.whole(AORTA), find_airway(found)
    carina = _carina(airway)
    rows, _, right = aorta.outermost
    arch = rows < carina
    if not arch.any():
        raise MissingStructureError("The mask of the aorta does not reach above the carina.")
    place = int(np.argmax(right[arch]))
    row, edge = int(rows[arch][place]), int(right[arch][place])
    airway_rows, _, airway_right = airway.runs.outermost
    beside = np.flatnonzero(airway_rows == row)
    if not len(beside) or airway_right[beside[0]] >= edge:
        raise MissingStructureError("The aortic knob does not lie beside the trachea.")
    start = float(airway_right[beside[0]]) + 0.5
    width, points = edge + 0.5 - start, ((start, float(row)), (edge + 0.5, float(row)))
    return (
        measured("aortic_knob_width", width, points, (AORTA, TRACHEA)),
        measured("aortic_knob_ratio", width / thoracic_width(found), points, (AORTA, TRACHEA, *LUNGS)),
    )
