"""Traits of root systems; the one place of their formulas.

Lengths are those of the polylines. The hull is the convex hull of all points of all roots of the plant. Where the
scale is unknown, values in mm are None.

Angles in degrees:

- The emergence angle of a lateral lies between the growth of its parent at the base and the lateral's first 2 mm (15
  pixels without a scale; less if the lateral is shorter); 0 is along the parent, 90 is perpendicular to it. The
  parent's growth is the direction between the two places at half that distance before and after the base.
- The tip angle of a lateral lies between the line from its base to its tip and straight down; 0 is down, 90 is level,
  180 is up.

The side of a lateral is ``left`` or ``right`` as the picture shows it for a parent that grows downward; for another
parent, it is the side after a turn of the picture that makes the parent grow downward.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from cxrfactory.geometry.roots.polyline import angle_between, direction, nearest_place
from cxrfactory.geometry.roots.system import RootPath, attached, name_key, order_of

ANGLE_MM = 2.0  # length of a lateral that its emergence angle is taken from
ANGLE_PX = 15.0  # the same where the scale is unknown
_DOWN = np.array([0.0, 1.0])


def emergence_angle(parent: RootPath, lateral: RootPath, mm_per_pixel: float | None) -> float:
    """Return the angle between a parent's growth at a lateral's base and the lateral's first part, in degrees."""
    return angle_between(*_base_directions(parent, lateral, mm_per_pixel))


def side_of(parent: RootPath, lateral: RootPath, mm_per_pixel: float | None) -> str:
    """Return ``left`` or ``right``: the side of its parent on which a lateral grows (module docstring)."""
    along, out = _base_directions(parent, lateral, mm_per_pixel)
    return "left" if along[0] * out[1] - along[1] * out[0] > 0 else "right"


def _base_directions(parent: RootPath, lateral: RootPath, mm_per_pixel: float | None) -> tuple[np.ndarray, np.ndarray]:
    reach = ANGLE_PX if mm_per_pixel is None else ANGLE_MM / mm_per_pixel
    base = nearest_place(parent.points, lateral.points[0])[0]
    return direction(parent.points, base - reach / 2, base + reach / 2), direction(lateral.points, 0.0, reach)


def tip_angle(lateral: RootPath) -> float:
    """Return the angle between the line from a lateral's base to its tip and straight down, in degrees."""
    return angle_between(lateral.points[-1] - lateral.points[0], _DOWN)


def traits_of(roots: Sequence[RootPath], mm_per_pixel: float | None) -> dict[str, float | int | None]:
    """Measure the roots of one plant at one time.

    Parameters
    ----------
    roots
        All roots of the plant at that time; none gives lengths of 0 and no hull.
    mm_per_pixel
        Scale; None if it is unknown.

    Returns
    -------
    The columns of ``ROOT_TRAITS`` from ``main_length_px`` to ``tip_angle_deg``. The main root is the root ``1``;
    laterals are all roots that have a parent, of every order. Further roots from the seed count in the total length.
    """
    roots = attached(roots)
    by_name = {root.name: root for root in roots}
    lengths = {root.name: root.length for root in roots}
    laterals = [root for root in roots if order_of(root.name) > 0]
    main = lengths.get("1", 0.0)
    beside = float(sum(lengths[root.name] for root in laterals))
    total = float(sum(lengths.values()))
    scale = mm_per_pixel
    area, width, height = _hull(roots)
    angles = [emergence_angle(by_name[root.parent], root, scale) for root in laterals if root.parent in by_name]
    hull_mm2 = None if scale is None or area is None else area * scale**2
    return {
        "main_length_px": main,
        "laterals_length_px": beside,
        "total_length_px": total,
        "main_length_mm": None if scale is None else main * scale,
        "laterals_length_mm": None if scale is None else beside * scale,
        "total_length_mm": None if scale is None else total * scale,
        "laterals": len(laterals),
        "laterals_per_cm": len(laterals) / (main * scale / 10) if scale is not None and main > 0 else None,
        "main_share": main / total if total > 0 else None,
        "hull_area_mm2": hull_mm2,
        "hull_width_mm": None if scale is None or width is None else width * scale,
        "hull_height_mm": None if scale is None or height is None else height * scale,
        "hull_aspect": height / width if width and height is not None else None,
        "laterals_per_hull_mm": beside * scale / hull_mm2 if scale is not None and hull_mm2 else None,
        "emergence_angle_deg": float(np.mean(angles)) if angles else None,
        "tip_angle_deg": float(np.mean([tip_angle(root) for root in laterals])) if laterals else None,
    }


def _hull(roots: Sequence[RootPath]) -> tuple[float | None, float | None, float | None]:
    """Return area (pixels squared), width and height (pixels) of the hull; area 0 if all points lie on one line."""
    if not roots:
        return None, None, None
    points = np.vstack([root.points for root in roots])
    width, height = (float(each) for each in np.ptp(points, axis=0))
    try:
        return float(ConvexHull(points).volume), width, height  # in two dimensions, the volume is the area
    except QhullError:
        return 0.0, width, height


def laterals_of(
    times: Iterable[tuple[int, float, Sequence[RootPath]]], mm_per_pixel: float | None
) -> list[dict[str, Any]]:
    """Describe each lateral of one plant over all its pictures.

    Parameters
    ----------
    times
        (frame, hours, roots) of each picture in the order of time; the pictures are taken one by one.
    mm_per_pixel
        Scale; None if it is unknown.

    Returns
    -------
    Rows of ``ROOT_LATERALS`` without plate, plant and group, sorted by name. Emergence is the first picture that shows
    the lateral. Base, side, angle and length are those of the last picture that shows it.
    """
    first: dict[str, tuple[int, float]] = {}
    last: dict[str, Sequence[RootPath]] = {}
    for frame, hours, roots in times:
        for root in roots:
            if order_of(root.name) > 0:
                first.setdefault(root.name, (int(frame), float(hours)))
                last[root.name] = roots
    rows = []
    for name in sorted(first, key=name_key):
        by_name = {root.name: root for root in attached(last[name])}
        root = by_name[name]
        parent = by_name[root.parent]
        rows.append(
            {
                "root": name,
                "emergence_frame": first[name][0],
                "emergence_hours": first[name][1],
                "base_px": nearest_place(parent.points, root.points[0])[0],
                "side": side_of(parent, root, mm_per_pixel),
                "angle_deg": emergence_angle(parent, root, mm_per_pixel),
                "last_length_px": root.length,
                "mm_per_pixel": mm_per_pixel,
            }
        )
    return rows
