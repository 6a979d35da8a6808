"""Plants of a plate, found in a mask of its roots: the seeds stand in a row near the top, and the roots grow down.

The mask is swept from the top to the bottom. Roots that begin at different tops are different trees until they touch. A
tree whose top lies well above that row, and high on the plate, may be a plant. Around a seed, roots spread: where trees
touch, a top with much less root below it than another one has is the end of a root that bends upwards.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool

from cxrfactory.geometry.roots.shoots import shoots_in

MOST_PLANTS = 16
_BRIDGE = 0.005  # of the plate's longer side; gaps in roots up to twice as wide are bridged
_SPECK = 0.05  # of the height of the tallest tree; lower pieces are specks
_LEAST = 0.01  # of the plate's longer side; lower pieces are specks in any case
_DEPTH = 0.03  # of that height; a top whose tree joins another one after less is a bend or a lateral
_DEEP, _DEEP_SHARE, _SHALLOW_SHARE = 0.12, 0.4, 0.5  # least share of root below a top, by the depth of its tree
_COARSE = 400  # pixels of the longer side of the mask in which root below a top is counted
_RADIUS = 0.07  # of the plate's width, of the half disc in which it is counted
_FLAT, _SIDE, _RICHER = 0.04, 0.15, 2.0  # a flat root: of that height, of the width; and times as much root below
_BAND = 0.35  # of that height; seeds lie at most so far above or below the middle one
_SHORT_BAND = 0.2  # the same for a tree of less than a third of that height
_APART = 0.05  # of the plate's shorter side; nearer tops belong to one plant
_CRUMB, _CROWD = 0.25, 0.5  # a short tree: of that height; and of the distance of plants
_ROW, _ROW_SPREADS, _ROW_LEAST = 4, 5.0, 0.05  # a row; median distances from it; of the plate's shorter side
_ABOVE = 0.05  # of the plate's height; a region begins so far above its seed


class FoundPlant(NamedTuple):
    """One plant of a plate, in pixels of the mask.

    Attributes
    ----------
    seed_x, seed_y
        Where the plant's roots begin.
    left, top, right, bottom
        Its region, ``mask[top:bottom, left:right]``.
    """

    seed_x: float
    seed_y: float
    left: int
    top: int
    right: int
    bottom: int


class _Tree(NamedTuple):
    """Roots that begin at one top, down to the row in which an older tree takes them in, or to their end."""

    x: float
    y: int
    end: int  # the row of the join, or the last row
    joined: bool
    piece: int  # number of the connected piece
    below: float = 0.0  # how much root lies near below the top


def find_plants(
    mask: Bool[np.ndarray, "height width"], first_mask: Bool[np.ndarray, "height width"] | None = None
) -> list[FoundPlant]:
    """Find the plants in a mask of roots.

    Parameters
    ----------
    mask
        Roots in the last picture, or in all pictures together.
    first_mask
        Roots in an early picture, in which plants that grew into each other are still apart; None without one. A plant
        that only it tells apart must have grown: the last mask has to hold a longer root there.

    Returns
    -------
    The plants from the left to the right; none for a mask without roots.

    Examples
    --------
    >>> mask = np.zeros((100, 100), bool)
    >>> mask[10:80, 20:23] = mask[12:60, 70:73] = True
    >>> find_plants(mask)[1]
    FoundPlant(seed_x=71.0, seed_y=12.0, left=46, top=7, right=100, bottom=100)
    """
    height, width = mask.shape
    mask = mask & ~shoots_in(mask)
    tops = _tops(mask)
    if first_mask is not None:
        tops = _with_early(tops, first_mask, mask)
    if not tops:
        return []
    seeds = _apart(tops, _APART * min(mask.shape))[:MOST_PLANTS]
    seeds.sort(key=lambda tree: (tree.x, tree.y))
    columns = columns_between([tree.x for tree in seeds], width)
    above = round(_ABOVE * height)
    return [
        FoundPlant(tree.x, float(tree.y), left, max(0, tree.y - above), right, height)
        for tree, (left, right) in zip(seeds, columns, strict=True)
    ]


def columns_between(seeds_x: Sequence[float], width: int) -> list[tuple[int, int]]:
    """Return the columns ``(left, right)`` of plants, in their order: each reaches half-way to its neighbours.

    Parameters
    ----------
    seeds_x
        Positions of the seeds across, pixels, in any order.
    width
        Width of the picture, pixels.
    """
    order = sorted(range(len(seeds_x)), key=lambda place: (seeds_x[place], place))
    middles = [round((seeds_x[one] + seeds_x[other]) / 2) for one, other in pairwise(order)]
    bounds = [0, *middles, width]
    columns = [(0, 0)] * len(order)
    for rank, place in enumerate(order):
        columns[place] = (bounds[rank], bounds[rank + 1])
    return columns


def joined_plants(mask: Bool[np.ndarray, "height width"], plants: Sequence[FoundPlant]) -> list[tuple[int, int]]:
    """Return the pairs of neighbouring plants, as indices, whose roots touch in a mask.

    Parameters
    ----------
    mask
        Roots in one picture.
    plants
        The plants of the plate, from the left to the right.
    """
    labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[1]
    parts = [_pieces_at(labels, plant) for plant in plants]
    return [(one, one + 1) for one in range(len(plants) - 1) if parts[one] & parts[one + 1]]


def _pieces_at(labels: np.ndarray, plant: FoundPlant) -> set[int]:
    """Return the pieces that begin at a seed: those within a hundredth of the picture's longer side."""
    reach = max(3, round(0.01 * max(labels.shape)))
    row, column = round(plant.seed_y), round(plant.seed_x)
    near = labels[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1]
    return set(np.unique(near).tolist()) - {0}


def _tops(mask: np.ndarray) -> list[_Tree]:
    """Return the trees of a mask that are plants; gaps are bridged first, so that a root in pieces is one tree."""
    reach = max(1, round(_BRIDGE * max(mask.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    wide = cv2.dilate(np.pad(mask.astype(np.uint8), reach), kernel)  # closing would not bridge a gap in a thin root
    trees = [_narrow(tree, mask, reach) for tree in _swept(wide)]
    tallest = max((tree.end - tree.y for tree in trees), default=0)
    if tallest < (least := _LEAST * max(mask.shape)):
        return []
    speck = max(_SPECK * tallest, least)
    tops = [tree for tree in trees if tree.end - tree.y >= (_DEPTH * tallest if tree.joined else speck)]
    below = _Below(mask, reach)
    tops = [below.at_branching(tree, tallest) for tree in tops]
    row = _row_of_seeds(tops)
    kept = _without_tips([tree for tree in tops if abs(tree.y - row) <= _band(tree, tallest)], tallest)
    return _in_row(_without_crumbs(kept, tallest), min(mask.shape))


def _in_row(tops: list[_Tree], side: int) -> list[_Tree]:
    """Return tops without those far from the row in which at least four stand, such as ends of a plate's edge."""
    if len(tops) < _ROW:
        return tops
    rows = np.array([tree.y for tree in tops])
    away = np.abs(rows - np.median(rows))
    most = max(_ROW_SPREADS * float(np.median(away)), _ROW_LEAST * side)
    return [tree for tree, far in zip(tops, away, strict=True) if far <= most]


def _without_crumbs(tops: list[_Tree], tallest: int) -> list[_Tree]:
    """Return tops without short trees between the seeds: drops, scratches and torn laterals, not plants.

    Where at least three tall trees tell how far plants stand apart, a short tree nearer to a tall one than half of that
    is none.
    """
    tall = sorted(tree.x for tree in tops if tree.end - tree.y >= _CRUMB * tallest)
    if len(tall) < 3:
        return tops
    near = _CROWD * float(np.median(np.diff(tall)))
    return [
        tree
        for tree in tops
        if tree.end - tree.y >= _CRUMB * tallest or min(abs(tree.x - other) for other in tall) >= near
    ]


def _row_of_seeds(tops: list[_Tree]) -> int:
    """Return the median row of tops; tall trees and those with much root near below their top have most weight."""
    order = sorted(tops, key=lambda tree: tree.y)
    weights = np.cumsum([(tree.end - tree.y) * tree.below for tree in order])
    return order[int(np.searchsorted(weights, weights[-1] / 2))].y


def _band(tree: _Tree, tallest: int) -> float:
    """Return how far from the row of the seeds a top may lie: a short tree may be a lateral that was torn off."""
    return (_BAND if 3 * (tree.end - tree.y) >= tallest else _SHORT_BAND) * tallest


def _narrow(tree: _Tree, mask: np.ndarray, reach: int) -> _Tree:
    """Return a tree of a mask that was padded and widened by ``reach`` as one of the mask itself.

    Roots of the widened mask begin as many rows higher as its first row lies above that of the mask.
    """
    end = min(tree.end - (reach if tree.joined else 2 * reach), mask.shape[0] - 1)
    left = max(0, round(tree.x) - 2 * reach)
    line = left + np.flatnonzero(mask[tree.y, left : round(tree.x) + 1])
    return tree._replace(x=float(line.mean()) if len(line) else tree.x - reach, end=max(end, tree.y))


class _Below:
    """How much root lies within a half disc below each pixel of a mask."""

    def __init__(self, mask: np.ndarray, reach: int) -> None:
        self._step = max(1, round(max(mask.shape) / _COARSE))
        height, width = mask.shape
        small = cv2.resize(
            mask.astype(np.float32),
            (max(1, width // self._step), max(1, height // self._step)),
            interpolation=cv2.INTER_AREA,
        )
        radius = max(2, round(_RADIUS * small.shape[1]))
        rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
        disc = ((rows >= 0) & (rows**2 + columns**2 <= radius**2)).astype(np.float32)
        self._amount = cv2.filter2D(small, -1, disc, borderType=cv2.BORDER_CONSTANT)
        self._amount[small == 0] = 0
        around = np.ones((2 * (1 + reach // self._step) + 1,) * 2, np.uint8)
        self._pieces = cv2.connectedComponents(cv2.dilate((small > 0).astype(np.uint8), around), connectivity=8)[1]

    def at_branching(self, tree: _Tree, tallest: int) -> _Tree:
        """Return a tree with what lies below its top; from the end of a flat root, the top moves to where it began."""
        row, column = (int(place / self._step) for place in (tree.y, tree.x))
        row, column = (min(place, size - 1) for place, size in zip((row, column), self._amount.shape, strict=True))
        near = self._amount[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
        amount = float(near.max())
        flat, side = round(_FLAT * tallest / self._step), round(_SIDE * self._amount.shape[1])
        top, left = max(0, row - flat), max(0, column - side)
        window = (slice(top, row + flat + 1), slice(left, column + side + 1))
        around = np.where(self._pieces[window] == self._pieces[row, column], self._amount[window], 0)
        if around.max() < _RICHER * max(amount, 1e-6):
            return tree._replace(below=amount)
        rows, columns = np.nonzero(around >= 0.9 * around.max())
        first = int(np.argmin(rows))
        if abs(columns[first] + left - column) < _APART * self._amount.shape[1]:
            return tree._replace(below=amount)
        x, y = (float((place + 0.5) * self._step - 0.5) for place in (columns[first] + left, rows[first] + top))
        return tree._replace(x=x, y=round(y), below=float(around.max()))


def _without_tips(tops: list[_Tree], tallest: int) -> list[_Tree]:
    """Return tops without the ends of roots that bend upwards: less root lies below them than below others."""
    kept = []
    for tree in tops:
        most = max(other.below for other in tops if other.piece == tree.piece)
        depth = (tree.end - tree.y) / tallest
        share = _DEEP_SHARE if depth >= _DEEP else _SHALLOW_SHARE
        if tree.below >= share * most:
            kept.append(tree)
    return kept


def _swept(mask: np.ndarray) -> list[_Tree]:
    """Return the trees of a mask: one for each run of pixels without a pixel in the row above it."""
    tops: list[tuple[float, int]] = []
    ends: list[int] = []
    joined: list[bool] = []
    parent: list[int] = []

    def root(tree: int) -> int:
        while parent[tree] != tree:
            parent[tree] = parent[parent[tree]]
            tree = parent[tree]
        return tree

    above: list[tuple[int, int, int]] = []  # start, end, tree of the runs in the row above
    above_row = -1
    for row in np.flatnonzero(mask.any(axis=1)).tolist():
        edges = np.flatnonzero(np.diff(mask[row].astype(np.int8), prepend=0, append=0))
        here = []
        if above_row != row - 1:
            above = []
        first = 0
        for start, end in edges.reshape(-1, 2).tolist():
            while first < len(above) and above[first][1] < start:
                first += 1
            place, trees = first, set()
            while place < len(above) and above[place][0] <= end:
                trees.add(root(above[place][2]))
                place += 1
            if not trees:
                tree = len(parent)
                parent.append(tree)
                tops.append(((start + end - 1) / 2, row))
                ends.append(row)
                joined.append(False)
            else:
                tree = min(trees, key=lambda each: (tops[each][1], each))  # the oldest
                for other in trees - {tree}:
                    parent[other], joined[other], ends[other] = tree, True, row
                ends[tree] = row
            here.append((start, end, tree))
        above, above_row = here, row
    return [_Tree(*tops[tree], ends[tree], joined[tree], root(tree)) for tree in range(len(tops))]


def _apart(tops: list[_Tree], least: float) -> list[_Tree]:
    """Return tops that lie apart from each other across, the tallest trees first; of near ones the highest stays.

    Near ones are pieces of one root, or its branches; a high one with much less root below it is the end of a branch.
    """
    near: list[list[_Tree]] = []
    for tree in sorted(tops, key=lambda tree: (tree.y - tree.end, tree.y, tree.x)):
        home = next((trees for trees in near if abs(tree.x - trees[0].x) < least), None)
        if home is None:
            near.append([tree])
        else:
            home.append(tree)
    kept = []
    for trees in near:
        most = max(tree.below for tree in trees)
        kept.append(min((tree for tree in trees if tree.below >= _SHALLOW_SHARE * most), key=lambda tree: tree.y))
    return kept


def _with_early(tops: list[_Tree], first_mask: np.ndarray, mask: np.ndarray) -> list[_Tree]:
    """Return tops with those of an early mask that no top is near to, if the last mask holds a long root from there."""
    if not tops:
        return tops
    least = _APART * min(mask.shape)
    tallest = max(tree.end - tree.y for tree in tops)
    labels, boxes = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)[1:3]
    band = max(tree.y for tree in tops) + _DEPTH * tallest
    added = []
    for tree in _tops(first_mask):
        piece = labels[tree.y, min(round(tree.x), mask.shape[1] - 1)]
        grown = piece > 0 and boxes[piece][cv2.CC_STAT_HEIGHT] >= max(_DEEP * tallest, 2 * (tree.end - tree.y))
        near = any(abs(tree.x - other.x) < least for other in tops)
        if grown and not near and tree.y <= band:
            added.append(tree)
    return tops + added
