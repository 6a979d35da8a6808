"""Curvature of the spine in the frontal view: deviation, and Cobb angles from the centroids and from the end plates."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from cxrfactory.geometry.curve import deviation, most_tilted, tangents
from cxrfactory.geometry.measurement import Measurement, Point, measured
from cxrfactory.geometry.plates import mask_tilt
from cxrfactory.geometry.spine import LEVELS, Spine, find_spine
from cxrfactory.geometry.structures import MissingStructureError, Structures
from cxrfactory.geometry.taking import taken

PLATES_FOUND = 0.8  # share of the vertebrae with straight borders below which there is no angle of end plates
NAMES = ("scd", "cobb_curve", "cobb_plates")


def scoliosis_measurements(found: Structures) -> Iterator[Measurement]:
    """Yield the three angles of the frontal view."""
    structures = found.present(tuple(LEVELS.values()))
    try:
        spine = find_spine(found)
    except MissingStructureError as reason:
        error = reason
        yield from taken(NAMES, structures, lambda: _raise(error))
        return
    yield from curve_angles(spine)
    yield from taken(NAMES[2:], spine.structures, lambda: (_by_plates(spine),))


def curve_angles(spine: Spine) -> tuple[Measurement, Measurement]:
    """Measure the spinal curvature deviation and the Cobb angle of the curve through the centroids."""
    points = spine.centroids
    bend = deviation(points)
    ends = (points[0], points[bend.apex], points[bend.apex], points[-1])
    note = _note(spine, bend.offset, 0, bend.apex, len(points) - 1)
    leans = tangents(points)
    return (
        measured("scd", bend.angle, ends, spine.structures, note),
        _cobb("cobb_curve", spine, -leans, np.ones(len(leans), bool)),
    )


def _by_plates(spine: Spine) -> Measurement:
    leans = tangents(spine.centroids)
    tilts = np.array([mask_tilt(mask, lean) for mask, lean in zip(spine.masks, leans, strict=True)])
    known = np.isfinite(tilts)
    if known.mean() < PLATES_FOUND:
        raise MissingStructureError(
            f"{np.count_nonzero(~known)} of {len(known)} vertebrae have no straight upper and lower border, as "
            "where the mask holds the processes too."
        )
    return _cobb("cobb_plates", spine, tilts, known)


def _cobb(name: str, spine: Spine, tilts: Float[np.ndarray, " n"], known: np.ndarray) -> Measurement:
    places = np.flatnonzero(known)
    upper, lower = (int(places[end]) for end in most_tilted(tilts[places]))
    between = spine.centroids[upper : lower + 1]
    apex, offset = upper, 0.0
    if len(between) > 2:
        bend = deviation(between)
        apex, offset = upper + bend.apex, bend.offset
    half = 0.75 * float(np.median(np.hypot(*np.diff(spine.centroids, axis=0).T)))
    lines = [_line_through(spine.centroids[end], tilts[end], half) for end in (upper, lower)]
    note = _note(spine, offset, upper, apex, lower)
    return measured(name, abs(tilts[upper] - tilts[lower]), (*lines[0], *lines[1]), spine.structures, note)


def _line_through(centre: np.ndarray, tilt: float, half: float) -> tuple[Point, Point]:
    along = half * np.array([np.cos(np.radians(tilt)), np.sin(np.radians(tilt))])
    return tuple(centre - along), tuple(centre + along)


def _note(spine: Spine, offset: float, upper: int, apex: int, lower: int) -> str:
    # The patient's right is on the image's left, where x is small.
    side = "none" if offset == 0 else "left" if offset > 0 else "right"
    return f"side: {side}; apex: {spine.levels[apex]}; upper: {spine.levels[upper]}; lower: {spine.levels[lower]}"


def _raise(error: Exception) -> tuple[Measurement, ...]:
    raise error
