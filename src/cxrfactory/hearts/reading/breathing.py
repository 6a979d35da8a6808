"""Misalignment of short-axis slices by breathing: each slice is compared with the long-axis planes where they cross.

Slices are acquired in different breath-holds, so the heart may lie elsewhere in each. A slice and a long-axis plane
show the same tissue along the line in which they cross. The shift of the slice within its plane that makes the grey
values along all such lines agree best is reported; no pixel is moved.
"""

import itertools

import numpy as np
from jaxtyping import Float

from cxrfactory.hearts.views import HeartViews, ImagePlane

LARGEST_SHIFT_MM = 15.0
COARSE_MM, STEP_MM = 3.0, 1.0
_REACH_MM, _SAMPLE_MM = 65.0, 1.5  # samples along a line, each way from its point nearest to the centre
_FEWEST_SAMPLES = 40
# Two lines that cross at less than this angle tell the shift in one direction only.
_SMALLEST_ANGLE_DEGREES = 25.0
_FLAT = 1e-6


def slice_shifts(views: HeartViews, centre_mm: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "slices 2"]:
    """Return how far the heart in each short-axis slice lies from where the long-axis planes show it.

    Parameters
    ----------
    views
        The planes of one time.
    centre_mm
        Centre of the left ventricle; only lines near it are compared.

    Returns
    -------
    Shift along the rows (across) and along the columns (down) in mm; NaN for slices that
    fewer than two long-axis planes cross.
    """
    shifts = np.full((len(views.short_axis), 2), np.nan)
    for place, plane in enumerate(views.short_axis):
        lines = [line for other in views.long_axis.values() if (line := _line(plane, other, centre_mm)) is not None]
        if _enough([line[0] for line in lines]):
            shifts[place] = _best_shift(plane, lines)
    return shifts


def _line(
    plane: ImagePlane, other: ImagePlane, centre_mm: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Return the direction of the line in which two planes cross, points on it (mm), and the other plane's values."""
    direction = np.cross(plane.normal, other.normal)
    length = float(np.linalg.norm(direction))
    if length < np.sin(np.radians(_SMALLEST_ANGLE_DEGREES)):
        return None
    direction = direction / length
    # The point on both planes that is nearest to the centre.
    normals = np.stack([plane.normal, other.normal, direction])
    aims = [plane.origin_mm @ plane.normal, other.origin_mm @ other.normal, centre_mm @ direction]
    point = np.linalg.solve(normals, np.array(aims))
    steps = np.arange(-_REACH_MM, _REACH_MM + _SAMPLE_MM, _SAMPLE_MM)
    points = point + steps[:, None] * direction
    values = _sampled(other, points)
    kept = np.isfinite(values)
    if kept.sum() < _FEWEST_SAMPLES:
        return None
    return direction, points[kept], values[kept]


def _enough(directions: list[np.ndarray]) -> bool:
    largest = np.cos(np.radians(_SMALLEST_ANGLE_DEGREES))
    return any(abs(float(a @ b)) < largest for a, b in itertools.combinations(directions, 2))


def _best_shift(plane: ImagePlane, lines: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> np.ndarray:
    """Search in coarse steps, then in fine ones around the best."""
    steps = np.arange(-LARGEST_SHIFT_MM, LARGEST_SHIFT_MM + COARSE_MM, COARSE_MM)
    total = _agreement(plane, lines, steps, steps)
    row, column = np.unravel_index(int(np.argmax(total)), total.shape)
    fine = np.arange(-COARSE_MM, COARSE_MM + STEP_MM, STEP_MM)
    across, down = steps[column] + fine, steps[row] + fine
    total = _agreement(plane, lines, across, down)
    row, column = np.unravel_index(int(np.argmax(total)), total.shape)
    return np.array([across[column] + _between(total[row, :], column), down[row] + _between(total[:, column], row)])


def _agreement(
    plane: ImagePlane, lines: list[tuple[np.ndarray, np.ndarray, np.ndarray]], across: np.ndarray, down: np.ndarray
) -> np.ndarray:
    """Return the sum of the correlations along the lines for each shift [down, across]."""
    offsets = across[None, :, None] * plane.across + down[:, None, None] * plane.down
    total = np.zeros((len(down), len(across)))
    for _, points, values in lines:
        total += _correlation(_sampled(plane, points + offsets[..., None, :]), values)
    return total


def _between(scores: np.ndarray, place: int) -> float:
    """Return where between neighbouring steps a parabola has its top, mm."""
    if not 0 < place < len(scores) - 1:
        return 0.0
    before, here, after = scores[place - 1 : place + 2]
    bend = before - 2 * here + after
    return float(STEP_MM * 0.5 * (before - after) / bend) if bend < -_FLAT else 0.0


def _correlation(sampled: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the correlation of sampled values [..., n] with values [n], -1 where a sample lies outside the image."""
    own = sampled - sampled.mean(-1, keepdims=True)
    other = values - values.mean()
    size = np.sqrt((own**2).sum(-1) * (other**2).sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (own * other).sum(-1) / size
    return np.where(np.isfinite(found), found, -1.0)


def _sampled(plane: ImagePlane, points_mm: np.ndarray) -> np.ndarray:
    """Return the values of an image at positions near its plane, linearly; NaN outside."""
    from scipy.ndimage import map_coordinates

    column, row, _ = np.moveaxis(plane.coordinates(points_mm), -1, 0)
    return map_coordinates(plane.pixels, [row, column], order=1, mode="constant", cval=np.nan)
