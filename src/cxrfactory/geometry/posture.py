"""How the patient stood and breathed: symmetry of the clavicles and ribs above the diaphragm."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cxrfactory.geometry.diaphragm import diaphragm
from cxrfactory.geometry.measurement import Measurement, measured
from cxrfactory.geometry.spine import find_spine
from cxrfactory.geometry.structures import RIGHT_LUNG, MissingStructureError, Structures
from cxrfactory.geometry.taking import taken

RIGHT_CLAVICLE, LEFT_CLAVICLE, LIVER = "right clavicle", "left clavicle", "liver"
RIGHT_RIBS = tuple(f"right rib {number}" for number in range(1, 13))
LONG_RIBS = 10  # ribs 11 and 12 may end before the clavicle's middle


def posture_measurements(found: Structures) -> Iterator[Measurement]:
    """Yield the symmetry of the clavicles and the number of posterior ribs above the right diaphragm."""
    clavicles = (RIGHT_CLAVICLE, LEFT_CLAVICLE)
    yield from taken(("clavicle_symmetry",), clavicles, lambda: (_symmetry(found),))
    yield from taken(("posterior_ribs",), ("right rib 1", RIGHT_CLAVICLE), lambda: (_posterior_ribs(found),))


def _symmetry(found: Structures) -> Measurement:
    right, left = found.whole(RIGHT_CLAVICLE), found.whole(LEFT_CLAVICLE)
    spine = find_spine(found)
    inner, other = int(np.argmax(right.last)), int(np.argmin(left.first))
    ends = (right.last[inner] + 0.5, float(right.rows[inner])), (left.first[other] - 0.5, float(left.rows[other]))
    middles = [spine.middle(y) for _, y in ends]
    to_right, to_left = middles[0] - ends[0][0], ends[1][0] - middles[1]
    if to_right + to_left <= 0:
        raise MissingStructureError("The medial ends of the clavicles overlap.")
    points = (ends[0], (middles[0], ends[0][1]), (middles[1], ends[1][1]), ends[1])
    structures = (RIGHT_CLAVICLE, LEFT_CLAVICLE, *spine.structures)
    return measured("clavicle_symmetry", (to_left - to_right) / (to_left + to_right), points, structures)


def _posterior_ribs(found: Structures) -> Measurement:
    clavicle = found.whole(RIGHT_CLAVICLE)
    if clavicle.touches_border():
        raise MissingStructureError("The right clavicle is cut off, so its middle is not known.")
    column = sum(clavicle.column_extent) // 2
    floor, source = _floor(found, column)
    crossings = {}
    for number, name in enumerate(RIGHT_RIBS, 1):
        rows = found.get(name).rows_in_column(column) if found.has(name) else ()
        if len(rows):
            crossings[number] = float(rows[0])  # the posterior part of a rib lies above its anterior part
    above = [number for number, row in crossings.items() if row < floor]
    if not above:
        raise MissingStructureError("No posterior rib was found above the right diaphragm.")
    count = max(above)
    if count < LONG_RIBS and not found.has(RIGHT_RIBS[count]):
        raise MissingStructureError(f"Rib {count + 1} has no mask, so more ribs could lie above the right diaphragm.")
    points = ((float(column), crossings[count]), (float(column), floor))
    return measured("posterior_ribs", count, points, (RIGHT_RIBS[count - 1], RIGHT_CLAVICLE, source))


def _floor(found: Structures, column: int) -> tuple[float, str]:
    """Row of the right diaphragm in a column: the top of the liver where there is one, else the lung's lower border."""
    if found.has(LIVER):
        rows = found.get(LIVER).rows_in_column(column)
        if len(rows):
            return float(rows[0]), LIVER
    points = diaphragm(found, "right").points
    place = np.flatnonzero(points[:, 0] == column)
    if not len(place):
        raise MissingStructureError("The right diaphragm does not reach the middle of the right clavicle.")
    return float(points[place[0], 1]), RIGHT_LUNG
