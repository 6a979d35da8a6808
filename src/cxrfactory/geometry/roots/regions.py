"""The part of a plate's mask that belongs to each plant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int32
from scipy import ndimage
from skimage.segmentation import watershed

HOLE_PX = 30  # pixels; smaller holes in the mask are filled
BRIDGE_PX = 12.0  # widest gap in a root that is bridged
LEAST_EXTENT_PX = 8  # a part of the mask behind a gap is a speck if its box is smaller
SEED_PX = 40.0  # a root begins within this distance of the seed
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
) -> PlateRegions:
    """Find the connected parts of a plate's mask in which the roots of its plants begin.

    Parts of the mask that are apart from the seeds' parts are joined to these across gaps of at most
    :data:`BRIDGE_PX`; what remains apart belongs to no plant. When plants touch is found by flooding the mask from all
    seeds in the order of arrival.

    Parameters
    ----------
    arrival
        First picture with root at each pixel, -1 for never.
    seeds
        Seeds (x, y).
    boxes
        Regions (left, top, right, bottom) of the plants; what lies outside all of them is left out. None: everywhere.
    """
    arrival = arrival.copy()
    if boxes:
        inside = np.zeros(arrival.shape, bool)
        for left, top, right, bottom in boxes:
            inside[max(top, 0) : bottom, max(left, 0) : right] = True
        arrival[~inside] = -1
    _fill_holes(arrival)
    markers = np.zeros(arrival.shape, np.int32)
    rows, columns = np.nonzero(arrival >= 0)
    for number, seed in enumerate(seeds, 1):
        if len(rows):
            gaps = np.hypot(columns - seed[0], rows - seed[1])
            nearest = int(np.argmin(gaps))
            if gaps[nearest] <= SEED_PX and markers[rows[nearest], columns[nearest]] == 0:
                markers[rows[nearest], columns[nearest]] = number
    bridged = _bridge(arrival, markers)
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


def _fill_holes(arrival: np.ndarray) -> None:
    """Fill small holes, with the latest arrival around them."""
    closed = cv2.morphologyEx((arrival >= 0).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    labels, number = ndimage.label(arrival < 0)
    sizes = np.bincount(labels.ravel(), minlength=number + 1)
    small = sizes <= HOLE_PX
    small[0] = False
    holes = (small[labels] | (closed > 0)) & (arrival < 0)
    if holes.any():
        near = ndimage.distance_transform_edt(arrival < 0, return_distances=False, return_indices=True)
        arrival[holes] = arrival[tuple(near)][holes]


def _bridge(arrival: np.ndarray, markers: np.ndarray) -> np.ndarray:
    """Join parts of the mask to those with a seed, nearest first; return the pixels of the bridges."""
    bridged = np.zeros(arrival.shape, bool)
    while True:
        labels, number = ndimage.label(arrival >= 0, _ALL)
        rooted = np.zeros(number + 1, bool)
        rooted[labels[markers > 0]] = True
        rooted[0] = False
        boxes = ndimage.find_objects(labels)
        loose = [
            each
            for each in range(1, number + 1)
            if not rooted[each] and max(part.stop - part.start for part in boxes[each - 1]) >= LEAST_EXTENT_PX
        ]
        if not loose or not rooted.any():
            return bridged
        gaps, near = ndimage.distance_transform_edt(~rooted[labels], return_indices=True)
        joined = False
        for each in loose:
            box = boxes[each - 1]
            inner = np.where(labels[box] == each, gaps[box], np.inf)
            row, column = np.unravel_index(int(np.argmin(inner)), inner.shape)
            if inner[row, column] > BRIDGE_PX:
                continue
            here = (row + box[0].start, column + box[1].start)
            there = tuple(int(axis[here]) for axis in near)
            line = np.zeros(arrival.shape, np.uint8)
            cv2.line(line, (int(here[1]), int(here[0])), (there[1], there[0]), 1, 3)
            fresh = (line > 0) & (arrival < 0)
            arrival[fresh] = max(arrival[here], arrival[there])
            bridged |= fresh
            joined = True
        if not joined:
            return bridged
