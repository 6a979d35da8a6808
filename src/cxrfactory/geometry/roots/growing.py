"""The roots of one plant over all its pictures: final lines, and the length of each in every picture.

The roots of all pictures together are traced once. In each picture, a root is the part of its final line that has
arrived by then, so names, places and numbers of roots never change and lengths never decrease. A lateral counts from
the picture in which it has the least length, measured from the middle of its parent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int32
from scipy import ndimage
from skimage.morphology import skeletonize

from cxrfactory.geometry.roots.extent import grown_points
from cxrfactory.geometry.roots.main_root import with_one_main
from cxrfactory.geometry.roots.polyline import arc_lengths, nearest_place, piece
from cxrfactory.geometry.roots.skeleton import simplify, skeleton_graph
from cxrfactory.geometry.roots.smoothing import from_parent, resample, smooth, to_mask_end
from cxrfactory.geometry.roots.stopped import with_stops
from cxrfactory.geometry.roots.system import RootPath
from cxrfactory.geometry.roots.tracing import TracedRoot, trace_roots

# Lengths in units (geometry/roots/lengths.py).
LINE_PX = 4.0  # steps of the final lines
LEAST_MAIN_PX = 2.0  # a plant whose main root is shorter has no roots yet
NEAR_SEED_PX = 10.0  # what branches off nearer to the seed begins at the seed
BLIND_PX = 30.0  # a lateral between two roots that is shorter is where these two touch
BEFORE_PARENT = 3  # pictures; half of a lateral does not grow by more before its parent reaches its base
BULGE_PICTURES = 5
BULGE_SHARE = 0.1  # of the series
BULGE_GROWTH_PX = 2.0
SPUR_SHARE = 0.6  # of the least length of a lateral; the skeleton's shorter branches are cut before tracing


@dataclass(frozen=True)
class GrownRoot:
    """One root over all pictures.

    Attributes
    ----------
    name, parent
        As in :class:`~cxrfactory.geometry.roots.system.RootPath`.
    line
        float64 [n, 2]: its line (x, y) in the last picture, from base to tip, pixels.
    lengths
        float64 [pictures]: its length in each picture, pixels; 0 where it does not count yet.
    places
        int32 [m, 2]: pixels [row, column] along the line, at steps of about one pixel.
    counts
        int32 [pictures]: how many of these had arrived in each picture.
    bridged
        bool [m]: which of these lie in a gap of the mask.
    """

    name: str
    parent: str | None
    line: Float[np.ndarray, "n 2"]
    lengths: Float[np.ndarray, " pictures"]
    places: Int32[np.ndarray, "m 2"]
    counts: Int32[np.ndarray, " pictures"]
    bridged: Bool[np.ndarray, " m"]

    def at(self, picture: int) -> RootPath | None:
        """Return the root in a picture; None before it counts."""
        length = float(self.lengths[picture])
        if length <= 0:
            return None
        return RootPath(self.name, piece(self.line, 0.0, length), self.parent)


@dataclass
class _Draft:
    """A root before it has a name; ``base`` is the length of its parent to its base."""

    traced: TracedRoot
    parent: int | None
    line: np.ndarray
    lengths: np.ndarray
    places: np.ndarray
    counts: np.ndarray
    base: float


def grow_plants(
    mask: Bool[np.ndarray, "height width"],
    arrival: Int32[np.ndarray, "height width"],
    bridged: Bool[np.ndarray, "height width"],
    seeds: Float[np.ndarray, "plants 2"],
    pictures: int,
    least_px: float,
    unit: float = 1.0,
    one_main: bool = False,
) -> list[list[GrownRoot]]:
    """Trace the roots of plants whose roots are connected, and measure them in each picture.

    Parameters
    ----------
    mask
        One connected part of the plate's mask, indexed [row, column].
    arrival
        First picture with root at each pixel of the mask.
    bridged
        Pixels of the mask in gaps that were bridged.
    seeds
        (x, y) of the seeds of the plants, pixels.
    pictures
        Number of pictures.
    least_px
        Length from the middle of the parent from which a lateral counts, pixels.
    unit
        Factor of lengths (:func:`~cxrfactory.geometry.roots.lengths.length_unit`).
    one_main
        Whether each plant has one root from its seed (:func:`~cxrfactory.geometry.roots.main_root.with_one_main`).

    Returns
    -------
    For each plant its roots sorted by name, with positions in the plate; none if the mask is empty.
    """
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return [[] for _ in seeds]
    top, left = rows.min(), columns.min()
    box = (slice(top, rows.max() + 1), slice(left, columns.max() + 1))
    mask, arrival = np.pad(mask[box], 1), np.pad(arrival[box], 1, constant_values=-1)
    bridged = np.pad(bridged[box], 1)
    corner = np.array([left - 1, top - 1], float)
    drafts = _drafts(
        mask, arrival, np.asarray(seeds, float).reshape(-1, 2) - corner, pictures, least_px, unit, one_main
    )
    return [_named(drafts, plant, bridged, corner) for plant in range(len(seeds))]


def _drafts(
    mask: np.ndarray,
    arrival: np.ndarray,
    seeds: np.ndarray,
    pictures: int,
    least_px: float,
    unit: float,
    one_main: bool,
) -> dict[int, _Draft]:
    """Trace and measure the roots; those that are none are left out."""
    radius = ndimage.distance_transform_edt(mask)
    skeleton = skeletonize(mask)
    places = np.argwhere(skeleton)
    nearest = [int(np.argmin(((places[:, ::-1] - seed) ** 2).sum(1))) for seed in seeds]
    graph = skeleton_graph(skeleton, radius, [(int(places[each, 0]), int(places[each, 1])) for each in nearest])
    simplify(graph, SPUR_SHARE * least_px, unit)
    traced = trace_roots(graph, arrival, NEAR_SEED_PX * unit, unit)
    if one_main:
        traced = with_stops(with_one_main(traced, arrival), arrival, unit)
    found: dict[int, _Draft] = {}
    instead: dict[int, int | None] = {}  # parent of the laterals of a root that is left out
    for number, root in enumerate(traced):
        parent = root.parent
        while parent is not None and parent not in found:
            parent = instead[parent]
        draft = _draft(root, parent, found, mask, arrival, radius, seeds[root.plant], pictures, unit)
        if draft is None or not _is_root(draft, found, radius, least_px, unit):
            instead[number] = parent
            continue
        if parent is not None:
            draft.lengths[draft.lengths < least_px] = 0
        found[number] = draft
    for draft in reversed(list(found.values())):  # a parent reaches the base of each of its laterals that counts
        if draft.parent is not None:
            longer = found[draft.parent].lengths
            # A parent that begins at the lateral's base is there, too.
            least = min(max(draft.base, LEAST_MAIN_PX * unit), float(longer[-1]))
            longer[:] = np.where(draft.lengths > 0, np.maximum(longer, least), longer)
    return found


def _draft(
    root: TracedRoot,
    parent: int | None,
    found: dict[int, _Draft],
    mask: np.ndarray,
    arrival: np.ndarray,
    radius: np.ndarray,
    seed: np.ndarray,
    pictures: int,
    unit: float,
) -> _Draft | None:
    line = smooth(root.points, unit)
    base = 0.0
    lead = 0.0  # length before the skeleton begins
    if parent is None:
        place, gap = nearest_place(line, seed)
        line = piece(line, place, float(arc_lengths(line)[-1])) if place > 1e-6 else line
        if len(line) < 2:
            return None
        # A seed within the root's own half-width of the skeleton's end is the edge of the mask; a root ends there only.
        if place <= 1e-6 and gap > _value(radius, line[0]) + 1:
            line, lead = np.vstack([seed, line]), gap
    else:
        above = found[parent].line
        base, _ = nearest_place(above, root.points[0])
        line = from_parent(line, above, _value(radius, root.points[0]) - 0.5, unit)
        base, _ = nearest_place(above, line[0])
    if float(arc_lengths(line)[-1]) < 1e-6:
        return None
    cap = 0.0
    if not root.collided:
        cap = float(np.median([_value(radius, point) for point in root.points[-8:]])) - 0.5
        line = to_mask_end(line, mask, 2 * cap + 4 * unit, unit)
    line = resample(line, LINE_PX * unit)
    even = resample(line)
    # The mask has a frame of one pixel, which may lie outside of the picture.
    places = np.clip(np.rint(even[:, ::-1]).astype(np.int32), 1, np.array(mask.shape, np.int32) - 2)
    arcs = arc_lengths(even)
    when = arrival[places[:, 0], places[:, 1]].copy()
    known = np.flatnonzero((when >= 0) & (arcs >= lead))
    if not len(known):
        return None
    near = known[np.searchsorted((known[1:] + known[:-1]) / 2, np.arange(len(when)))]
    counts = grown_points(when[near], pictures)
    lengths = np.concatenate([[0.0], arcs])[counts] - cap
    lengths[lengths < LEAST_MAIN_PX * unit] = 0
    most = float(lengths[-1])
    if most <= 0:
        return None
    return _Draft(root, parent, piece(line, 0.0, most), lengths, places, counts, base)


def _is_root(draft: _Draft, found: dict[int, _Draft], radius: np.ndarray, least_px: float, unit: float) -> bool:
    """Return whether a traced line is a root and not a bulge of another one or the place where two touch."""
    if draft.parent is None:
        first = not any(each.parent is None and each.traced.plant == draft.traced.plant for each in found.values())
        return first or float(draft.lengths[-1]) >= least_px
    if float(draft.lengths[-1]) < least_px:
        return False
    if draft.traced.collided and float(draft.lengths[-1]) < BLIND_PX * unit:
        return False
    if _is_older(draft, found[draft.parent]) or _is_bulge(draft, least_px, unit):
        return False
    above = found[draft.parent].line
    away = max(nearest_place(above, point)[1] for point in draft.line[1:])
    return away > _value(radius, draft.traced.points[0]) + 0.25 * least_px


def _is_older(draft: _Draft, parent: _Draft) -> bool:
    """Return whether a branch was there before its parent reached it, such as a droplet's edge; no lateral is."""
    reached = int(np.argmax(parent.lengths >= min(draft.base, float(parent.lengths[-1]))))
    half = int(np.argmax(draft.lengths >= draft.lengths[-1] / 2))
    return half < reached - BEFORE_PARENT


def _is_bulge(draft: _Draft, least_px: float, unit: float) -> bool:
    """Return whether a branch just counts as a lateral and has not grown for a part of the series."""
    final = float(draft.lengths[-1])
    pictures = len(draft.lengths)
    since = pictures - int(np.argmax(draft.lengths >= final - BULGE_GROWTH_PX * unit))
    return final < 1.5 * least_px and since > max(BULGE_PICTURES, BULGE_SHARE * pictures)


def _value(radius: np.ndarray, point: np.ndarray) -> float:
    column, row = np.rint(point).astype(int)
    return float(radius[row, column])


def _named(drafts: dict[int, _Draft], plant: int, bridged: np.ndarray, corner: np.ndarray) -> list[GrownRoot]:
    """Name a plant's roots: those from the seed in their order, and the laterals of each as they emerged."""
    names: dict[int, str] = {}
    roots: list[GrownRoot] = []

    def visit(number: int, name: str, parent: str | None) -> None:
        draft = drafts[number]
        names[number] = name
        gaps = bridged[draft.places[:, 0], draft.places[:, 1]]
        shift = corner[::-1].astype(np.int32)
        roots.append(
            GrownRoot(name, parent, draft.line + corner, draft.lengths, draft.places + shift, draft.counts, gaps)
        )
        below = [each for each in drafts if drafts[each].parent == number]
        below.sort(key=lambda each: (int(np.argmax(drafts[each].lengths > 0)), drafts[each].base, each))
        for order, each in enumerate(below, 1):
            visit(each, f"{name}.{order}", name)

    first = [each for each in drafts if drafts[each].parent is None and drafts[each].traced.plant == plant]
    for order, number in enumerate(first, 1):
        visit(number, str(order), None)
    return roots
