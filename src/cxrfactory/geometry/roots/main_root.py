"""Plants with one main root, such as Arabidopsis and rapeseed: all other roots branch off it.

Where the pictures tell in which order the roots grew, the main root is the longest of those that begin at the seed. In
a single picture nothing tells, and tracing may have left the main root for a branch near the seed; so there the longest
way from the seed to a tip is the main root, if it is clearly longer.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Int32

from cxrfactory.geometry.roots.polyline import arc_lengths, nearest_place, piece
from cxrfactory.geometry.roots.tracing import LATER, TracedRoot

LONGER = 1.25  # a way that is so many times as long as the main root takes its place
_LEAST_PX = 2.0  # of what is left of a root beyond the place where the main root leaves it


def with_one_main(roots: list[TracedRoot], arrival: Int32[np.ndarray, "height width"]) -> list[TracedRoot]:
    """Let each plant keep one root from its seed, and make the others laterals of it.

    Parameters
    ----------
    roots
        Roots as :func:`~cxrfactory.geometry.roots.tracing.trace_roots` returns them.
    arrival
        First picture with root at each pixel, indexed [row, column]; all equal for a single picture.

    Returns
    -------
    The roots; a parent comes before its laterals.
    """
    kept = list(roots)
    for plant in dict.fromkeys(root.plant for root in roots):
        own = [place for place, root in enumerate(roots) if root.plant == plant]
        first = [place for place in own if roots[place].parent is None]
        if not first:
            continue
        main = first[0]
        if not _told([roots[place] for place in own], arrival):
            best = max(own, key=lambda place: (_way_px(roots, place), -place))
            if _way_px(roots, best) > LONGER * _way_px(roots, main):
                main = _straightened(kept, roots, best)
        for place in own:
            if kept[place].parent is None and place != main:
                kept[place] = replace(kept[place], parent=main)
    return parents_first(kept)


def _told(roots: list[TracedRoot], arrival: np.ndarray) -> bool:
    """Return whether the roots came in pictures so far apart that these tell the order of their growth."""
    places = np.rint(np.vstack([root.points for root in roots])).astype(int)
    when = arrival[places[:, 1].clip(0, arrival.shape[0] - 1), places[:, 0].clip(0, arrival.shape[1] - 1)]
    when = when[when >= 0]
    return len(when) > 0 and float(np.ptp(np.percentile(when, (5, 95)))) >= LATER


def _base(roots: list[TracedRoot], place: int) -> float:
    """Return the length of a root's parent up to the root's base."""
    parent = roots[place].parent
    return nearest_place(roots[parent].points, roots[place].points[0])[0] if parent is not None else 0.0


def _way_px(roots: list[TracedRoot], place: int) -> float:
    """Return the length of the way from the seed along the parents of a root to its tip."""
    total, at = float(arc_lengths(roots[place].points)[-1]), place
    while (parent := roots[at].parent) is not None:
        total += _base(roots, at)
        at = parent
    return total


def _straightened(kept: list[TracedRoot], roots: list[TracedRoot], tip: int) -> int:
    """Make one root of the way to a root's tip; what its parents have beyond it becomes laterals. Return its place.

    The main root takes the place of the parent from the seed, and the rest of a parent that of the root that leaves it.
    """
    way = [tip]
    while (parent := roots[way[0]].parent) is not None:
        way.insert(0, parent)
    bases = [_base(roots, place) for place in way[1:]]
    parts = [piece(roots[place].points, 0.0, base) for place, base in zip(way, bases, strict=False)]
    main = way[0]
    kept[main] = replace(roots[main], points=np.vstack([*parts, roots[tip].points]), collided=roots[tip].collided)
    rests: dict[int, int] = {}
    for place, after, base in zip(way, way[1:], bases, strict=False):
        total = float(arc_lengths(roots[place].points)[-1])
        rests[place] = after
        rest = piece(roots[place].points, min(base, total - _LEAST_PX / 2), total)
        kept[after] = replace(roots[place], points=rest, parent=main)
    for place, root in enumerate(roots):
        if place in way or root.parent not in way:
            continue
        parent = root.parent
        beyond = parent in rests and _base(roots, place) > bases[way.index(parent)] + _LEAST_PX
        kept[place] = replace(root, parent=rests[parent] if beyond else main)
    return main


def parents_first(roots: list[TracedRoot]) -> list[TracedRoot]:
    """Return roots in an order in which parents come before their laterals."""
    order: list[int] = []
    waiting = sorted(range(len(roots)), key=lambda place: (roots[place].parent is not None, place))
    while waiting:
        ready = [place for place in waiting if roots[place].parent is None or roots[place].parent in order]
        order += ready
        waiting = [place for place in waiting if place not in ready]
    at = {place: new for new, place in enumerate(order)}
    return [
        replace(roots[place], parent=None if roots[place].parent is None else at[roots[place].parent])
        for place in order
    ]
