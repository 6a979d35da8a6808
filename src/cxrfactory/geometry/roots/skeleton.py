"""Graph of a skeleton: nodes at tips and branchings, and the pieces between them.

Neighbouring branching pixels form one node. Nodes that join only two pieces are dissolved, and branches that are
shorter than the mask's half-width explains (spurs) are cut, shortest first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from cxrfactory.geometry.roots.polyline import length_of

_SPUR_PX = 2.5  # units (geometry/roots/lengths.py); a spur is up to this much longer than the half-width at its base
_EVERY = 4  # lengths are measured along every fourth point, over the steps of the pixels
_STEPS = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]


@dataclass
class Piece:
    """A part of the skeleton between two nodes.

    Attributes
    ----------
    start, end
        Numbers of its nodes.
    points
        float64 [n, 2], (x, y), from the position of ``start`` to that of ``end``.
    length
        Length along every fourth point, pixels.
    """

    start: int
    end: int
    points: Float[np.ndarray, "n 2"]
    length: float = 0.0

    def __post_init__(self) -> None:
        some = np.unique(np.r_[0 : len(self.points) : _EVERY, len(self.points) - 1])
        self.length = length_of(self.points[some])

    def other(self, node: int) -> int:
        """Return the node at the other end."""
        return self.end if node == self.start else self.start

    def from_node(self, node: int) -> Float[np.ndarray, "n 2"]:
        """Return the points in the direction away from a node."""
        return self.points if node == self.start else self.points[::-1]


@dataclass
class SkeletonGraph:
    """Nodes and pieces of a skeleton.

    Attributes
    ----------
    places
        Position (x, y) of each node.
    radii
        Half-width of the mask at each node, pixels.
    pieces
        The pieces by number.
    at
        The numbers of the pieces that meet at each node.
    seeds
        The nodes where the roots of plants begin.
    """

    places: dict[int, Float[np.ndarray, " 2"]]
    radii: dict[int, float]
    pieces: dict[int, Piece]
    seeds: list[int]
    at: dict[int, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.at = {node: [] for node in self.places}
        for number, piece in self.pieces.items():
            self.at[piece.start].append(number)
            self.at[piece.end].append(number)

    def remove(self, number: int) -> None:
        """Remove a piece, and nodes that are left without any."""
        piece = self.pieces.pop(number)
        for node in {piece.start, piece.end}:
            self.at[node] = [each for each in self.at[node] if each != number]
            if not self.at[node] and node not in self.seeds:
                del self.at[node], self.places[node], self.radii[node]

    def dissolve(self, node: int) -> None:
        """Join the two pieces that meet at a node of which nothing else is left."""
        if node in self.seeds or node not in self.at or len(self.at[node]) != 2 or len(set(self.at[node])) != 2:
            return
        first, second = (self.pieces[number] for number in self.at[node])
        start, end = first.other(node), second.other(node)
        points = np.vstack([first.from_node(node)[::-1][:-1], second.from_node(node)[1:]])
        numbers = list(self.at[node])
        kept = min(numbers)
        for number in numbers:
            del self.pieces[number]
        for other in {start, end}:
            self.at[other] = [each for each in self.at[other] if each not in numbers]
        self.pieces[kept] = Piece(start, end, points)
        self.at[start].append(kept)
        self.at[end].append(kept)
        del self.at[node], self.places[node], self.radii[node]


def skeleton_graph(
    skeleton: Bool[np.ndarray, "height width"],
    radius: Float[np.ndarray, "height width"],
    seeds: Sequence[tuple[int, int]],
) -> SkeletonGraph:
    """Trace a skeleton of one pixel's width.

    Parameters
    ----------
    skeleton
        The skeleton, indexed [row, column], 8-connected.
    radius
        Distance of each pixel to the background of the mask, pixels.
    seeds
        [row, column] of the skeleton's pixels where the roots of plants begin; each becomes a node.
    """
    padded = np.pad(skeleton, 1)
    width = padded.shape[1]
    steps = [row * width + column for row, column in _STEPS]
    neighbours = ndimage.convolve(padded.astype(np.uint8), np.ones((3, 3), np.uint8), mode="constant") - padded
    special = padded & (neighbours != 2)
    joined = padded & (neighbours >= 3)
    for row, column in seeds:
        special[row + 1, column + 1] = joined[row + 1, column + 1] = True
    labels, clusters = ndimage.label(joined, np.ones((3, 3)))
    ends = special & ~joined
    labels[ends] = clusters + 1 + np.arange(int(ends.sum()))
    flat, line = padded.ravel(), labels.ravel()
    at = np.flatnonzero(line)
    rows, columns = at // width - 1, at % width - 1
    places = {}
    radii = {}
    order = np.argsort(line[at], kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(line[at][order])) + 1):
        node = int(line[at[group[0]]])
        places[node] = np.array([columns[group].mean(), rows[group].mean()])
        radii[node] = float(radius[rows[group], columns[group]].max())
    homes = [int(labels[row + 1, column + 1]) for row, column in seeds]
    pieces: dict[int, Piece] = {}
    seen: set[int] = set()
    direct: set[tuple[int, int]] = set()
    for begin in at.tolist():
        node = int(line[begin])
        for step in steps:
            chain = _walk(begin, begin + step, node, flat, line, steps, seen, direct)
            if chain is None:
                continue
            inner, end = chain
            points = np.array([[each % width - 1, each // width - 1] for each in inner], float).reshape(-1, 2)
            pieces[len(pieces)] = Piece(node, end, np.vstack([places[node], points, places[end]]))
    return SkeletonGraph(places, radii, pieces, homes)


def _walk(
    begin: int,
    here: int,
    node: int,
    flat: np.ndarray,
    line: np.ndarray,
    steps: list[int],
    seen: set[int],
    direct: set[tuple[int, int]],
) -> tuple[list[int], int] | None:
    """Follow a skeleton from a node's pixel to the next node; None if there is nothing new in that direction."""
    if not flat[here] or line[here] == node or here in seen:
        return None
    if line[here]:
        pair = (min(node, int(line[here])), max(node, int(line[here])))
        if pair in direct:
            return None
        direct.add(pair)
        return [], int(line[here])
    inner, before = [], begin
    while not line[here]:
        inner.append(here)
        seen.add(here)
        onward = [here + step for step in steps if flat[here + step] and here + step != before]
        fresh = [each for each in onward if line[each] or each not in seen]
        if not fresh:
            return inner, node
        before, here = here, fresh[0]
    return inner, int(line[here])


def simplify(graph: SkeletonGraph, least_px: float, unit: float = 1.0) -> None:
    """Cut spurs and tiny loops and dissolve nodes that join two pieces, in place.

    A spur ends in a tip and is shorter than ``least_px``, or than the half-width at its base and
    :data:`_SPUR_PX` units.
    """
    for node in list(graph.at):
        graph.dissolve(node)
    while True:
        found = []
        for number, piece in graph.pieces.items():
            loose = [node for node in (piece.start, piece.end) if len(graph.at[node]) == 1 and node not in graph.seeds]
            if piece.start == piece.end:
                if piece.length < 2 * least_px + 2 * np.pi * graph.radii[piece.start]:
                    found.append((piece.length, number, piece.start))
            elif len(loose) == 1:
                base = piece.other(loose[0])
                if len(graph.at[base]) > 1 and piece.length < max(least_px, graph.radii[base] + _SPUR_PX * unit):
                    found.append((piece.length, number, base))
        if not found:
            return
        _, number, base = min(found)
        graph.remove(number)
        graph.dissolve(base)
