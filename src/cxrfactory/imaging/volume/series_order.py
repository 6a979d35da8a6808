"""Checks that a CT series is whole: the steps between its slices, and the numbers that its headers give them."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import ImageError

# Steps between slices may differ by the larger of these two; headers are often rounded to a hundredth of a mm.
STEP_TOLERANCE_SHARE, STEP_TOLERANCE_MM = 0.01, 0.01
# A step may also differ by what rounding of the positions explains, if that is below this share of the step. Where a
# slice is missing, a step differs by a whole one.
_ROUNDING_SHARE = 0.45
_MANY_DECIMALS = 16
# Slices overlap or touch in usual protocols; a step of this many thicknesses leaves gaps.
_GAP_RATIO = 1.5


def check_steps(along_mm: Float[np.ndarray, "n"], decimals: int) -> None:
    """Refuse repeated and uneven positions.

    Parameters
    ----------
    along_mm
        Positions of the slices along their normal, in increasing order, mm.
    decimals
        Decimals of the positions in the headers; they bound the effect of rounding.

    Raises
    ------
    ImageError
        If two slices share a position, or a step differs from the others by more than rounding.
    """
    steps = np.diff(along_mm)
    repeated = int((steps < STEP_TOLERANCE_MM).sum())
    if repeated:
        raise ImageError(f"{repeated} of {len(along_mm)} slices repeat a position; expected every position once")
    step = float(np.median(steps))
    uneven = np.flatnonzero(np.abs(steps - step) > max(STEP_TOLERANCE_SHARE * step, STEP_TOLERANCE_MM))
    if len(uneven) and not _rounded(along_mm, decimals):
        raise ImageError(
            f"{len(uneven)} of {len(steps)} slice steps are uneven ({steps.min():.3f} to {steps.max():.3f} mm, "
            f"the first {along_mm[uneven[0]] - along_mm[0]:.1f} mm from the end); expected no gaps"
        )


def decimals_of(number: object) -> int:
    """Return the decimals of a number as the header writes it; trailing zeros do not count."""
    try:
        exponent = Decimal(str(number)).normalize().as_tuple().exponent
    except InvalidOperation:
        return _MANY_DECIMALS
    return max(-exponent, 0) if isinstance(exponent, int) else _MANY_DECIMALS


def count_notes(numbers: Sequence[int | None], aside: Sequence[int], stated: Counter[str], slices: int) -> list[str]:
    """Compare the slices with what their headers count.

    Parameters
    ----------
    numbers
        InstanceNumber of each slice, in the order of the positions.
    aside
        InstanceNumbers of the series' objects that are no slices, such as a localizer. They account for numbers that
        no slice has; whatever they are themselves, nothing is missing between them and the slices.
    stated
        Largest value of ``NumberOfSeriesRelatedInstances`` and of ``ImagesInAcquisition``, where stated.
    slices
        Number of slices.

    Returns
    -------
    Notes on slices that may be missing at the ends.

    Raises
    ------
    ImageError
        If numbers are missing between the first and the last, or the header counts more instances than there are.
    """
    total = stated["NumberOfSeriesRelatedInstances"]
    if total > slices + len(aside):
        raise ImageError(
            f"{slices + len(aside)} instances, but the header counts {total} in the series; expected the whole series"
        )
    notes = []
    if stated["ImagesInAcquisition"] > slices + len(aside):
        notes.append(f"the header counts {stated['ImagesInAcquisition']} images in the acquisition; {slices} are here")
    known = [number for number in numbers if number is not None]
    if len(known) < slices or len(set(known)) < slices:
        return notes
    every = sorted({*known, *(number for number in aside if min(known) < number < max(known))})
    if len(every) < 3:
        return notes
    gaps = np.diff(every)
    usual = int(Counter(gaps.tolist()).most_common(1)[0][0])
    lost = int((np.maximum(gaps, usual) // usual - 1).sum())
    if lost:
        raise ImageError(
            f"{lost} InstanceNumbers are missing between {every[0]} and {every[-1]}, the first after "
            f"{every[int(np.argmax(gaps > usual))]}; expected the whole series"
        )
    before = {number for number in aside if 0 < number < every[0]}
    if every[0] - len(before) > usual:
        notes.append(f"InstanceNumbers run from {every[0]} to {every[-1]}: slices before or after may be missing")
    return notes


def gap_notes(step_mm: float, thickness_mm: float | None, between_mm: float | None) -> list[str]:
    """Return a note if the slices lie further apart than their header states, as where every second one is lost.

    Parameters
    ----------
    step_mm
        Distance of neighbouring slices, from their positions.
    thickness_mm, between_mm
        ``SliceThickness`` and ``SpacingBetweenSlices``; None where the header states none.
    """
    stated = {"SpacingBetweenSlices": between_mm, "SliceThickness": thickness_mm}
    for name, length in stated.items():
        if length and np.isfinite(length) and 0 < length * _GAP_RATIO < step_mm:
            return [
                f"slices lie {step_mm:g} mm apart, and their header states a {name} of {length:g} mm: every second "
                "slice or more may be missing"
            ]
    return []


def _rounded(along_mm: np.ndarray, decimals: int) -> bool:
    """Return whether even positions, rounded to so many decimals, explain the positions.

    Each position is off by half a unit of the last decimal at most, and so is the line through both ends.
    """
    step = (along_mm[-1] - along_mm[0]) / (len(along_mm) - 1)
    unit = 10.0**-decimals
    if unit > _ROUNDING_SHARE * step:
        return False
    line = along_mm[0] + step * np.arange(len(along_mm))
    # A missing slice moves the line by half a step only, but one of the steps by a whole one.
    worst_step = np.abs(np.diff(along_mm) - step).max()
    return bool(np.abs(along_mm - line).max() <= 1.001 * unit and worst_step <= 1.2 * unit)
