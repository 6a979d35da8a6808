"""Path integrals of attenuation in both views, in one pass over the CT numbers.

The path integral is the exponent of the Beer-Lambert law along parallel rays (the paper's section 3.3, "Image
projection"). It is the sum of the attenuation (1/mm) of the voxels on a ray, times the spacing along the ray in mm, and
is dimensionless. The attenuation is mu_water (1 + HU / 1000), at least 0
(:func:`cxrfactory.projection.conventions.attenuation`), or follows a given curve.

Integer CT numbers are summed as integers and scaled once at the end. The result therefore does not depend on the order
of the voxels, and intermediate sums are not rounded: a flipped volume gives the same bytes.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Real

from cxrfactory.compiled import compiled
from cxrfactory.errors import CxrError
from cxrfactory.projection.conventions import MU_WATER_PER_MM, display
from cxrfactory.projection.slabs import in_memory_order, over_slabs

_AIR_HU = -1000
_NO_BODY = np.zeros((0, 0, 0), np.uint8)  # an empty mask means that every voxel is used
_CURVE_STEP = 2.0**-40  # 1/mm; attenuations of integer CT numbers are summed as integer multiples of this step
_STEEPEST_PER_MM = 100.0  # keeps these sums within 63 bits for any volume; lead has 6 per mm at 100 keV
_LARGEST_SIDE = 60_000  # the sum of this many voxels with the largest int16 value fits int32


@dataclass(frozen=True)
class AttenuationCurve:
    """Attenuation as a piecewise-linear function of the CT number, constant beyond its ends.

    Attributes
    ----------
    hu
        CT numbers of the nodes in ascending order.
    mu_per_mm
        Attenuation at the nodes in 1/mm, from 0 to 100.

    Raises
    ------
    CxrError
        If there are fewer than two nodes, if the lengths differ, if the CT numbers are not finite and ascending, or if
        an attenuation lies outside 0 to 100.
    """

    hu: tuple[float, ...]
    mu_per_mm: tuple[float, ...]

    def __post_init__(self):
        if len(self.hu) != len(self.mu_per_mm) or len(self.hu) < 2:
            raise CxrError(
                f"attenuation curve of {len(self.hu)} CT numbers and {len(self.mu_per_mm)} attenuations; "
                "expected as many of both, at least 2"
            )
        if not np.isfinite([*self.hu, *self.mu_per_mm]).all() or (np.diff(self.hu) <= 0).any():
            raise CxrError(f"attenuation curve with CT numbers {list(self.hu)}; expected finite, ascending numbers")
        if min(self.mu_per_mm) < 0 or max(self.mu_per_mm) > _STEEPEST_PER_MM:
            raise CxrError(
                f"attenuation curve from {min(self.mu_per_mm)} to {max(self.mu_per_mm)} per mm; "
                f"expected 0 to {_STEEPEST_PER_MM:.0f}"
            )


def path_integrals(
    hu: Real[np.ndarray, "z y x"],
    spacing_mm: tuple[float, float, float],
    curve: AttenuationCurve | None = None,
    body: Bool[np.ndarray, "z y x"] | None = None,
    threads: int = 1,
) -> tuple[Float32[np.ndarray, "rows columns_pa"], Float32[np.ndarray, "rows columns_ll"]]:
    """Compute path integrals of a CT along y (PA) and along x (LL).

    Parameters
    ----------
    hu
        Canonical volume [z, y, x] of CT numbers. An int16 volume is read in place if it is C-contiguous or a flipped
        view; other integers are converted to int16. Floats are summed in float64.
    spacing_mm
        Voxel spacing (z, y, x) in mm.
    curve
        Attenuation as a function of the CT number; the default scales the attenuation of water.
    body
        Mask that is True where the CT numbers are used; all other voxels are set to air. By default, every voxel is
        used.
    threads
        Number of slabs of slices that are processed in parallel; the result does not depend on it.

    Returns
    -------
    tuple
        Dimensionless float32 arrays, C-contiguous and in display orientation: PA [z, x] and LL [z, y].

    Raises
    ------
    CxrError
        If a CT number is not finite, if an integer CT number does not fit int16, if the shapes of volume and body
        differ, or if the spacing is not positive.
    """
    if hu.ndim != 3 or 0 in hu.shape or max(hu.shape) > _LARGEST_SIDE:
        raise CxrError(f"CT of shape {hu.shape}; expected three axes of 1 to {_LARGEST_SIDE} voxels")
    if body is not None and (body.shape != hu.shape or body.dtype != bool):
        raise CxrError(f"body mask {body.dtype} of shape {body.shape}; expected bool of the CT's shape {hu.shape}")
    if len(spacing_mm) != 3 or not all(0 < step < np.inf for step in spacing_mm):
        raise CxrError(f"voxel spacing {spacing_mm} mm; expected three positive numbers (z, y, x)")
    body = None if body is None else body.view(np.uint8)
    if hu.dtype.kind == "f":
        hu = hu if hu.dtype in (np.float32, np.float64) else hu.astype(np.float64)  # includes other byte orders
        pa, ll, unit_per_mm = _of_floats(hu, curve, body, threads)
        if not (np.isfinite(pa).all() and np.isfinite(ll).all()):
            raise CxrError("the CT holds values that are no finite numbers; expected a CT number in every voxel")
    else:
        pa, ll, unit_per_mm = _of_integers(_as_int16(hu), curve, body, threads)
    return (pa * (unit_per_mm * spacing_mm[1])).astype(np.float32), (ll * (unit_per_mm * spacing_mm[2])).astype(
        np.float32
    )


def _as_int16(hu: np.ndarray) -> np.ndarray:
    if hu.dtype == np.int16:
        return hu
    if hu.dtype.kind not in "iu":
        raise CxrError(f"CT of type {hu.dtype}; expected integers or floats")
    limits = np.iinfo(np.int16)
    if hu.min() < limits.min or hu.max() > limits.max:
        raise CxrError(f"CT numbers run from {hu.min()} to {hu.max()}; expected {limits.min} to {limits.max}")
    return hu.astype(np.int16)


def _of_integers(
    hu: np.ndarray, curve: AttenuationCurve | None, body: np.ndarray | None, threads: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the sums of both views in display orientation, and the attenuation in 1/mm that a sum of 1 represents."""
    straight, steps = in_memory_order(hu)
    inside = _NO_BODY if body is None else np.ascontiguousarray(body[steps])
    depth, height, width = hu.shape
    pa, ll = np.zeros((depth, width), np.int64), np.zeros((depth, height), np.int64)
    to_pa, to_ll = display(pa, "PA")[steps[0], steps[2]], display(ll, "LL")[steps[0], steps[1]]
    table = None if curve is None else _table(curve)

    def work(slab: slice) -> None:
        weight = inside if body is None else inside[slab]
        if table is None:
            _sum_integers(straight[slab], weight, to_pa[slab], to_ll[slab])
        else:
            _sum_table(straight[slab], weight, table, to_pa[slab], to_ll[slab])

    over_slabs(work, depth, threads)
    return pa, ll, MU_WATER_PER_MM / 1000 if curve is None else _CURVE_STEP


def _of_floats(
    hu: np.ndarray, curve: AttenuationCurve | None, body: np.ndarray | None, threads: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the same as :func:`_of_integers` for floats.

    Floats are always summed in canonical order, because the last bit of a sum depends on the order.
    """
    straight = np.ascontiguousarray(hu)
    inside = _NO_BODY if body is None else np.ascontiguousarray(body)
    depth, height, width = hu.shape
    pa, ll = np.zeros((depth, width)), np.zeros((depth, height))
    to_pa, to_ll = display(pa, "PA"), display(ll, "LL")

    def work(slab: slice) -> None:
        weight = inside if body is None else inside[slab]
        if curve is None:
            _sum_floats(straight[slab], weight, to_pa[slab], to_ll[slab])
            return
        for z in range(slab.start, slab.stop):
            here = straight[z] if body is None else np.where(inside[z], straight[z], _AIR_HU)
            mu = np.interp(here, curve.hu, curve.mu_per_mm)
            to_pa[z], to_ll[z] = mu.sum(axis=0), mu.sum(axis=1)

    over_slabs(work, depth, threads)
    return pa, ll, MU_WATER_PER_MM / 1000 if curve is None else 1.0


def _table(curve: AttenuationCurve) -> np.ndarray:
    """Return the attenuation of every int16 value, in integer multiples of ``_CURVE_STEP``."""
    every = np.arange(np.iinfo(np.int16).min, np.iinfo(np.int16).max + 1)
    return np.rint(np.interp(every, curve.hu, curve.mu_per_mm) / _CURVE_STEP).astype(np.int64)


@compiled
def _sum_integers(hu, body, pa, ll):
    depth, height, width = hu.shape
    masked = body.size > 0
    columns = np.empty(width, np.int32)
    cut = np.empty(width, np.int16)
    for z in range(depth):
        columns[:] = 0
        for y in range(height):
            row = hu[z, y]
            if masked:
                inside = body[z, y]
                for x in range(width):
                    cut[x] = row[x] if inside[x] else _AIR_HU
                row = cut
            total = np.int32(0)
            for x in range(width):
                value = max(np.int32(row[x] - _AIR_HU), np.int32(0))
                columns[x] += value
                total += value
            ll[z, y] = total
        for x in range(width):
            pa[z, x] = columns[x]


@compiled
def _sum_table(hu, body, table, pa, ll):
    depth, height, width = hu.shape
    masked = body.size > 0
    columns = np.empty(width, np.int64)
    for z in range(depth):
        columns[:] = 0
        for y in range(height):
            total = np.int64(0)
            for x in range(width):
                number = _AIR_HU if masked and not body[z, y, x] else np.int64(hu[z, y, x])
                value = table[number + 32768]
                columns[x] += value
                total += value
            ll[z, y] = total
        for x in range(width):
            pa[z, x] = columns[x]


@compiled
def _sum_floats(hu, body, pa, ll):
    depth, height, width = hu.shape
    masked = body.size > 0
    columns = np.empty(width)
    values = np.zeros((width + 7) // 8 * 8)  # the values beyond the width stay 0
    lanes = np.empty(8)  # independent partial sums that the processor can add in parallel
    for z in range(depth):
        columns[:] = 0
        for y in range(height):
            row = hu[z, y]
            for x in range(width):
                value = np.float64(row[x]) - _AIR_HU
                values[x] = 0.0 if value < 0 else value  # NaN stays NaN and is detected in the sum
            if masked:
                inside = body[z, y]
                for x in range(width):
                    values[x] = values[x] if inside[x] else 0.0
            for x in range(width):
                columns[x] += values[x]
            lanes[:] = 0
            for x in range(0, values.size, 8):
                for lane in range(8):
                    lanes[lane] += values[x + lane]
            ll[z, y] = lanes.sum()
        for x in range(width):
            pa[z, x] = columns[x]
