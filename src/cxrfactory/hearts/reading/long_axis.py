"""Sorting of long-axis cines into the two-, three- and four-chamber views, by geometry; words are a hint.

Series are often called by the wrong view, and planes through the right heart carry the names of planes through the
left. A view therefore is what its plane cuts: all three contain the long axis of the left ventricle, and they stand
60 degrees apart around it (American Heart Association, 17 segments). The four-chamber plane runs across the short-axis
image towards the patient's left, the three-chamber plane from the aortic root down to the back, and the two-chamber
plane from front to back.
"""

from itertools import permutations

import numpy as np
from jaxtyping import Float

from cxrfactory.hearts.reading.cine import Cine
from cxrfactory.hearts.views import LONG_AXIS

# A view's plane makes at most this angle with the long axis and passes it at most at this distance.
LARGEST_TILT_DEGREES, LARGEST_DISTANCE_MM = 25.0, 18.0
# Angle of a plane's line in the short-axis image, from the patient's left, turning towards the back.
_ANGLES = {"4ch": 0.0, "3ch": 60.0, "2ch": 120.0}
_HINT_DEGREES = 20.0  # a view by words may be this much further from its angle than another view
_MISSING_DEGREES = 40.0  # a plane further from its angle is no view, unless words call it so
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
    costs = [_costs(cine, base_normal) for cine in through]
    best: tuple[float, dict[str, int]] = (np.inf, {})
    for order in _assignments(len(through)):
        found = {view: place for view, place in zip(LONG_AXIS, order, strict=True) if place is not None}
        cost = sum(costs[place][view] for view, place in found.items())
        cost += _MISSING_DEGREES * (len(LONG_AXIS) - len(found))
        if cost < best[0]:
            best = cost, found
    views = {view: through[place] for view, place in sorted(best[1].items())}
    return views, _notes(cines, through, views)


def line_angle(cine: Cine, base_normal: Float[np.ndarray, " 3"]) -> float:
    """Return the angle of a plane's line in the short-axis image, degrees from 0 to 180.

    The angle is 0 towards the patient's left and grows towards the back.
    """
    left = _LEFT - (_LEFT @ base_normal) * base_normal
    left /= np.linalg.norm(left)
    line = np.cross(base_normal, cine.normal)
    return float(np.degrees(np.arctan2(line @ np.cross(base_normal, left), line @ left)) % 180)


def _contains(cine: Cine, base_normal: np.ndarray, centre_mm: np.ndarray) -> bool:
    tilt = np.degrees(np.arcsin(min(abs(float(cine.normal @ base_normal)), 1.0)))
    distance = abs(float((centre_mm - cine.origin_mm) @ cine.normal))
    return bool(tilt <= LARGEST_TILT_DEGREES and distance <= LARGEST_DISTANCE_MM)


def _costs(cine: Cine, base_normal: np.ndarray) -> dict[str, float]:
    angle = line_angle(cine, base_normal)
    costs = {}
    for view, usual in _ANGLES.items():
        apart = abs(angle - usual) % 180
        costs[view] = min(apart, 180 - apart) - (_HINT_DEGREES if cine.hint == view else 0.0)
    return costs


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
