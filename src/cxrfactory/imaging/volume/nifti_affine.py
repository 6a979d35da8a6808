"""The affine that a NIfTI header states: by its qform (method 2 of NIfTI-1), its sform (method 3), or both."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from cxrfactory.imaging.volume.orientation import (
    ANGLE_TOLERANCE_DEGREES,
    AffineRules,
    axes_letters,
    is_regular,
    triple,
)

# Two statements of a spacing agree to this share: more than the rounding of headers, less than a wrong number.
SPACING_TOLERANCE = 1e-3
# An only sform agrees with pixdim to this share; by the standard, pixdim places no voxel then.
PIXDIM_TOLERANCE = 1e-2
# Two statements of the first voxel's place agree to this share of the smallest spacing.
ORIGIN_TOLERANCE_VOXELS = 0.1

_ADVICE = "expected one orientation; if you know which is right, set affine to qform or sform"


class Stated(NamedTuple):
    """What a header states about orientation: an affine, or what is lacking or contradictory; and a note."""

    affine: Float[np.ndarray, "4 4"] | None
    lacking: str = ""
    conflict: str = ""
    note: str = ""


def stated_affine(header: Any, rules: AffineRules) -> Stated:
    """Return the affine of a NIfTI header.

    Qform and sform count where their codes are above 0.

    Parameters
    ----------
    header
        A header of nibabel.
    rules
        Which of the two counts where they differ.
    """
    from nibabel.spatialimages import HeaderDataError

    by_qform, by_sform = int(header["qform_code"]) > 0, int(header["sform_code"]) > 0
    if not (by_qform or by_sform):
        return Stated(None, lacking="qform_code and sform_code are 0")
    sform = np.asarray(header.get_sform(), float)
    if not by_qform:
        return _beside_pixdim(header, sform, rules)
    try:
        qform = np.asarray(header.get_qform(), float)
    except (HeaderDataError, ValueError):
        qform = np.full((4, 4), np.nan)
    if not by_sform:
        return Stated(qform)
    difference = difference_of(qform, sform)
    if not difference:
        return Stated(sform)
    what = f"qform ({_described(qform)}) and sform ({_described(sform)}) differ {difference}"
    return _chosen({"qform": qform, "sform": sform}, what, rules)


def difference_of(first: Float[np.ndarray, "4 4"], second: Float[np.ndarray, "4 4"]) -> str:
    """Return in what two affines differ by more than rounding, such as ``in their axes``; empty if they agree."""
    if not (is_regular(first) and is_regular(second)):
        return "" if np.array_equal(first, second) else "in that one is no affine"
    spacings = [np.linalg.norm(affine[:3, :3], axis=0) for affine in (first, second)]
    directions = [affine[:3, :3] / spacing for affine, spacing in zip((first, second), spacings, strict=True)]
    # The angle between unit vectors is small, so the length of their difference measures it in radians.
    degrees = float(np.degrees(np.linalg.norm(directions[0] - directions[1], axis=0).max()))
    if axes_letters(first) != axes_letters(second):
        return "in their axes"
    if degrees > ANGLE_TOLERANCE_DEGREES:
        return f"by {degrees:.1f} degrees"
    if (np.abs(spacings[0] / spacings[1] - 1) > SPACING_TOLERANCE).any():
        return "in their spacing"
    shift = np.abs(first[:3, 3] - second[:3, 3]).max()
    return f"by {shift:g} mm in their first voxel" if shift > ORIGIN_TOLERANCE_VOXELS * spacings[0].min() else ""


def _beside_pixdim(header: Any, sform: np.ndarray, rules: AffineRules) -> Stated:
    """Compare an only sform with the spacing in pixdim, which many programs read instead."""
    spacing = np.abs(np.asarray(header["pixdim"][1:4], float))
    unset = not np.isfinite(spacing).all() or (spacing == 0).any() or (spacing == 1).all()
    if unset or not is_regular(sform):
        return Stated(sform)
    own = np.linalg.norm(sform[:3, :3], axis=0)
    if (np.abs(own / spacing - 1) <= PIXDIM_TOLERANCE).all():
        return Stated(sform)
    what = f"the sform has a spacing of {triple(own)} mm, but pixdim says {triple(spacing)} mm"
    return _chosen({"sform": sform}, what, rules)


def _chosen(affines: dict[str, np.ndarray], what: str, rules: AffineRules) -> Stated:
    if rules.prefer not in affines:
        return Stated(None, conflict=f"{what}; {_ADVICE}")
    return Stated(affines[rules.prefer], note=f"{what}; the {rules.prefer} is used, as the config says")


def _described(affine: np.ndarray) -> str:
    if not is_regular(affine):
        return "no affine"
    spacing = triple(np.linalg.norm(affine[:3, :3], axis=0))
    first = ", ".join(f"{number:g}" for number in affine[:3, 3])
    return f"{axes_letters(affine)}, {spacing} mm, first voxel at {first}"
