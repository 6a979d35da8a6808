"""All measurements of a lateral view."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from cxrfactory.geometry.curve import tangents
from cxrfactory.geometry.lungs import lateral_lung_measurements
from cxrfactory.geometry.measurement import Measurement, Point, measured
from cxrfactory.geometry.runs import Runs
from cxrfactory.geometry.spine import LEVELS, Spine, find_spine
from cxrfactory.geometry.structures import HEART, LUNGS, MissingStructureError, Structures
from cxrfactory.geometry.taking import taken

UPPER_LEVELS = ("T4", "T5", "T3")  # the first one with a mask is taken
LOWER_LEVELS = ("T12", "T11", "L1")
IN_FRONT = ("sternum", HEART)  # structures that lie in front of the spine, the best first


def measure_lateral(masks: Mapping[str, Runs]) -> tuple[Measurement, ...]:
    """Take every measurement of a lateral view.

    Parameters
    ----------
    masks
        Structure's name -> runs, all of one frame; names as in the taxonomy, and ``right lung``, ``left lung`` and
        ``heart``.

    Returns
    -------
    tuple
        One measurement for each lateral definition, in the order of the definitions' table. Those that cannot be taken
        are excluded with a reason.
    """
    return tuple(_lateral_measurements(Structures(masks)))


def _lateral_measurements(found: Structures) -> Iterator[Measurement]:
    structures = found.present(tuple(LEVELS.values()))
    yield from taken(("kyphosis",), structures, lambda: (kyphosis(find_spine(found), _front(found)),))
    yield from lateral_lung_measurements(found)


def kyphosis(spine: Spine, front: float | None) -> Measurement:
    """Measure the angle between the tangents at an upper and a lower thoracic level.

    Parameters
    ----------
    spine
        Vertebrae of the lateral view.
    front
        A column in front of the spine, which gives the angle its sign; None for an angle without a sign.

    Raises
    ------
    MissingStructureError
        If no level of ``UPPER_LEVELS`` or of ``LOWER_LEVELS`` has a vertebra.
    """
    upper, lower = (_level(spine, levels) for levels in (UPPER_LEVELS, LOWER_LEVELS))
    leans = tangents(spine.centroids)
    angle = float(leans[upper] - leans[lower])  # positive where the spine is convex to the right of the image
    if front is None:
        angle = abs(angle)
    elif front > spine.centroids[:, 0].mean():
        angle = -angle
    ends = [_tangent(spine.centroids[at], leans[at], spine) for at in (upper, lower)]
    note = f"upper: {spine.levels[upper]}; lower: {spine.levels[lower]}"
    return measured("kyphosis", angle, (*ends[0], *ends[1]), spine.structures, note)


def _level(spine: Spine, levels: tuple[str, ...]) -> int:
    for level in levels:
        if level in spine.levels:
            return spine.levels.index(level)
    raise MissingStructureError(f"None of the vertebrae {', '.join(levels)} has a mask that can be relied on.")


def _front(found: Structures) -> float | None:
    for name in (*IN_FRONT, *LUNGS):
        if found.has(name):
            return found.get(name).centroid()[0]
    return None


def _tangent(centre: np.ndarray, lean: float, spine: Spine) -> tuple[Point, Point]:
    half = float(np.median(np.hypot(*np.diff(spine.centroids, axis=0).T)))
    along = half * np.array([np.sin(np.radians(lean)), np.cos(np.radians(lean))])
    return tuple(centre - along), tuple(centre + along)
