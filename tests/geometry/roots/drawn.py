"""Masks of drawn roots."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from cxrfactory.geometry.roots.growing import GrownRoot, grow_plants
from cxrfactory.geometry.roots.polyline import arc_lengths, piece
from cxrfactory.geometry.roots.regions import plate_regions

Lines = Sequence[Sequence[tuple[float, float]]]


def drawn(lines: Lines, shape: tuple[int, int] = (400, 500), half_width: float = 2.5) -> np.ndarray:
    """Draw roots: bool mask of the pixels whose centres lie within ``half_width`` of a line."""
    mask = np.zeros(shape, bool)
    for line in lines:
        points = np.asarray(line, float)
        for start, end in pairwise(points):
            low = np.maximum(np.floor(np.minimum(start, end) - half_width).astype(int), 0)
            high = np.ceil(np.maximum(start, end) + half_width).astype(int) + 1
            box = (slice(low[1], high[1]), slice(low[0], high[0]))
            rows, columns = np.mgrid[low[1] : min(high[1], shape[0]), low[0] : min(high[0], shape[1])]
            step = end - start
            share = ((columns - start[0]) * step[0] + (rows - start[1]) * step[1]) / max(float(step @ step), 1e-12)
            share = np.clip(share, 0, 1)
            gaps = np.hypot(columns - start[0] - share * step[0], rows - start[1] - share * step[1])
            mask[box] |= gaps <= half_width
    return mask


def grown(mask: np.ndarray, seeds: Sequence[tuple[float, float]], least_px: float = 8.0) -> list[list[GrownRoot]]:
    """Trace the roots in one mask."""
    return over_time(np.where(mask, 0, -1).astype(np.int32), 1, seeds, least_px)


def over_time(
    arrival: np.ndarray, pictures: int, seeds: Sequence[tuple[float, float]], least_px: float = 8.0
) -> list[list[GrownRoot]]:
    """Trace the roots of a plate from its arrival map."""
    places = np.array(seeds, float)
    regions = plate_regions(arrival, places)
    found: list[list[GrownRoot]] = [[] for _ in seeds]
    for part in sorted(set(regions.part_of) - {0}):
        plants = [plant for plant, its in enumerate(regions.part_of) if its == part]
        roots = grow_plants(regions.parts == part, regions.arrival, regions.bridged, places[plants], pictures, least_px)
        for plant, each in zip(plants, roots, strict=True):
            found[plant] = each
    return found


def cut(line: Sequence[tuple[float, float]], length: float) -> np.ndarray:
    """Return the first part of a line."""
    points = np.asarray(line, float)
    return piece(points, 0.0, min(length, float(arc_lengths(points)[-1])))
