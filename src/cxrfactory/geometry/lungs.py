"""Areas and heights of the lungs, the overlap of the scapulae, and a proxy of the lungs' volume from two views."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cxrfactory.geometry.measurement import Measurement, Point, excluded, measured
from cxrfactory.geometry.runs import Runs
from cxrfactory.geometry.structures import LEFT_LUNG, LUNGS, RIGHT_LUNG, MissingStructureError, Structures
from cxrfactory.geometry.taking import taken

SIDES = {"right": RIGHT_LUNG, "left": LEFT_LUNG}


def lung_measurements(found: Structures) -> Iterator[Measurement]:
    """Yield areas, heights and their ratios of the frontal view."""
    for lung in LUNGS:
        name = lung.replace(" ", "_")
        yield from taken((f"{name}_area", f"{name}_height"), (lung,), lambda lung=lung: _one_lung(found, lung))
    yield from taken(("lung_area_ratio", "lung_height_ratio"), LUNGS, lambda: _ratios(found))


def scapula_measurements(found: Structures) -> Iterator[Measurement]:
    """Yield the share of each lung that the scapula of its side covers."""
    for side, lung in SIDES.items():
        name, scapula = f"{side}_scapula_overlap", f"{side} scapula"
        yield from taken((name,), (lung, scapula), lambda side=side, lung=lung: _overlap(found, side, lung))


def lateral_lung_measurements(found: Structures) -> Iterator[Measurement]:
    """Yield area, height and depth of both lungs together in the lateral view."""
    names = ("lateral_lung_area", "lateral_lung_height", "lateral_lung_depth")
    yield from taken(names, LUNGS, lambda: _lateral(found))


def lung_volume_proxy(frontal: Mapping[str, Runs], lateral: Mapping[str, Runs]) -> Measurement:
    """Multiply the lungs' areas of two views and divide by their mean height.

    For a box of width w, depth d and height h, the result is w d h. A change between two films of one patient is
    meaningful; the value itself is no volume, because lungs are no boxes. Planimetry of both views predicts the total
    lung capacity (Harris et al., 1971).

    Parameters
    ----------
    frontal, lateral
        Masks of the frontal and of the lateral view with the same pixel size; both need the two lungs.

    Returns
    -------
    Measurement
        The proxy in cubic pixels.
    """
    try:
        first, second = (Structures(masks).together(LUNGS) for masks in (frontal, lateral))
    except MissingStructureError as reason:
        return excluded("lung_volume_proxy", str(reason), LUNGS)
    height = (_height(first) + _height(second)) / 2
    points = (*_ends_of_height(first), *_ends_of_height(second))
    return measured("lung_volume_proxy", first.area * second.area / height, points, LUNGS)


def _one_lung(found: Structures, lung: str) -> tuple[Measurement, ...]:
    runs, name = found.get(lung), lung.replace(" ", "_")
    return (
        measured(f"{name}_area", runs.area, (runs.centroid(),), (lung,)),
        measured(f"{name}_height", _height(runs), _ends_of_height(runs), (lung,)),
    )


def _ratios(found: Structures) -> tuple[Measurement, ...]:
    right, left = found.get(RIGHT_LUNG), found.get(LEFT_LUNG)
    ends = (*_ends_of_height(left), *_ends_of_height(right))
    return (
        measured("lung_area_ratio", left.area / right.area, (left.centroid(), right.centroid()), LUNGS),
        measured("lung_height_ratio", _height(left) / _height(right), ends, LUNGS),
    )


def _overlap(found: Structures, side: str, lung: str) -> tuple[Measurement, ...]:
    runs, scapula = found.get(lung), found.get(f"{side} scapula")
    common = runs.intersection(scapula)
    points = () if common.empty else (common.centroid(),)
    return (measured(f"{side}_scapula_overlap", common.area / runs.area, points, (lung, f"{side} scapula")),)


def _lateral(found: Structures) -> tuple[Measurement, ...]:
    runs = found.together(LUNGS)
    left, right = runs.column_extent
    ends = [(x, float(runs.rows[columns == at][0])) for x, columns, at in _columns(runs, left, right)]
    return (
        measured("lateral_lung_area", runs.area, (runs.centroid(),), LUNGS),
        measured("lateral_lung_height", _height(runs), _ends_of_height(runs), LUNGS),
        measured("lateral_lung_depth", right - left + 1, ends, LUNGS),
    )


def _columns(runs: Runs, left: int, right: int) -> tuple[tuple, ...]:
    return (left - 0.5, runs.first, left), (right + 0.5, runs.last, right)


def _height(runs: Runs) -> float:
    top, bottom = runs.row_extent
    return bottom - top + 1.0


def _ends_of_height(runs: Runs) -> tuple[Point, Point]:
    """Outer edges of the highest and of the lowest pixel, at the middles of their runs."""
    middles = (runs.first[[0, -1]] + runs.last[[0, -1]]) / 2
    return (float(middles[0]), runs.rows[0] - 0.5), (float(middles[1]), runs.rows[-1] + 0.5)
