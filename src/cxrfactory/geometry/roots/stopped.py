"""Main roots that stopped, and whose way goes on in a lateral that emerged at their tip."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Int32

from cxrfactory.geometry.roots.main_root import parents_first
from cxrfactory.geometry.roots.polyline import angle_between, arc_lengths, nearest_place
from cxrfactory.geometry.roots.tracing import TracedRoot

# Lengths in units (geometry/roots/lengths.py).
LEAST_PAUSE = 6  # pictures in which nothing grew,
PAUSE_SHARE = 0.1  # of the series,
PAUSE_STEPS = 5.0  # and so many times as many as the root took for the same way elsewhere
PAUSE_PX = 3.0  # along the root, over which a pause shows
BEND_DEGREES = 35.0  # a root that only paused goes on straight
BEND_PX = 12.0  # over which the bend is measured
AT_ONCE = 0.5  # share of what would have grown in the pause; more at once is a root that was hidden, and did not stop
LEAST_PX = 10.0  # of the root before its stop


def with_stops(roots: list[TracedRoot], arrival: Int32[np.ndarray, "height width"], unit: float) -> list[TracedRoot]:
    """End each root from a seed where it stopped and a lateral emerged at its tip; what follows becomes that lateral.

    Such a place shows a pause of the growth and a bend. A pause without a bend is one of the root itself, and what
    appears at once behind a pause was hidden.

    Parameters
    ----------
    roots
        Roots as :func:`~cxrfactory.geometry.roots.tracing.trace_roots` returns them.
    arrival
        First picture with root at each pixel, indexed [row, column].
    unit
        Factor of lengths (:func:`~cxrfactory.geometry.roots.lengths.length_unit`).

    Returns
    -------
    The roots; a parent comes before its laterals.
    """
    kept = list(roots)
    for place, root in enumerate(roots):
        if root.parent is not None or (stop := _stop(root.points, arrival, unit)) is None:
            continue
        new = len(kept)
        length = float(arc_lengths(root.points)[stop])
        for other, each in enumerate(kept):
            if each.parent == place and nearest_place(root.points, each.points[0])[0] > length + unit:
                kept[other] = replace(each, parent=new)
        kept.append(replace(root, points=root.points[stop:], parent=place))
        kept[place] = replace(root, points=root.points[: stop + 1], collided=False)
    return parents_first(kept) if len(kept) > len(roots) else kept


def _stop(points: np.ndarray, arrival: np.ndarray, unit: float) -> int | None:
    """Return the index of the point at which a root stopped; None if it did not."""
    places = np.rint(points).astype(int)
    when = arrival[places[:, 1].clip(0, arrival.shape[0] - 1), places[:, 0].clip(0, arrival.shape[1] - 1)]
    arcs = arc_lengths(points)
    known = np.flatnonzero(when >= 0)
    if len(known) < 2 or arcs[-1] <= 2 * LEAST_PX * unit:
        return None
    reached = np.maximum.accumulate(np.where(when >= 0, when, when[known[0]]))
    behind = np.searchsorted(arcs, arcs + PAUSE_PX * unit).clip(0, len(arcs) - 1)
    pauses = (reached[behind] - reached).astype(float)
    pauses[(arcs < LEAST_PX * unit) | (arcs > arcs[-1] - LEAST_PX * unit)] = 0
    stop = int(np.argmax(pauses))
    pause = pauses[stop]
    growing = float(reached[-1] - reached[0]) - pause
    rate = max(growing, 1.0) / float(arcs[-1])  # pictures for a pixel
    least = max(LEAST_PAUSE, PAUSE_SHARE * float(arrival.max() + 1), PAUSE_STEPS * rate * PAUSE_PX * unit)
    if pause < least:
        return None
    stop += int(np.argmax(np.diff(reached[stop : behind[stop] + 1])))  # the last point before the pause
    at_once = float(arcs[np.flatnonzero(reached <= reached[stop + 1] + 1)[-1]] - arcs[stop])
    if at_once * rate > AT_ONCE * pause:
        return None
    before, after = (np.interp(arcs[stop] + way * unit, arcs, np.arange(len(arcs))) for way in (-BEND_PX, BEND_PX))
    here = points[stop]
    bend = angle_between(here - points[round(before)], points[round(after)] - here)
    return stop if bend >= BEND_DEGREES else None
