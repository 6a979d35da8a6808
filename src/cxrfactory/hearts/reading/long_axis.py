"""Sorting of long-axis cines into the two-, three- and four-chamber views, by geometry; words are a hint.

Series are often called by the wrong view, and planes through the right heart carry the names of planes through the
left. A view therefore is what its plane cuts: all three contain the long axis of the left ventricle, and they stand
about 60 degrees apart around it (American Heart Association, 17 segments). The four-chamber plane runs across the
short-axis image towards the patient's left, the three-chamber plane from the aortic root down to the back, and the
two-chamber plane from the back up to the front. All three may be turned together, as hearts are.
"""

from itertools import permutations

import numpy as np
from jaxtyping import Float

from cxrfactory.hearts.reading.cine import Cine
from cxrfactory.hearts.views import LONG_AXIS

# A view's plane makes at most this angle with the long axis and passes it at most at this distance.
LARGEST_TILT_DEGREES, LARGEST_DISTANCE_MM = 25.0, 18.0
_NEAR_MM = 10.0  # planes through one place pass it at about this distance
# Angle of a plane's line in the short-axis image, from the patient's left, turning towards the back.
_ANGLES = {"4ch": 0.0, "3ch": 58.0, "2ch": 112.0}
_HINT_DEGREES = 20.0  # a view by words may be this much further from its angle than another view
_MISSING_DEGREES = 50.0  # a plane further from its angle is no view, unless words call it so
_LARGEST_TURN_DEGREES, _TURN_COST = 25.0, 0.3  # of all views together
# Of parallel planes the nearest to the centre is the view; within a step the last acquisition counts.
_DISTANCE_STEP_MM, _DISTANCE_COST = 2.0, 1.0
_LEFT = np.array([1.0, 0.0, 0.0])


def long_axis_views(
    cines: list[Cine], base_normal: Float[np.ndarray, " 3"], centre_mm: Float[np.ndarray, " 3"]
) -> tuple[dict[str, Cine], list[str]]:
    """Return the long-axis views by name, and notes.

    Parameters
    ----------
    cines
        The cines that are not in the short-axis stack.
    base_normal
        Unit normal of the short-axis planes, towards the base of the heart.
    centre_mm
        Centre of the left ventricle in a middle slice.
    """
    through = [cine for cine in cines if _contains(cine, base_normal, centre_mm)]
    through.sort(key=lambda cine: cine.acquired)
    angles = [line_angle(cine, base_normal) for cine in through]
    steps = [round(_distance_mm(cine, centre_mm) / _DISTANCE_STEP_MM) for cine in through]
    best: tuple[float, dict[str, int]] = (np.inf, {})
    for order in _assignments(len(through)):
        found = {view: place for view, place in zip(LONG_AXIS, order, strict=True) if place is not None}
        hints = sum(through[place].hint == view for view, place in found.items())
        cost = _misfit([(angles[place] - _ANGLES[view] + 90) % 180 - 90 for view, place in found.items()])
        cost += _MISSING_DEGREES * (len(LONG_AXIS) - len(found)) - _HINT_DEGREES * hints
        cost += _DISTANCE_COST * sum(_DISTANCE_STEP_MM * steps[place] for place in found.values())
        if cost < best[0]:
            best = cost, found
    views = {view: through[place] for view, place in sorted(best[1].items())}
    return views, _notes(cines, through, views)


def passing(
    cines: list[Cine], base_normal: Float[np.ndarray, " 3"], positions_mm: Float[np.ndarray, "*places 3"]
) -> Float[np.ndarray, "*places"]:
    """Return how many planes along the long axis pass each position; a plane counts less the further it is.

    Parameters
    ----------
    cines
        Cines that are not in the short-axis stack; those that are no long-axis planes by their tilt do not count.
    base_normal
        Unit normal of the short-axis planes.
    positions_mm
        Positions in the patient.
    """
    count = np.zeros(positions_mm.shape[:-1])
    for cine in cines:
        if _tilt(cine, base_normal) <= LARGEST_TILT_DEGREES:
            count += np.exp(-((((positions_mm - cine.origin_mm) @ cine.normal) / _NEAR_MM) ** 2))
    return count


def line_angle(cine: Cine, base_normal: Float[np.ndarray, " 3"]) -> float:
    """Return the angle of a plane's line in the short-axis image, degrees from 0 to 180.

    The angle is 0 towards the patient's left and grows towards the back.
    """
    left = _LEFT - (_LEFT @ base_normal) * base_normal
    left /= np.linalg.norm(left)
    line = np.cross(base_normal, cine.normal)
    return float(np.degrees(np.arctan2(line @ np.cross(base_normal, left), line @ left)) % 180)


def _contains(cine: Cine, base_normal: np.ndarray, centre_mm: np.ndarray) -> bool:
    return _tilt(cine, base_normal) <= LARGEST_TILT_DEGREES and _distance_mm(cine, centre_mm) <= LARGEST_DISTANCE_MM


def _distance_mm(cine: Cine, centre_mm: np.ndarray) -> float:
    return abs(float((centre_mm - cine.origin_mm) @ cine.normal))


def _tilt(cine: Cine, base_normal: np.ndarray) -> float:
    """Angle between a plane and the long axis, degrees."""
    return float(np.degrees(np.arcsin(min(abs(float(cine.normal @ base_normal)), 1.0))))


def _misfit(apart: list[float]) -> float:
    """Return how far planes are from the angles of their views, less a turn of all together; degrees."""
    if not apart:
        return 0.0
    turn = float(np.clip(np.median(apart), -_LARGEST_TURN_DEGREES, _LARGEST_TURN_DEGREES))
    return sum(abs(each - turn) for each in apart) + _TURN_COST * abs(turn)


def _assignments(count: int):
    """Return which of the planes, or None, is each view, in every possible way; later acquisitions come first."""
    return permutations([*range(count - 1, -1, -1), *[None] * len(LONG_AXIS)], len(LONG_AXIS))


def _notes(cines: list[Cine], through: list[Cine], views: dict[str, Cine]) -> list[str]:
    notes = []
    beside = len(cines) - len(through)
    if beside:
        notes.append(f"{beside} places that do not contain the long axis of the left ventricle left aside")
    again = len(through) - len(views)
    if again:
        notes.append(f"{again} more long-axis places are no other view, left aside")
    notes += [
        f"the {view} view is called {cine.hint} by its words; its plane decides"
        for view, cine in views.items()
        if cine.hint and cine.hint != view
    ]
    return notes
