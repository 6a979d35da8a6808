"""The lower borders of the lungs: height and curvature of the domes, and the costophrenic angles.

The border is followed from the costophrenic point towards the heart. It ends where the heart lies below the lung, or
where it turns up steeply along the mediastinum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cxrfactory.geometry.heart import thoracic_width
from cxrfactory.geometry.lungs import SIDES
from cxrfactory.geometry.measurement import Measurement, excluded, measured
from cxrfactory.geometry.runs import Runs
from cxrfactory.geometry.structures import HEART, LUNGS, MissingStructureError, Structures
from cxrfactory.geometry.taking import taken

LATERAL_PART = 0.4  # of a lung's width, where the costophrenic point is looked for
STEEP = 3.0  # rows by column: steeper than a diaphragm away from the costophrenic point
CALM_PART = 0.25  # of a lung's width next to the costophrenic point, where the border may be steep
LEAST_LENGTH = 0.3  # of a lung's width: a shorter border is no diaphragm
LEAST_POINTS = 3  # two ends and one between them
ARM = 0.1  # length of the angle's arms, of the lung's height
BELOW = ("liver", "stomach", "spleen")  # organs below the diaphragm
LARGEST_OVERLAP = 0.02  # of a lung with one of them
TIP = 0.2  # part of the arms next to the rounded tip that is left out


@dataclass(frozen=True, eq=False)
class Border:
    """Lower border of one lung from the costophrenic point to the heart.

    Attributes
    ----------
    points
        Points (x, y), ``[n, 2]``; the first one is the costophrenic point.
    dome
        Index of the point farthest above the line between the two ends.
    height
        Distance of that point from the line in pixels.
    top
        Index of the highest point.
    """

    points: Float[np.ndarray, "n 2"]
    dome: int
    height: float
    top: int

    @property
    def chord(self) -> float:
        """Length of the line between the two ends in pixels."""
        return float(np.hypot(*(self.points[-1] - self.points[0])))


def diaphragm_measurements(found: Structures) -> Iterator[Measurement]:
    """Yield height and curvature of each dome, their difference, and the costophrenic angles."""
    for side, lung in SIDES.items():
        names = (f"{side}_diaphragm_dome", f"{side}_diaphragm_curvature")
        yield from taken(names, (lung, HEART), lambda side=side: _dome(found, side))
        name = f"{side}_costophrenic_angle"
        yield from taken((name,), (lung,), lambda side=side: (_costophrenic(found, side),))
    names = ("diaphragm_difference", "diaphragm_difference_ratio")
    yield from taken(names, (*LUNGS, HEART), lambda: _difference(found))


def diaphragm(found: Structures, side: str) -> Border:
    """Find the lower border of one lung.

    Raises
    ------
    MissingStructureError
        If the lung or the heart has no mask, the lung is cut off at the lower border of the frame, or its lower border
        shows no dome, or the lung goes on behind the organs below the diaphragm, as in a footprint.
    """
    return found.once(f"{side} diaphragm", lambda: _find(found, side))


def _find(found: Structures, side: str) -> Border:
    lung, heart = _above_diaphragm(found, side), found.get(HEART)
    x, y = _from_lateral(lung, side)
    start = _costophrenic_place(lung, side, x, y)
    x, y = x[start:], y[start:]
    under = np.flatnonzero(heart.lower_border[x] > y)
    stop = int(under[0]) if len(under) else len(x)
    width = lung.column_extent[1] - lung.column_extent[0] + 1
    window = max(2, round(0.02 * width))
    rise = y[:-window] - y[window:]
    steep = np.flatnonzero(rise > STEEP * window)
    steep = steep[steep > CALM_PART * width]
    stop = min(stop, int(steep[0]) + 1 if len(steep) else stop)
    if stop < LEAST_LENGTH * width:
        raise MissingStructureError(f"The lower border of the {SIDES[side]} is too short beside the heart.")
    if stop < LEAST_POINTS:
        raise MissingStructureError(f"The lower border of the {SIDES[side]} is too narrow for a dome.")
    points = np.column_stack([x[:stop], y[:stop]]).astype(np.float64)
    chord = points[-1] - points[0]
    offsets = np.sign(chord[0]) * (chord[1] * (points[:, 0] - points[0, 0]) - chord[0] * (points[:, 1] - points[0, 1]))
    dome = int(np.argmax(offsets))
    height = float(offsets[dome] / np.hypot(*chord))
    if height < 1:
        raise MissingStructureError(f"The lower border of the {SIDES[side]} has no dome.")
    return Border(points, dome, height, int(np.argmin(points[:, 1])))


def _above_diaphragm(found: Structures, side: str) -> Runs:
    """Return the lung, unless it is a footprint that goes on behind the organs below the diaphragm."""
    lung = found.whole(SIDES[side])
    for name in found.present(BELOW):
        if lung.intersection(found.get(name)).area > LARGEST_OVERLAP * lung.area:
            raise MissingStructureError(
                f"The mask of the {SIDES[side]} includes the part behind the diaphragm: it overlaps the {name}."
            )
    return lung


def _from_lateral(lung: Runs, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Columns of the lung from its lateral to its medial end, and the lowest row of each."""
    left, right = lung.column_extent
    border = lung.lower_border
    x = np.arange(left, right + 1)
    x = x[border[x] >= 0]
    x = x if side == "right" else x[::-1]  # the patient's right lung lies on the image's left
    return x, border[x]


def _costophrenic_place(lung: Runs, side: str, x: np.ndarray, y: np.ndarray) -> int:
    """Index of the lowest point of the lung's lateral part."""
    if lung.row_extent[1] == lung.height - 1:
        raise MissingStructureError(f"The {SIDES[side]} is cut off at the lower border of the image.")
    lateral = y[: max(1, round(LATERAL_PART * len(x)))]
    return int(np.median(np.flatnonzero(lateral == lateral.max())))


def _dome(found: Structures, side: str) -> tuple[Measurement, ...]:
    border = diaphragm(found, side)
    top, start, end = border.points[border.dome], border.points[0], border.points[-1]
    along = (end - start) / border.chord
    foot = start + along * float((top - start) @ along)
    structures = (SIDES[side], HEART)
    return (
        measured(f"{side}_diaphragm_dome", border.height, (foot, top), structures),
        measured(f"{side}_diaphragm_curvature", border.height / border.chord, (foot, top, start, end), structures),
    )


def _difference(found: Structures) -> tuple[Measurement, ...]:
    right, left = (diaphragm(found, side) for side in ("right", "left"))
    tops = (right.points[right.top], left.points[left.top])
    difference = float(tops[1][1] - tops[0][1])
    structures = (*LUNGS, HEART)
    return (
        measured("diaphragm_difference", difference, tops, structures),
        measured("diaphragm_difference_ratio", difference / thoracic_width(found), tops, structures),
    )


def _costophrenic(found: Structures, side: str) -> Measurement:
    lung, name = _above_diaphragm(found, side), f"{side}_costophrenic_angle"
    x, y = _from_lateral(lung, side)
    place = _costophrenic_place(lung, side, x, y)
    tip = np.array([x[place], y[place]], np.float64)
    rows, left, right = lung.outermost
    above = rows < tip[1]
    wall = np.column_stack([(left if side == "right" else right)[above], rows[above]])
    floor = np.column_stack([x[place:], y[place:]])
    reach = ARM * (lung.row_extent[1] - lung.row_extent[0] + 1)
    arms = [_arm(points, tip, reach) for points in (wall, floor)]
    if arms[0] is None or arms[1] is None:
        return excluded(name, f"The {SIDES[side]} is too small for an angle.", (SIDES[side],))
    (one, other) = (arm[1] - arm[0] for arm in arms)
    cosine = one @ other / np.hypot(*one) / np.hypot(*other)
    angle = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    return measured(name, angle, (*arms[0], *arms[1]), (SIDES[side],))


def _arm(points: np.ndarray, tip: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray] | None:
    """Ends of the straight line through the border's points near the tip, the nearer end first."""
    distance = np.hypot(*(points - tip).T)
    points = points[(distance >= TIP * reach) & (distance <= reach)].astype(np.float64)
    if len(points) < 4:
        return None
    centre = points.mean(axis=0)
    along = np.linalg.svd(points - centre, full_matrices=False)[2][0]
    along *= np.sign(along @ (centre - tip)) or 1.0
    place = (points - centre) @ along
    return centre + place.min() * along, centre + place.max() * along
