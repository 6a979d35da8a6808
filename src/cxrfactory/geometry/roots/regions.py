"""The part of a plate's mask that belongs to each plant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int32
from scipy import ndimage
from skimage.segmentation import watershed

# Lengths in units (geometry/roots/lengths.py).
HOLE_PX = 30  # area; smaller holes in the mask are filled
BRIDGE_PX = 12.0  # widest gap in a root that is bridged
AHEAD_PX = 30.0  # widest gap that is bridged straight on from the end of a part of a root
AHEAD_EXTENT_PX = 14  # such a part is at least so long
CLOSE_PX = 4.0  # wider gaps are only bridged in the direction of the part behind them
END_PX = 3.0  # nothing of a part of a root lies further on than its end
MOST_BEND = 50.0  # degrees between the bridge and that part
LEAST_EXTENT_PX = 8  # a part of the mask behind a gap is a speck if its box is smaller
SEED_PX = 40.0  # a root begins within this distance of the seed
BUNDLE_PX = 15.0  # parts whose upper end is so near to the seed are joined to it: they begin there, each by itself
SPECK_SHARE = 0.1  # of the largest part near a seed; smaller ones are specks
_ALL = np.ones((3, 3), bool)


@dataclass(frozen=True)
class PlateRegions:
    """The plants' parts of a plate's mask.

    Attributes
    ----------
    parts
        int32, indexed [row, column]: number of the connected part of the mask from 1, and 0 outside.
    part_of
        For each plant, the number of the part in which its roots begin; 0 for none.
    arrival
        int32: first picture with root at each pixel, -1 for never; with values in the bridged gaps and filled holes.
    bridged
        Pixels of gaps that were bridged.
    touching
        For each plant, the first picture in which its part touches that of another plant; -1 for never.
    """

    parts: Int32[np.ndarray, "height width"]
    part_of: list[int]
    arrival: Int32[np.ndarray, "height width"]
    bridged: Bool[np.ndarray, "height width"]
    touching: list[int]


def plate_regions(
    arrival: Int32[np.ndarray, "height width"],
    seeds: Float[np.ndarray, "plants 2"],
    boxes: Sequence[tuple[int, int, int, int]] = (),
    unit: float = 1.0,
    gap: float = 1.0,
) -> PlateRegions:
    """Find the connected parts of a plate's mask in which the roots of its plants begin.

    Parts of the mask that are apart from the seeds' parts are joined to these across gaps of at most
    :data:`BRIDGE_PX`, or :data:`AHEAD_PX` straight on from an end; what remains apart belongs to no plant.
    When plants touch is found by flooding the mask from all seeds in the order of arrival.

    Parameters
    ----------
    arrival
        First picture with root at each pixel, -1 for never.
    seeds
        Seeds (x, y).
    boxes
        Regions (left, top, right, bottom) of the plants; what lies outside all of them is left out. None: everywhere.
    unit, gap
        Factors of lengths: of the roots' form, and of gaps (:mod:`~cxrfactory.geometry.roots.lengths`).
    """
    arrival = arrival.copy()
    arrival[~inside_of(arrival.shape, boxes)] = -1
    _fill_holes(arrival, HOLE_PX * unit**2)
    markers = _markers(arrival, seeds, gap)
    bridged = _join_bundles(arrival, markers, seeds, unit, BUNDLE_PX * gap)
    bridged |= _bridge(arrival, markers, unit, gap)
    mask = arrival >= 0
    owner = watershed(np.where(mask, arrival, 0), markers, connectivity=_ALL, mask=mask)
    touching = [-1] * len(seeds)
    for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
        other, then = np.roll(owner, shift, (0, 1)), np.roll(arrival, shift, (0, 1))
        differ = (owner != other) & (owner > 0) & (other > 0)
        when = np.maximum(arrival, then)[differ]
        for number in np.unique(np.r_[owner[differ], other[differ]]):
            first = int(when[(owner[differ] == number) | (other[differ] == number)].min())
            before = touching[number - 1]
            touching[number - 1] = first if before < 0 else min(first, before)
    parts = ndimage.label(mask, _ALL)[0].astype(np.int32)
    part_of = [int(parts[markers == number].max(initial=0)) for number in range(1, len(seeds) + 1)]
    return PlateRegions(parts, part_of, arrival, bridged, touching)


def inside_of(shape: tuple[int, int], boxes: Sequence[tuple[int, int, int, int]]) -> Bool[np.ndarray, "height width"]:
    """Return the pixels that lie in one of the regions (left, top, right, bottom) at least; all without regions."""
    inside = np.full(shape, not boxes)
    for left, top, right, bottom in boxes:
        inside[max(top, 0) : bottom, max(left, 0) : right] = True
    return inside


def border_of(
    shape: tuple[int, int], boxes: Sequence[tuple[int, int, int, int]], width: float
) -> Bool[np.ndarray, "height width"]:
    """Return the pixels that are at most so many pixels away from what lies outside of picture or regions."""
    inside = np.pad(inside_of(shape, boxes), 1).astype(np.uint8)
    return cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1] <= width


def _markers(arrival: np.ndarray, seeds: np.ndarray, gap: float) -> np.ndarray:
    """Return the pixel of the mask at which each plant begins, with its number from 1: the nearest to its seed.

    Specks beside a seed do not count where a much larger part of the mask is near too.
    """
    markers = np.zeros(arrival.shape, np.int32)
    labels = cv2.connectedComponents((arrival >= 0).astype(np.uint8), connectivity=8)[1]
    sizes = np.bincount(labels.ravel())
    rows, columns = np.nonzero(arrival >= 0)
    for number, seed in enumerate(seeds, 1):
        gaps = np.hypot(columns - seed[0], rows - seed[1])
        size = sizes[labels[rows, columns]]
        largest = size[gaps <= BUNDLE_PX * gap].max(initial=0)
        order = np.where(size >= SPECK_SHARE * largest, gaps, np.inf)
        if len(order) and order.min() <= SEED_PX * gap:
            place = int(np.argmin(order))
            if markers[rows[place], columns[place]] == 0:
                markers[rows[place], columns[place]] = number
    return markers


def _fill_holes(arrival: np.ndarray, most: float) -> None:
    """Fill holes of at most so many pixels, with the latest arrival around them."""
    closed = cv2.morphologyEx((arrival >= 0).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    labels, number = ndimage.label(arrival < 0)
    sizes = np.bincount(labels.ravel(), minlength=number + 1)
    small = sizes <= most
    small[0] = False
    holes = (small[labels] | (closed > 0)) & (arrival < 0)
    if holes.any():
        near = ndimage.distance_transform_edt(arrival < 0, return_distances=False, return_indices=True)
        arrival[holes] = arrival[tuple(near)][holes]


def _join_bundles(arrival: np.ndarray, markers: np.ndarray, seeds: np.ndarray, unit: float, near: float) -> np.ndarray:
    """Join the parts of the mask that begin beside a seed to it; return the pixels of the bridges."""
    bridged = np.zeros(arrival.shape, bool)
    labels, number = ndimage.label(arrival >= 0, _ALL)
    own = {int(labels[row, column]) for row, column in np.argwhere(markers > 0)}
    boxes = ndimage.find_objects(labels)
    for part in range(1, number + 1):
        rows, columns = boxes[part - 1]
        if part in own or rows.stop - rows.start < LEAST_EXTENT_PX * unit:
            continue
        first = columns.start + np.flatnonzero(labels[rows.start, columns] == part)
        end = np.array([float(np.median(first)), rows.start])
        gaps = np.hypot(*(seeds - end).T)
        plant = int(np.argmin(gaps))
        home = np.argwhere(markers == plant + 1)
        if gaps[plant] > near or not len(home) or rows.stop - 1 <= seeds[plant][1]:
            continue
        _draw_bridge(arrival, bridged, (int(rows.start), round(end[0])), (int(home[0][0]), int(home[0][1])), unit)
    return bridged


def _draw_bridge(
    arrival: np.ndarray, bridged: np.ndarray, here: tuple[int, int], there: tuple[int, int], unit: float
) -> None:
    """Fill the line between two pixels [row, column], with the later arrival of both, in place."""
    line = np.zeros(arrival.shape, np.uint8)
    cv2.line(line, here[::-1], there[::-1], 1, round(3 * unit))
    fresh = (line > 0) & (arrival < 0)
    arrival[fresh] = max(arrival[here], arrival[there])
    bridged |= fresh


def _bridge(arrival: np.ndarray, markers: np.ndarray, unit: float, gap: float) -> np.ndarray:
    """Join parts of the mask to those with a seed, nearest first; return the pixels of the bridges."""
    bridged = np.zeros(arrival.shape, bool)
    while True:
        number, labels, boxes, _ = cv2.connectedComponentsWithStats((arrival >= 0).astype(np.uint8), connectivity=8)
        known = np.zeros(number, bool)
        known[labels[markers > 0]] = True
        known[0] = False
        wide = boxes[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(1)
        loose = [int(each) for each in np.flatnonzero(~known & (wide >= LEAST_EXTENT_PX * unit)) if each]
        if not loose or not known.any():
            return bridged
        rooted = known[labels]
        gaps, nearest = cv2.distanceTransformWithLabels(
            (~rooted).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
        )
        pixels = np.zeros((int(nearest.max()) + 1, 2), np.int32)
        pixels[nearest[rooted]] = np.argwhere(rooted)
        joined = False
        for each in loose:
            left, top, across, down = (int(side) for side in boxes[each, :4])
            box = (slice(top, top + down), slice(left, left + across))
            inner = np.where(labels[box] == each, gaps[box], np.inf)
            row, column = np.unravel_index(int(np.argmin(inner)), inner.shape)
            corner = np.array([top, left])
            here = (int(row) + top, int(column) + left)
            there = (int(pixels[nearest[here]][0]), int(pixels[nearest[here]][1]))
            if inner[row, column] > AHEAD_PX * gap:
                continue
            places = np.argwhere(labels[box] == each) + corner
            if inner[row, column] > BRIDGE_PX * gap or not _points_to(places, here, there, unit):
                found = _straight_on(places, rooted, unit, gap)
                if found is not None:
                    here, there = found
                elif not _ends_meet(places, rooted, here, there, unit):
                    continue
            _draw_bridge(arrival, bridged, here, there, unit)
            joined = True
        if not joined:
            return bridged


def _points_to(places: np.ndarray, here: tuple[int, int], there: tuple[int, int], unit: float) -> bool:
    """Return whether a part of a root, at its pixel ``here``, has the direction of the way to ``there``."""
    size = float(np.hypot(*np.subtract(there, here)))
    return size <= CLOSE_PX * unit or _has_direction(places, here, np.subtract(there, here) / size, unit)


def _ends_meet(
    places: np.ndarray, rooted: np.ndarray, here: tuple[int, int], there: tuple[int, int], unit: float
) -> bool:
    """Return whether a gap lies between two ends that both have the direction of the way across it."""
    way = np.subtract(there, here) / np.hypot(*np.subtract(there, here))
    reach = round(AHEAD_EXTENT_PX * unit)
    top, left = max(there[0] - reach, 0), max(there[1] - reach, 0)
    others = np.argwhere(rooted[top : there[0] + reach + 1, left : there[1] + reach + 1]) + np.array([top, left])
    others = others[np.hypot(*(others - there).T) <= reach]
    beyond = max(float(((places - here) @ way).max()), float(((others - there) @ -way).max()))
    extents = min(float(np.ptp(each, axis=0).max()) for each in (places, others))
    return (
        beyond <= END_PX * unit
        and extents >= LEAST_EXTENT_PX * unit
        and _has_direction(places, here, way, unit)
        and _has_direction(others, there, way, unit)
    )


def _has_direction(places: np.ndarray, here: tuple[int, int], way: np.ndarray, unit: float) -> bool:
    """Return whether a part of a root has about the direction of a unit vector at its pixel ``here``."""
    near = places[np.hypot(*(places - here).T) <= AHEAD_EXTENT_PX * unit]
    axis = np.linalg.svd(near - near.mean(0), full_matrices=False)[2][0]
    return abs(float(axis @ way)) >= np.cos(np.radians(MOST_BEND))


def _straight_on(
    places: np.ndarray, rooted: np.ndarray, unit: float, gap: float
) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Find where a part of a root, continued straight from one of its ends, meets a part with a seed.

    Returns
    -------
    The end and the meeting place, both [row, column], of the nearer meeting; None if there is none.
    """
    middle = places.mean(0)
    axis = np.linalg.svd(places - middle, full_matrices=False)[2][0]
    along = (places - middle) @ axis
    if np.ptp(along) < AHEAD_EXTENT_PX * unit:
        return None
    best = None
    for sign in (1, -1):
        end = places[int(np.argmax(sign * along))]
        near = places[sign * along >= (sign * along).max() - AHEAD_EXTENT_PX * unit]
        step = np.linalg.svd(near - near.mean(0), full_matrices=False)[2][0]
        step = step * np.sign(sign * (step @ axis))
        for size in np.arange(1.0, AHEAD_PX * gap + 1):
            row, column = np.rint(end + size * step).astype(int)
            if not (0 <= row < rooted.shape[0] and 0 <= column < rooted.shape[1]):
                break
            if rooted[row, column]:
                if best is None or size < best[0]:
                    best = (size, (int(end[0]), int(end[1])), (int(row), int(column)))
                break
    return None if best is None else best[1:]
