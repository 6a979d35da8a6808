"""The blood of the ventricles in short-axis cines: where the left ventricle is, and how large the pool is at each time.

No network is needed: in balanced SSFP images blood is bright, the wall around it is dark, and both move with the
heartbeat. The centre chooses long-axis planes, and the smallest pool is end-systole.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

GRID_MM = 2.0
_RADII_MM = (10.0, 14.0, 18.0, 22.0, 26.0, 30.0)  # of the cavity of the left ventricle
_GAP_MM, _WALL_MM = 1.0, 8.0
_UNEVEN_COST = 0.6  # of the spread of grey values inside the disc
_DARK = 0.15  # of the brightest; discs darker than this are no blood
_MOTION_BLUR_MM, _CENTRE_BLUR_MM = 10.0, 4.0
VENTRICLE_MM = 32.0  # radius around its centre that holds the left ventricle and little else
_BASE_SHARE, _APEX_SHARE = 0.3, 0.1

Stack = Sequence[Float[np.ndarray, "times rows columns"]]


def left_ventricle(
    slices: Stack, spacing_mm: tuple[float, float], planes: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
) -> tuple[float, float]:
    """Return column and row of the centre of the left ventricle: a bright disc in a dark ring, where the image moves.

    Parameters
    ----------
    slices
        Images of each short-axis slice over time, all of one size.
    spacing_mm
        Distance of pixels along a row and along a column.
    planes
        Function that returns how many long-axis planes pass each place, given by columns and rows; places where
        several cross count more.

    Returns
    -------
    Column and row, in pixels of the slices; one centre for all slices.
    """
    from scipy.ndimage import gaussian_filter

    total = 0.0
    for images in slices:
        grid = _on_grid(images, spacing_mm)
        score = _discs(grid[0])
        if len(grid) > 1:
            motion = gaussian_filter(grid.std(0), _MOTION_BLUR_MM / GRID_MM)
            score = score * motion / max(float(motion.max()), 1e-6)
        total = total + gaussian_filter(score, _CENTRE_BLUR_MM / GRID_MM)
    if planes is not None:
        rows, columns = np.indices(np.shape(total)) * GRID_MM
        total = total * (1 + planes(columns / spacing_mm[0], rows / spacing_mm[1]))
    row, column = np.unravel_index(int(np.argmax(total)), np.shape(total))
    return float(column * GRID_MM / spacing_mm[0]), float(row * GRID_MM / spacing_mm[1])


def pool_areas(
    slices: Stack, spacing_mm: tuple[float, float], centre: tuple[float, float]
) -> Float[np.ndarray, " times"]:
    """Return the area of bright pixels near the left ventricle at each time, mm2, summed over the slices.

    A part of the right ventricle counts too; both are smallest at nearly the same time. The threshold between blood
    and the rest is Otsu's, one for all times of a slice.

    Parameters
    ----------
    slices, spacing_mm
        As in :func:`left_ventricle`; all slices with the same number of times.
    centre
        Column and row of the left ventricle.
    """
    rows, columns = np.indices(slices[0].shape[1:])
    away = np.hypot((columns - centre[0]) * spacing_mm[0], (rows - centre[1]) * spacing_mm[1])
    near = away <= VENTRICLE_MM
    areas = np.zeros(len(slices[0]))
    for images in slices:
        values = images[:, near]
        areas += (values > _otsu(values)).sum(1) * spacing_mm[0] * spacing_mm[1]
    return areas


def middle_slices(count: int) -> slice:
    """Return the slices whose pool tells the time: without the base, which moves out of its slice, and the apex."""
    return slice(round(_BASE_SHARE * count), max(count - round(_APEX_SHARE * count), 1))


def _on_grid(images: np.ndarray, spacing_mm: tuple[float, float]) -> np.ndarray:
    """Return images on a grid of :data:`GRID_MM`, from 0 (black) to 1 (the brightest hundredth)."""
    from scipy.ndimage import zoom

    scaled = zoom(images, (1, spacing_mm[1] / GRID_MM, spacing_mm[0] / GRID_MM), order=1, grid_mode=False)
    low, high = np.percentile(scaled, (1, 99))
    return np.clip((scaled - low) / max(float(high - low), 1e-6), 0, 1)


def _discs(image: np.ndarray) -> np.ndarray:
    """Return how much each place looks like the centre of an even bright disc in a dark ring, from 0 to 1.

    The contrast counts against the disc's own brightness, since fat is often brighter than blood. Larger discs count
    more, since vessels move too.
    """
    from scipy.signal import fftconvolve

    best = np.zeros(image.shape)
    for radius in _RADII_MM:
        reach = int(np.ceil((radius + _GAP_MM + _WALL_MM) / GRID_MM))
        away = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) * GRID_MM
        disc = (away <= radius).astype(float)
        ring = ((away > radius + _GAP_MM) & (away <= radius + _GAP_MM + _WALL_MM)).astype(float)
        disc, ring = disc / disc.sum(), ring / ring.sum()
        inside = fftconvolve(image, disc, "same")
        spread = np.sqrt(np.maximum(fftconvolve(image**2, disc, "same") - inside**2, 0))
        contrast = inside - fftconvolve(image, ring, "same") - _UNEVEN_COST * spread
        np.maximum(best, contrast / (inside + _DARK) * np.sqrt(radius / _RADII_MM[-1]), out=best)
    return best


def _otsu(values: np.ndarray) -> float:
    """Return the threshold that separates values into the two most compact classes (Otsu 1979)."""
    counts, edges = np.histogram(values, 128)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums[:-1] / below - (sums[-1] - sums[:-1]) / above) ** 2
    return float(edges[1:-1][int(np.nanargmax(between))]) if np.isfinite(between).any() else float(edges[-1])
