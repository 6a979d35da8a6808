"""Choice of the short-axis stack among the cines of an examination, by geometry."""

from collections import defaultdict

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import ImageError
from cxrfactory.hearts.reading.cine import Cine
from cxrfactory.hearts.reading.quarter_turns import turned_alike
from cxrfactory.imaging.volume.orientation import ANGLE_TOLERANCE_DEGREES
from cxrfactory.imaging.volume.series_order import STEP_TOLERANCE_SHARE

# Direction from base to apex in a usual heart (LPS): to the left, to the front and to the feet. The long axis of
# hearts differs from it by up to about 30 degrees (horizontal hearts of stout, vertical ones of slim people).
USUAL_APEX = np.array([0.60, -0.53, -0.60]) / np.linalg.norm([0.60, -0.53, -0.60])
LARGEST_ANGLE_DEGREES = 42.0  # axial, coronal and sagittal stacks are 52 degrees or more from the usual axis
FEWEST_SLICES = 3
_SAME_DEGREES = 1.0
# Slices that were planned again are turned by a few degrees. Within this angle, what lies 50 mm from the middle of the
# image moves by 0.12 mm along the other slices, and by less than half a step across them.
TURNED_DEGREES = 4.0
NEARLY_PARALLEL_DEGREES = 10.0
_OFF_MIDDLE_MM = 30.0  # of the heart in the image
_BETWEEN, _APART = 0.45, 0.6  # least share of a step between a turned slice and the others: in gaps, and beside
_ANATOMICAL = ("sagittal", "coronal", "axial")
# Positions that are closer than this share of a step are one place.
_SAME_PLACE = 0.25
_UNEVEN_SHARE = max(0.1, STEP_TOLERANCE_SHARE)  # slices are planned one by one; a missing one is a whole step


def short_axis(cines: list[Cine], name: str) -> tuple[list[Cine], list[str]]:
    """Return the short-axis stack from base to apex, and notes.

    The stack is the group of parallel places, along the usual axis of a heart, with the most images in all. Where one
    place was acquired several times, the last acquisition counts.

    Parameters
    ----------
    cines
        All cines of an examination; their positions are in the patient.
    name
        Name of the folder or file, for messages.

    Raises
    ------
    ImageError
        If there is no such stack, its slices differ in size or spacing, or one is missing between the others.
    """
    cines, exchanged = turned_alike(cines)
    alike = _parallel(cines)
    groups = [group for core in alike if len(_places(group := _with_turned(core, cines))) >= FEWEST_SLICES]
    along = [group for group in groups if _angle(group[0]) <= LARGEST_ANGLE_DEGREES]
    if not along:
        raise ImageError(f"{name}: {_lack(cines, groups)}")
    usual = int(np.median([len(cine.moments) for group in along for cine in group]))
    chosen = max(along, key=lambda group: _rank(group, usual))
    stack, notes = _one_size(_only_moving(chosen), name)
    if turned := sum(any(cine is one for one in exchanged) for cine in stack):
        notes.append(f"{turned} short-axis slices have exchanged or mirrored rows and columns; turned to the others")
    notes += _turned_notes(stack, cines)
    places = _places(stack)
    repeated = sum(len(place) - 1 for place in places)
    if repeated:
        notes.append(f"{repeated} short-axis slices repeat a place; the last acquisition of each counts")
    stack = [max(place, key=lambda cine: (len(cine.moments) > 1, cine.acquired)) for place in places]
    stack = stack if stack[0].normal @ USUAL_APEX > 0 else stack[::-1]
    check_even(_along(stack), name, _slack_mm(stack))
    return stack, notes


def check_even(along_mm: Float[np.ndarray, " n"], name: str, slack_mm: float = 0.0) -> None:
    """Refuse a stack with a gap.

    Parameters
    ----------
    along_mm
        Positions of the slices along their normal, from the base.
    name
        Name of the folder or file, for messages.
    slack_mm
        How much more a step may differ.

    Raises
    ------
    ImageError
        If a step differs from the others by more than planning slice by slice explains.
    """
    steps = np.diff(along_mm)
    if not len(steps):
        return
    step = float(np.median(steps)) if len(steps) > 2 else float(steps.min())
    wide = np.flatnonzero(np.abs(steps - step) > _UNEVEN_SHARE * step + slack_mm)
    if len(wide):
        missing = round(steps[wide[0]] / step) - 1
        gap = f"a gap of {missing} slice{'s' * (missing > 1)}" if missing > 0 else "uneven steps"
        raise ImageError(
            f"{name}: {gap} in the short-axis stack, between slice {wide[0] + 1} and {wide[0] + 2} of {len(along_mm)} "
            f"from the base ({steps[wide[0]]:.1f} mm among steps of {step:.1f} mm); expected even steps; export the "
            "whole stack"
        )


def _parallel(cines: list[Cine]) -> list[list[Cine]]:
    groups: list[list[Cine]] = []
    for cine in cines:
        for group in groups:
            if _turn_degrees(cine, group[0]) < _SAME_DEGREES:
                group.append(cine)
                break
        else:
            groups.append([cine])
    return groups


def _turn_degrees(one: Cine, other: Cine) -> float:
    """Return the larger angle between the rows and between the columns of two planes."""
    cosine = min(float(one.across @ other.across), float(one.down @ other.down), 1.0)
    return float(np.degrees(np.arccos(max(cosine, -1.0))))


def _with_turned(core: list[Cine], cines: list[Cine]) -> list[Cine]:
    """Add slices that are turned by a few degrees and lie beside or between those of a parallel group."""
    moving = any(len(cine.moments) > 1 for cine in core)
    turned = [cine for cine in cines if _SAME_DEGREES <= _turn_degrees(cine, core[0]) <= TURNED_DEGREES]
    turned = [cine for cine in turned if cine.size == core[0].size and (len(cine.moments) > 1 or not moving)]
    if not turned:
        return core
    turned.sort(key=lambda one: one.acquired, reverse=True)
    step = _smallest_step(core)
    for share in (_BETWEEN, _APART):
        group = _extended(core, turned, share * step)
        if _is_even(group):
            return group
    return core


def _extended(core: list[Cine], turned: list[Cine], apart_mm: float) -> list[Cine]:
    group, normal = list(core), core[0].normal
    taken = np.array([cine.middle_mm @ normal for cine in core])
    for cine in turned:
        place = float(cine.middle_mm @ normal)
        if np.abs(taken - place).min() > apart_mm:
            group.append(cine)
            taken = np.append(taken, place)
    return group


def _smallest_step(group: list[Cine]) -> float:
    gaps = np.diff(np.unique([round(float(cine.middle_mm @ group[0].normal)) for cine in group]))
    return float(gaps.min()) if len(gaps) else max(group[0].thickness_mm, 1.0)


def _is_even(group: list[Cine]) -> bool:
    ordered = [place[0] for place in _places(group)]
    try:
        check_even(_along(ordered), "", _slack_mm(ordered))
    except ImageError:
        return False
    return True


def _turned_notes(stack: list[Cine], cines: list[Cine]) -> list[str]:
    notes = []
    turned = [cine for cine in stack if _turn_degrees(cine, stack[0]) >= _SAME_DEGREES]
    if turned:
        most = max(_turn_degrees(cine, stack[0]) for cine in turned)
        notes.append(f"{len(turned)} short-axis slices are turned by up to {most:.1f} degrees against the others")
    nearly = np.cos(np.radians(NEARLY_PARALLEL_DEGREES))
    in_stack = {id(cine) for cine in stack}
    lost = [cine for cine in cines if id(cine) not in in_stack and len(cine.moments) > 1]
    lost = [cine for cine in lost if abs(float(cine.normal @ stack[0].normal)) >= nearly]
    lost = [cine for cine in lost if cine.size == stack[0].size or _turn_degrees(cine, stack[0]) >= _SAME_DEGREES]
    if lost:
        numbers = ", ".join(map(str, sorted({cine.acquired[0] for cine in lost if cine.acquired})))
        notes.append(
            f"{len(lost)} places nearly parallel to the short-axis stack, but turned against it or at its places, left "
            f"aside{f' (series {numbers})' * bool(numbers)}"
        )
    return notes


def _rank(group: list[Cine], usual: int) -> tuple:
    """Rank stacks: of moving images, called short axis, with the most images, of the most slices alike.

    More than the usual number of images at a place do not make a better stack; perfusion has one image a beat.
    """
    places = _places(group)
    moving = sum(any(len(cine.moments) > 1 for cine in place) for place in places) >= FEWEST_SLICES
    images = sum(min(max(len(cine.moments) for cine in place), usual) for place in places)
    alike = sum(_turn_degrees(cine, group[0]) < _SAME_DEGREES for cine in group)
    return moving, any(cine.hint == "sax" for cine in group), images, alike


def _along(stack: list[Cine]) -> np.ndarray:
    """Return the places of slices from the first one, measured at the middle of the images."""
    normal = stack[len(stack) // 2].normal
    return np.array([abs((cine.middle_mm - stack[0].middle_mm) @ normal) for cine in stack])


def _slack_mm(stack: list[Cine]) -> float:
    """Return how far the heart may lie off the step of turned slices, since it is not in the middle of the images."""
    most = max(_turn_degrees(cine, stack[0]) for cine in stack)
    return _OFF_MIDDLE_MM * float(np.sin(np.radians(most))) if most >= _SAME_DEGREES else 0.0


def _places(group: list[Cine]) -> list[list[Cine]]:
    """Return the cines of a parallel group by their place along the normal, in its direction."""
    normal = group[0].normal
    ordered = sorted(group, key=lambda cine: float(cine.middle_mm @ normal))
    along = np.array([cine.middle_mm @ normal for cine in ordered])
    steps = np.diff(along)
    apart = steps[steps > 0.5]
    closest = _SAME_PLACE * float(np.median(apart)) if len(apart) else 0.5
    places: list[list[Cine]] = [[ordered[0]]]
    for cine, step in zip(ordered[1:], steps, strict=True):
        if step > closest:
            places.append([])
        places[-1].append(cine)
    return places


def _images(group: list[Cine]) -> int:
    return sum(len(cine.moments) for cine in group)


def _angle(cine: Cine) -> float:
    """Angle between the normal of a plane and the usual axis of a heart, degrees."""
    return float(np.degrees(np.arccos(min(abs(cine.normal @ USUAL_APEX), 1.0))))


def _only_moving(group: list[Cine]) -> list[Cine]:
    """Leave out still images that lie beside cines, such as late enhancement, if the cines alone are a stack."""
    moving = [cine for cine in group if len(cine.moments) > 1]
    return moving if moving and len(_places(moving)) >= FEWEST_SLICES else group


def _one_size(group: list[Cine], name: str) -> tuple[list[Cine], list[str]]:
    sizes: dict[tuple, list[Cine]] = defaultdict(list)
    for cine in group:
        sizes[(cine.size, tuple(np.round(cine.spacing_mm, 4)))].append(cine)
    largest = max(sizes.values(), key=lambda alike: (len(_places(alike)), _images(alike)))
    others = [cine for cine in group if not any(cine is one for one in largest)]
    if not others:
        return largest, []
    if len(_places(largest)) < len(_places(group)) and not (_is_even(largest) and _lies_within(others, largest)):
        counted = ", ".join(
            f"{len(alike)} of {size[0]} x {size[1]} px at {spacing[1]:g} x {spacing[0]:g} mm"
            for (size, spacing), alike in sorted(sizes.items(), key=lambda item: -len(item[1]))
        )
        raise ImageError(f"{name}: short-axis slices of different sizes ({counted}); expected one size and spacing")
    return largest, [f"{len(others)} slices of another size at or between places of the short-axis stack left aside"]


def _lies_within(others: list[Cine], stack: list[Cine]) -> bool:
    """Return whether slices lie between the ends of a stack, so that it lacks none without them."""
    normal = stack[0].normal
    ends = [float(cine.middle_mm @ normal) for cine in stack]
    places = [float(cine.middle_mm @ normal) for cine in others]
    return len(_places(stack)) >= FEWEST_SLICES and min(ends) - 0.5 <= min(places) and max(places) <= max(ends) + 0.5


def _lack(cines: list[Cine], groups: list[list[Cine]]) -> str:
    """Say why there is no short-axis stack."""
    if not groups:
        most = max((len(_places(group)) for group in _parallel(cines)), default=0)
        return (
            f"no short-axis stack: {len(cines)} places, at most {most} of them parallel; expected {FEWEST_SLICES} or "
            "more parallel slices across the long axis of the heart"
        )
    largest = max(groups, key=_images)
    axis = int(np.argmax(np.abs(largest[0].normal)))
    degrees = float(np.degrees(np.arccos(min(abs(largest[0].normal[axis]), 1.0))))
    kind = _ANATOMICAL[axis] if degrees <= ANGLE_TOLERANCE_DEGREES else f"nearly {_ANATOMICAL[axis]}"
    kind = kind if degrees < 15 else f"oblique ({_angle(largest[0]):.0f} degrees from the usual axis of a heart)"
    return (
        f"no short-axis stack: the only stack is {kind}, of {len(_places(largest))} slices; expected slices across the "
        f"long axis of the heart, within {LARGEST_ANGLE_DEGREES:.0f} degrees of the usual one"
    )
