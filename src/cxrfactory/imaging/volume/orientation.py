"""Conversion of a file's axes to canonical axes: axis order, flips, obliquity and shear.

World coordinates are RAS+ in mm: x grows towards the patient's right, y towards the front, z towards the head. An
affine is a 4 x 4 matrix from an index (i, j, k) of the stored array to world (x, y, z). Canonical volumes are
[z, y, x]; the index along each axis grows in the direction of its world axis.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import CxrError, ImageError

# Largest angle between an axis and its anatomical axis, and largest deviation of two axes from a right angle. A tenth
# of a degree moves the far end of a 500 mm volume by 0.9 mm, which is about one voxel and more than the rounding of
# headers.
ANGLE_TOLERANCE_DEGREES = 0.1

# Smallest and largest spacing of voxels. A file with another spacing is damaged, and extreme values break computations.
SPACING_MM = (1e-3, 1e3)

PREFERENCES = ("agreeing", "qform", "sform")

# An affine is bare only if it is this close to one: cosines by this, the first voxel by this share of a voxel.
_BARE_COSINE, _BARE_VOXEL = 1e-4, 1e-3
_BARE_SIGNS = {"RAS": (1, 1, 1), "LPS": (-1, -1, 1)}
_CENTRED_SIGNS = (-1, 1, 1)

_TOWARDS = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}


@dataclass(frozen=True)
class VolumeLayout:
    """Spacing and axes of volumes whose files do not state them, from the release's entry in the config.

    Attributes
    ----------
    spacing_mm
        Voxel spacing along the stored array's axes (i, j, k), the fastest axis of the file first, mm.
    axes
        Three letters of R, L, A, P, S, I: the side of the patient towards which i, j and k grow.
    """

    spacing_mm: tuple[float, float, float]
    axes: str

    def __post_init__(self) -> None:
        letters = self.axes.upper()
        if len(letters) != 3 or sorted(_TOWARDS.get(letter, (9, 0))[0] for letter in letters) != [0, 1, 2]:
            raise CxrError(f"layout axes '{self.axes}'; expected one of each of R/L, A/P, S/I, such as RAS")
        if len(self.spacing_mm) != 3 or not all(np.isfinite(step) and step > 0 for step in self.spacing_mm):
            raise CxrError(f"layout spacing {tuple(self.spacing_mm)}; expected three positive numbers of mm")

    def affine(self) -> Float[np.ndarray, "4 4"]:
        """Return the affine of the layout, with the first voxel at the world origin."""
        affine = np.zeros((4, 4))
        affine[3, 3] = 1
        for axis, (letter, step) in enumerate(zip(self.axes.upper(), self.spacing_mm, strict=True)):
            row, sign = _TOWARDS[letter]
            affine[row, axis] = sign * step
        return affine


@dataclass(frozen=True)
class AffineRules:
    """Which affine of a file counts, from the release's entry in the config.

    Attributes
    ----------
    prefer
        Where qform and sform of a NIfTI file differ: ``agreeing`` refuses the file, ``qform`` and ``sform`` take one.
    trust_identity
        Whether a bare affine (:func:`bare_affine`) counts as an orientation.

    Raises
    ------
    CxrError
        If ``prefer`` is another word.
    """

    prefer: str = "agreeing"
    trust_identity: bool = False

    def __post_init__(self) -> None:
        if self.prefer not in PREFERENCES:
            raise CxrError(f"affine '{self.prefer[:40]}'; expected one of {', '.join(PREFERENCES)}")


@dataclass(frozen=True)
class AxisOrder:
    """The reordering and flips that make a stored array canonical.

    Attributes
    ----------
    source
        Index of the stored axis that becomes x, y and z.
    flipped
        Whether each of these axes runs against its world axis and is flipped.
    """

    source: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]


def split_affine(affine: Float[np.ndarray, "4 4"]) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, "3"]]:
    """Split an affine into unit directions (columns: i, j, k in world axes) and spacing (i, j, k) in mm.

    Raises
    ------
    ImageError
        If the affine holds NaN or infinity, a spacing is zero or outside :data:`SPACING_MM`, or the axes are not at
        right angles to each other (a gantry tilt).
    """
    if not np.isfinite(affine).all():
        raise ImageError("its affine holds NaN or infinity; expected finite numbers")
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if not (spacing > 0).all():
        raise ImageError(f"voxel spacing {_millimetres(spacing)}; expected three positive numbers")
    if spacing.min() < SPACING_MM[0] or spacing.max() > SPACING_MM[1]:
        raise ImageError(
            f"voxel spacing {_millimetres(spacing)}; expected {SPACING_MM[0]:g} to {SPACING_MM[1]:g} mm along each axis"
        )
    direction = affine[:3, :3] / spacing
    off_square = max(abs(float(direction[:, a] @ direction[:, b])) for a, b in ((0, 1), (0, 2), (1, 2)))
    degrees = float(np.degrees(np.arcsin(min(off_square, 1.0))))
    if degrees > ANGLE_TOLERANCE_DEGREES:
        raise ImageError(
            f"its axes are sheared by {degrees:.2f} degrees (a gantry tilt?); expected axes square to each other"
        )
    return direction, spacing


def is_regular(affine: Float[np.ndarray, "4 4"]) -> bool:
    """Return whether an affine is finite and every axis has a length."""
    return bool(np.isfinite(affine).all() and (np.linalg.norm(affine[:3, :3], axis=0) > 0).all())


def axes_letters(affine: Float[np.ndarray, "4 4"]) -> str:
    """Return the sides towards which the stored axes grow, such as ``RAS``, each to the closest."""
    direction = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    order = axis_order(direction)
    letters = {order.source[world]: ("RAS", "LPI")[order.flipped[world]][world] for world in range(3)}
    return "".join(letters[axis] for axis in range(3))


def triple(numbers: np.ndarray) -> str:
    """Return three numbers as text, such as ``0.9 x 0.9 x 5``."""
    return " x ".join(f"{number:g}" for number in numbers)


def bare_affine(affine: Float[np.ndarray, "4 4"], shape: tuple[int, ...]) -> str:
    """Return why an affine says nothing about orientation; empty if it does.

    Programs store such affines for arrays without one: the identity in their own world, RAS (nibabel, TorchIO, MONAI)
    or LPS (SimpleITK, ITK-based tools), with or without a spacing; or, for files of ANALYZE without an origin, LAS with
    the middle of the volume at the origin (nibabel, SPM). A scan's own affine has another first voxel.

    Parameters
    ----------
    affine
        Matrix from index (i, j, k) to world (x, y, z) in mm, RAS+.
    shape
        Number of voxels along i, j and k.
    """
    if not is_regular(affine):
        return ""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    signs = np.sign(np.diagonal(affine)[:3])
    if np.abs(affine[:3, :3] / spacing - np.diag(signs)).max() > _BARE_COSINE:
        return ""
    first = affine[:3, 3] / spacing
    letters = next((word for word, wanted in _BARE_SIGNS.items() if tuple(signs) == wanted), None)
    if letters and np.abs(first).max() <= _BARE_VOXEL:
        unit = np.abs(spacing - 1).max() <= _BARE_COSINE
        kind = "the identity" if unit else f"the identity but for a spacing of {triple(spacing)} mm"
        return f"its affine is {kind}, {letters} with the first voxel at 0, as arrays without one are saved"
    middle = first + signs * (np.array(shape[:3]) - 1) / 2
    if tuple(signs) == _CENTRED_SIGNS and np.abs(middle).max() <= _BARE_VOXEL:
        return "its affine is LAS with the middle voxel at 0, which programs make up for files without one"
    return ""


def axis_order(direction: Float[np.ndarray, "3 3"]) -> AxisOrder:
    """Return the order and flips that bring the stored axes closest to x, y, z.

    Of the six orders, the one with the largest sum of cosines is chosen, so the result is a valid order even at 45
    degrees.
    """
    best = max(itertools.permutations(range(3)), key=lambda order: sum(abs(direction[w, order[w]]) for w in range(3)))
    return AxisOrder(best, tuple(bool(direction[w, best[w]] < 0) for w in range(3)))  # type: ignore[arg-type]


def obliquity_degrees(direction: Float[np.ndarray, "3 3"]) -> float:
    """Return the largest angle between a stored axis and its anatomical axis, degrees."""
    order = axis_order(direction)
    # This is the component of each axis perpendicular to its world axis. An arcsine resolves small angles, which an
    # arccosine does not.
    across = [np.linalg.norm(np.delete(direction[:, order.source[w]], w)) for w in range(3)]
    return float(np.degrees(np.arcsin(min(max(across), 1.0))))


def canonical_affine(
    affine: Float[np.ndarray, "4 4"], shape: tuple[int, int, int], order: AxisOrder
) -> Float[np.ndarray, "4 4"]:
    """Return the affine of the reordered array, from its index (x, y, z) to world (x, y, z).

    Parameters
    ----------
    affine, shape
        Affine and shape of the stored array, axes (i, j, k).
    order
        Axis order of the stored array (:func:`axis_order`).
    """
    moved = affine.copy()
    for world, (axis, flipped) in enumerate(zip(order.source, order.flipped, strict=True)):
        step = affine[:3, axis]
        moved[:3, world] = -step if flipped else step
        if flipped:
            moved[:3, 3] += step * (shape[axis] - 1)
    return moved


def to_canonical(values: np.ndarray, order: AxisOrder) -> np.ndarray:
    """Convert a stored array (i, j, k) to canonical order [z, y, x], C-contiguous, with at most one copy.

    If the stored axes are x, y, z with the fastest first, as in nearly all files, nothing is copied, and flips are done
    in place, slice by slice. Therefore ``values`` must not be used afterwards.
    """
    turned = values.transpose(order.source[::-1])  # [z, y, x]
    flips = tuple(slice(None, None, -1 if flipped else None) for flipped in order.flipped[::-1])
    if not (turned.flags.c_contiguous and turned.flags.writeable):
        return np.array(turned[flips], order="C")
    depth = turned.shape[0]
    inner = flips[1:]
    if any(order.flipped[:2]):
        for z in range(depth):
            turned[z] = turned[z][inner].copy()
    if order.flipped[2]:
        for z in range(depth // 2):
            above = turned[depth - 1 - z].copy()
            turned[depth - 1 - z] = turned[z]
            turned[z] = above
    return turned


def _millimetres(numbers: np.ndarray) -> str:
    return f"{triple(numbers)} mm"
