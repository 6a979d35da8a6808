"""Reading of one examination of a heart: cine MR as DICOM or NIfTI, to the views at end-diastole and end-systole."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import ImageError
from cxrfactory.hearts.reading.beats import FEWEST_BEATS, LARGEST_SPREAD, beats_seen, spread_of_systole
from cxrfactory.hearts.reading.blood_pool import left_ventricle, middle_slices, pool_areas
from cxrfactory.hearts.reading.breathing import slice_shifts
from cxrfactory.hearts.reading.cine import Cine
from cxrfactory.hearts.reading.cycle import NAMED_ENDS, ONE_BEAT, end_diastole, end_systole, moment_at, reference
from cxrfactory.hearts.reading.dicom_cine import read_cines, refuse_both_kinds
from cxrfactory.hearts.reading.long_axis import long_axis_views, passing
from cxrfactory.hearts.reading.nifti_cine import read_nifti
from cxrfactory.hearts.reading.nifti_names import nifti_files
from cxrfactory.hearts.reading.rules import HeartRules
from cxrfactory.hearts.reading.stack import NEARLY_PARALLEL_DEGREES, short_axis
from cxrfactory.hearts.views import HeartViews
from cxrfactory.imaging.volume.nifti import SUFFIXES

_FEWEST_TIMES = 0.5  # share of the cycle's images that every slice must have


@dataclass(frozen=True)
class HeartReading:
    """What was read of one examination.

    Attributes
    ----------
    views
        The planes at each time that was asked for, in the order of time.
    notes
        Remarks, one line each: what was left aside, found or made up.
    view_phases
        Share of the cycle of each of the views.
    phases
        Share of the cycle of every time that all short-axis slices have.
    pool_mm2
        Area of the blood pool in the middle slices at each of these times; its smallest value is end-systole.
    centre_mm
        Centre of the left ventricle in a middle slice.
    shifts_mm
        How far the heart in each short-axis slice lies from where the long-axis planes show it, along rows and along
        columns (:func:`cxrfactory.hearts.reading.breathing.slice_shifts`); NaN where that is not known.
    """

    views: tuple[HeartViews, ...]
    notes: tuple[str, ...]
    view_phases: tuple[float, ...]
    phases: Float[np.ndarray, " times"] = field(repr=False)
    pool_mm2: Float[np.ndarray, " times"] = field(repr=False)
    centre_mm: Float[np.ndarray, " 3"] = field(repr=False)
    shifts_mm: Float[np.ndarray, "slices 2"] = field(repr=False)

    @property
    def misalignment_mm(self) -> float | None:
        """Largest shift of a slice against the median of all, in mm; None where no shift is known."""
        known = self.shifts_mm[np.isfinite(self.shifts_mm).all(1)]
        return float(np.linalg.norm(known - np.median(known, 0), axis=1).max()) if len(known) else None


def read_heart(
    place: str | Path, rules: HeartRules | None = None, case_id: str | None = None, patient_id: str | None = None
) -> list[HeartViews]:
    """Read the views of one examination; see :func:`examine_heart`.

    Examples
    --------
    >>> from cxrfactory.hearts.reading.heart import read_heart
    >>> [views.frame for views in read_heart("heart/dicom")]  # doctest: +SKIP
    ['ED', 'ES']
    """
    return list(examine_heart(place, rules, case_id, patient_id).views)


def examine_heart(
    place: str | Path, rules: HeartRules | None = None, case_id: str | None = None, patient_id: str | None = None
) -> HeartReading:
    """Read one examination and say what was found.

    Parameters
    ----------
    place
        A folder of DICOM files in any nesting, a folder of NIfTI files, or one NIfTI file.
    rules
        Rules of reading.
    case_id, patient_id
        Names of case and patient; the name of the place by default, and the case's. No header field names them.

    Raises
    ------
    ImageError
        If the files are no cine MR of one heart in one examination; the message is one line.
    """
    place = Path(place)
    rules = rules or HeartRules()
    name = case_id or _stem(place)
    if not place.exists():
        raise ImageError(f"{place.name}: no such file or folder; expected an examination of a heart")
    if place.is_file() and not place.name.lower().endswith(SUFFIXES):
        raise ImageError(f"{place.name}: not NIfTI by its name; expected a .nii or .nii.gz file, or a folder of DICOM")
    volumes = [] if place.is_file() else nifti_files(place)
    if volumes:
        refuse_both_kinds(place, len(volumes))
    if place.is_file() or volumes:
        return _from_nifti(place, rules, name, patient_id or name)
    return _from_dicom(place, rules, name, patient_id or name)


def _stem(place: Path) -> str:
    name = place.resolve().name if place.is_dir() else place.name
    suffix = next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), "")
    return name[: len(name) - len(suffix)]


def _from_dicom(place: Path, rules: HeartRules, case_id: str, patient_id: str) -> HeartReading:
    cines, notes = read_cines(place)
    try:
        stack, more = short_axis(cines, place.name)
    except ImageError as error:
        raise ImageError("; ".join([str(error), *notes])) from error
    moving = sum(len(cine.moments) > 1 for cine in cines)
    if moving and all(len(cine.moments) == 1 for cine in stack):
        raise ImageError(
            f"{place.name}: one image at each of {len(stack)} short-axis places, while {moving} other places move; "
            "expected cines of the short axis; still images are late enhancement or maps; export the cines, or take "
            "the moving series out of the folder to read one time alone"
        )
    return _assembled(_Case(place.name, case_id, patient_id, rules, stack, _beside(cines, stack), [*notes, *more]))


def _from_nifti(place: Path, rules: HeartRules, case_id: str, patient_id: str) -> HeartReading:
    found = read_nifti(place, rules)
    stack, notes = list(found.short_axis), list(found.notes)
    if found.placed:
        stack, more = short_axis(stack, place.name)
        notes += more
    else:
        stack = _base_first(stack)
    case = _Case(place.name, case_id, patient_id, rules, stack, list(found.others), notes, found.ed, found.es)
    return _assembled(case)


def _beside(cines: list[Cine], stack: list[Cine]) -> list[Cine]:
    """Return the cines that are not parallel to the stack; where the stack moves, still images count as no cines."""
    moving = any(len(cine.moments) > 1 for cine in stack)
    parallel = np.cos(np.radians(NEARLY_PARALLEL_DEGREES))
    return [
        cine
        for cine in cines
        if abs(float(cine.normal @ stack[0].normal)) < parallel and (len(cine.moments) > 1 or not moving)
    ]


@dataclass(frozen=True)
class _Case:
    """A sorted examination: the short-axis stack from base to apex, other places, and stated times."""

    place: str
    case_id: str
    patient_id: str
    rules: HeartRules
    stack: list[Cine]
    others: list[Cine]
    notes: list[str]
    ed: int | None = None
    es: int | None = None


def _assembled(case: _Case) -> HeartReading:
    phases = _common_phases(case)
    images = [_over_time(cine, phases) for cine in case.stack]
    spacing = case.stack[0].spacing_mm
    middle = images[middle_slices(len(images))]
    central = case.stack[len(case.stack) // 2]
    to_base = case.stack[0].origin_mm - case.stack[-1].origin_mm
    base = central.normal if central.normal @ to_base > 0 else -central.normal
    column, row = left_ventricle(middle, spacing, lambda c, r: passing(case.others, base, central.positions_mm(c, r)))
    centre = central.positions_mm(column, row)
    pool = pool_areas(middle, spacing, (column, row))
    beat = _one_beat(case, middle, phases, (column, row))
    long_axis, more = long_axis_views(case.others, base, centre)
    times = _named_times(case, phases, pool)
    chosen = tuple(float(phases[number]) for number in times.values())
    views = tuple(_views(case, long_axis, phase, name) for phase, name in zip(chosen, times, strict=True))
    shifts = slice_shifts(views[0], centre)
    notes = (*case.notes, *more, *beat, *_time_notes(case, times, phases), *_missing_notes(long_axis, views))
    return HeartReading(views, notes, chosen, phases, pool, centre, shifts)


def _common_phases(case: _Case) -> np.ndarray:
    """Return the phases of the times that every short-axis slice has."""
    phases = reference(case.stack).phases
    lacking = [place for place, cine in enumerate(case.stack) if _lacks(cine, phases)]
    if lacking:
        counts = sorted({len(cine.moments) for cine in case.stack})
        raise ImageError(
            f"{case.place}: short-axis slice {lacking[0] + 1} of {len(case.stack)} lacks times of the cycle (slices "
            f"have {counts[0]} to {counts[-1]} images); expected images of the whole cycle for each slice"
        )
    return np.array([phase for phase in phases if all(moment_at(cine, phase) is not None for cine in case.stack)])


def _lacks(cine: Cine, phases: np.ndarray) -> bool:
    here = sum(moment_at(cine, phase) is not None for phase in phases)
    return here < max(_FEWEST_TIMES * len(phases), 1)


def _over_time(cine: Cine, phases: np.ndarray) -> np.ndarray:
    places = [moment_at(cine, phase) for phase in phases]
    read = {place: cine.plane(place).pixels for place in sorted({p for p in places if p is not None})}
    return np.stack([read[place] for place in places if place is not None])


def _one_beat(case: _Case, images: list[np.ndarray], phases: np.ndarray, centre: tuple[float, float]) -> list[str]:
    """Refuse images without a time after the R wave that show several beats, or slices that begin at different times.

    A note tells where slices disagree though nothing says that they do not begin at the R wave.
    """
    spacing, gated = case.stack[0].spacing_mm, all(cine.gated for cine in case.stack)
    ends = (case.ed if case.rules.ed is None else case.rules.ed, case.es if case.rules.es is None else case.rules.es)
    timed = all(cine.timed for cine in case.stack)
    if not timed and None in ends and (beats := beats_seen(images, spacing, centre)) >= FEWEST_BEATS:
        raise ImageError(
            f"{case.place}: {len(phases)} images of a place without a time after the R wave, which show {beats:.1f} "
            f"heartbeats; {NAMED_ENDS if gated else ONE_BEAT}"
        )
    if (spread := spread_of_systole(images, phases, spacing, centre)) <= LARGEST_SPREAD:
        return []
    found = f"the smallest blood pools of the short-axis slices lie up to {spread:.2f} of the cycle apart"
    if gated:
        return [f"{found}; look at the views"]
    raise ImageError(f"{case.place}: {found}, as if slices began at different times of it; {ONE_BEAT}")


def _base_first(stack: list[Cine]) -> list[Cine]:
    """Return an unplaced stack from base to apex: the half with the larger blood pool is the base.

    The made-up places run towards the base, so they are given out from the last: the image at the base gets the last
    one in whatever order the file holds the slices. Otherwise a stack that begins at the base is a mirror image.
    """
    spacing = stack[0].spacing_mm
    images = [cine.plane(0).pixels[None] for cine in stack]
    centre = left_ventricle(images[middle_slices(len(images))], spacing)
    areas = [pool_areas([image], spacing, centre)[0] for image in images]
    half = len(areas) // 2
    ordered = stack if sum(areas[:half]) >= sum(areas[len(areas) - half :]) else stack[::-1]
    return [replace(cine, origin_mm=place.origin_mm) for cine, place in zip(ordered, stack[::-1], strict=True)]


def _named_times(case: _Case, phases: np.ndarray, pool: np.ndarray) -> dict[str, int]:
    """Return the index of each time to return by its name, in the order of time."""
    ed = _given("ed", case.rules.ed, case.ed, case, len(phases))
    es = _given("es", case.rules.es, case.es, case, len(phases))
    if len(phases) > 1:
        ed = end_diastole(phases, pool) if ed is None else ed
        es = end_systole(phases, pool, ed) if es is None else es
    if ed is not None and ed == es:
        raise ImageError(f"{case.place}: the same image {ed} at ED and at ES; expected two times of the cycle")
    times = {name: number for name, number in (("ED", ed), ("ES", es)) if number is not None}
    if case.rules.frames == "all" or not times:
        others = {str(number): number for number in range(len(phases)) if number not in times.values()}
        times = {**times, **others}
    return dict(sorted(times.items(), key=lambda item: item[1]))


def _given(what: str, rule: int | None, stated: int | None, case: _Case, many: int) -> int | None:
    number = stated if rule is None else rule
    if number is not None and not 0 <= number < many:
        raise ImageError(f"{case.place}: image {number} is given as {what.upper()}, but there are {many} times, from 0")
    return number


def _views(case: _Case, long_axis: dict[str, Cine], phase: float, name: str) -> HeartViews:
    at = {view: moment_at(cine, phase) for view, cine in long_axis.items()}
    planes = tuple(cine.plane(moment) for cine in case.stack if (moment := moment_at(cine, phase)) is not None)
    seen = {view: long_axis[view].plane(moment) for view, moment in at.items() if moment is not None}
    return HeartViews(case.case_id, case.patient_id, name, planes, seen)


def _time_notes(case: _Case, times: dict[str, int], phases: np.ndarray) -> list[str]:
    notes = []
    counts = {len(cine.moments) for cine in case.stack}
    lost = len(reference(case.stack).moments) - len(phases)
    if lost:
        notes.append(f"{lost} times that some short-axis slices lack left aside")
    if len(counts) > 1:
        notes.append(f"short-axis slices have {min(counts)} to {max(counts)} images; matched by the phase of the cycle")
    if case.rules.ed is None and case.ed is None and times.get("ED", first := int(np.argmin(phases))) != first:
        notes.append(
            "the series do not begin at end-diastole, by the size of the blood pool; ED is the image with the largest "
            f"pool, at {phases[times['ED']]:.2f} of the cycle"
        )
    if len(phases) == 1:
        notes.append("one time only; end-systole cannot be found, and there is no ejection fraction")
    elif "ES" not in times:
        notes.append("no image in systole; end-systole cannot be found, and there is no ejection fraction")
    elif case.rules.es is None and case.es is None and times["ED"] == 0 and times["ES"] == len(phases) - 1 > 1:
        notes.append(f"the smallest blood pool is in the last image, at {phases[-1]:.2f} of the cycle; later ones lack")
    return notes


def _missing_notes(long_axis: dict[str, Cine], views: Sequence[HeartViews]) -> list[str]:
    notes = []
    for view in long_axis:
        without = sum(view not in each.long_axis for each in views)
        if without:
            notes.append(f"the {view} view has no image at {without} of {len(views)} times")
    return notes
