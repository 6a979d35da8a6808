"""From the graph of a skeleton to roots: which pieces belong to one root, and where laterals begin.

The pieces are followed from the seed in the order in which they grew: by the pictures in which they arrived and, where
these are equal, by the distance from the seed. A root that reaches a branching goes on in the piece that bends least
and grew next; a lateral grows later than its parent goes on. The other pieces begin laterals, unless another root
reaches them first: a root that crosses another one goes on straight behind it, also where the two share a short way. A
root that finds nothing to go on with ends there, so a tip that runs into another root stays a tip.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import count

import numpy as np
from jaxtyping import Float, Int32

from cxrfactory.geometry.roots.pieces import LATER, Pieces
from cxrfactory.geometry.roots.polyline import angle_between, arc_lengths
from cxrfactory.geometry.roots.skeleton import SkeletonGraph

# Lengths in units (geometry/roots/lengths.py).
MOST_TURN = 75.0  # degrees; a root does not bend by more at a branching
MOST_TURN_CROWDED = 120.0  # near the seed, where pieces are short and what follows tells more
MOST_TURN_SHARED = 40.0  # the same, behind a way that it shares with another root
SHARED_PX = 30.0  # longest way that two roots share where they cross
CROWDED_PX = 150.0  # length of a root from the seed along which branchings are crowded
BUNDLE_PX = 25.0  # what leaves a root from the seed so near to it begins there too, if it is long and not later
BUNDLE_SHARE = 0.4  # long: of the longest way from the seed
SIDE_BY_SIDE_PX = 60.0  # two roots from the seed may grow side by side for this length
SHOOT_PX = 40.0  # a shorter branch at the seed that goes to the side is a leaf
SHOOT_SLOPE = 0.5  # to the side: it goes down by less than this share of its way to the side
STRAIGHT = 35.0  # degrees; two pieces that bend less may be one root that crosses
FIRST_WEIGHT = 1.5  # weight of the length that follows, for roots from a seed
REACH_PX = 300.0  # pieces are compared by what follows them, up to this length
PROMPT = 1 / 3  # of the pictures after which the way begins that is best by length; a root that goes on so soon did not
LATE = 2.0  # stop at the branching, and what begins so many pictures later is a lateral, even if it grows longer
PROMPT_PX = 25.0  # what goes on is at least so long; a shorter branch may be a bulge or a drop's edge
_LAST = 1 << 30  # pictures; what may belong to a root that crosses is taken up last
_DOWN = np.array([0.0, 1.0])


@dataclass
class TracedRoot:
    """A root as a way through the skeleton.

    Attributes
    ----------
    points
        float64 [n, 2], (x, y) of pixels from the base to the tip.
    parent
        Position of its parent in the list of roots; None for roots from the seed.
    plant
        Position of its plant's seed among the seeds.
    collided
        Whether it ends at another root and not at a tip of the skeleton.
    """

    points: Float[np.ndarray, "n 2"]
    parent: int | None
    plant: int = 0
    collided: bool = False


@dataclass
class _Way:
    """A possible continuation: pieces that lead to a free piece, and that piece."""

    through: list[tuple[int, int]]
    number: int
    node: int
    cost: float
    gap: float  # pictures from the root's arrival at the branching to the start of the free piece


def trace_roots(
    graph: SkeletonGraph, arrival: Int32[np.ndarray, "height width"], seed_px: float, unit: float = 1.0
) -> list[TracedRoot]:
    """Find the roots of the plants whose roots are connected.

    Parameters
    ----------
    graph
        Graph of the skeleton, without spurs.
    arrival
        Number of the first picture with root at each pixel, indexed [row, column]; all equal for a single picture.
    seed_px
        Branches that leave a root from the seed within this length of the seed are roots from the seed themselves.
    unit
        Factor of lengths (:func:`~cxrfactory.geometry.roots.lengths.length_unit`).

    Returns
    -------
    The roots; a parent comes before its laterals, and of the roots from a seed, the longest comes first.
    """
    tracer = _Tracer(graph, arrival, seed_px, unit)
    tracer.run()
    return tracer.sorted_roots()


class _Tracer:
    def __init__(self, graph: SkeletonGraph, arrival: np.ndarray, seed_px: float, unit: float) -> None:
        self.graph, self.seed_px, self.unit = graph, seed_px, unit
        self.taken: set[int] = set()
        self.homes: dict[int, int] = {}
        for plant, node in enumerate(graph.seeds):
            self.homes.setdefault(node, plant)
        self.pieces = Pieces(graph, arrival, set(self.homes), unit)
        self.plants: list[int] = []
        self.chains: list[list[np.ndarray]] = []
        self.parents: list[int | None] = []
        self.collided: list[bool] = []
        self.heap: list[tuple] = []
        self.order = count()
        self.reached: dict[int, float] = dict.fromkeys(graph.seeds, 0.0)
        self.extent = max((self._reach(number, node) for node in self.homes for number in graph.at[node]), default=1.0)

    def run(self) -> None:
        for seed in self.homes:
            for number in dict.fromkeys(self.graph.at[seed]):
                if self._rises(number):
                    continue
                turn = angle_between(self.pieces.direction(number, seed), _DOWN)
                cost = turn / 45 - self._gain(number, seed, first=True)
                self._push(self.pieces.start(number, seed), 0.0, cost, "begin", None, number, seed)
        self._drain()
        while True:  # what no root reached by the rules begins laterals where it touches one
            left = [
                (self.reached[node], number, node)
                for number, piece in self.graph.pieces.items()
                for node in (piece.start, piece.end)
                if number not in self.taken
                and node in self.reached
                and not (node in self.homes and self._rises(number))
            ]
            if not left:
                return
            distance, number, node = min(left)
            self._push(0, distance, 0.0, "begin", self._owner(node), number, node)
            self._drain()

    def _push(
        self, when: float, distance: float, cost: float, kind: str, root: int | None, number: int, node: int
    ) -> None:
        heapq.heappush(self.heap, (when, distance, cost, next(self.order), kind, root, number, node))

    def _drain(self) -> None:
        while self.heap:
            _, distance, _, _, kind, root, number, node = heapq.heappop(self.heap)
            if kind != "reach" and number not in self.taken:
                self.chains.append([])
                self.parents.append(root if kind == "begin" else None)
                self.plants.append(self.homes[node] if root is None else self.plants[root])
                self.collided.append(False)
                self._follow(len(self.chains) - 1, number, node, distance)
            elif kind == "reach":
                self._go_on(root, number, node, distance)

    def _rises(self, number: int) -> bool:
        """Return whether a piece at the seed is a shoot: it ends above the seed, or is short and grows to the side."""
        piece = self.graph.pieces[number]
        seed = piece.start if piece.start in self.homes else piece.end
        end = piece.other(seed)
        if len(self.graph.at[end]) > 1:
            return False
        aside, down = self.graph.places[end] - self.graph.places[seed]
        return down < 0 or (piece.length < SHOOT_PX * self.unit and down < SHOOT_SLOPE * abs(aside))

    def _owner(self, node: int) -> int | None:
        """Return the root that passes nearest to a node; None at a seed."""
        if node in self.homes:
            return None
        place = self.graph.places[node]
        gaps = [min(_gap(part, place) for part in chain) for chain in self.chains]
        return int(np.argmin(gaps))

    def _follow(self, root: int, number: int, node: int, distance: float) -> None:
        """Add a piece to a root, and note when the root reaches the piece's far end."""
        piece = self.graph.pieces[number]
        self.taken.add(number)
        self.chains[root].append(piece.from_node(node))
        end = piece.other(node)
        distance += piece.length
        self.reached.setdefault(end, distance)
        self._push(self.pieces.end(number, node), distance, 0.0, "reach", root, number, end)

    def _go_on(self, root: int, number: int, node: int, distance: float) -> None:
        """Continue a root that came to a node through a piece, and note the laterals that may begin there."""
        first = self.parents[root] is None
        ways = self._ways(number, node, first, first and distance <= CROWDED_PX * self.unit)
        best = min(ways, key=lambda way: way.cost, default=None)
        if first and best is not None:
            best = self._prompt(ways, best)
        passed = [node]
        if best is not None:
            for through, end in best.through:
                self.chains[root].append(self.graph.pieces[through].from_node(passed[-1]))
                self.taken.add(through)
                self.reached.setdefault(end, distance)
                passed.append(end)
            self._follow(root, best.number, best.node, distance)
        elif len(self.graph.at[node]) > 1:
            self.collided[root] = True
        from_seed = self.parents[root] is None
        for at in passed:
            for free in dict.fromkeys(self.graph.at[at]):
                if free not in self.taken and not self.pieces.against(free, at):
                    when = self.pieces.start(free, at) + (_LAST if self._is_crossing(free, at) else 0.5)
                    self._push(
                        when,
                        distance,
                        0.0,
                        "near"
                        if from_seed and self._begins_at_seed(free, at, distance, self.plants[root])
                        else "begin",
                        root,
                        free,
                        at,
                    )

    def _prompt(self, ways: list[_Way], best: _Way) -> _Way:
        """Return the way that a root from a seed takes: one that went on at once comes before one that began later.

        So a main root that stopped is not continued by a lateral that began behind it and grew longer.
        """
        prompt = [
            way
            for way in ways
            if -LATE <= way.gap <= PROMPT * best.gap
            and best.gap - way.gap >= LATE
            and self._reach(way.number, way.node) >= PROMPT_PX * self.unit
        ]
        return min(prompt, key=lambda way: way.cost, default=best)

    def _begins_at_seed(self, number: int, node: int, distance: float, plant: int) -> bool:
        """Return whether a piece that leaves a root from the seed begins at the seed too.

        It does if it leaves at the seed, or if it is one of a bundle of long roots that grew at once, or if both grew
        side by side.
        """
        if distance <= self.seed_px:
            return True
        if distance <= BUNDLE_PX * self.unit and self._reach(number, node) >= BUNDLE_SHARE * self.extent:
            passed = min(self.pieces.start(each, node) for each in self.graph.at[node] if each in self.taken)
            if self.pieces.start(number, node) <= passed + 1:
                return True
        home = self.graph.places[self.graph.seeds[plant]]
        out = self.pieces.direction(number, node)
        back = self.graph.places[node] - home
        aside = abs(back[0] * out[1] - back[1] * out[0])
        return (
            distance <= SIDE_BY_SIDE_PX * self.unit
            and aside <= max(2 * self.graph.radii[node], 4 * self.unit)
            and float(back @ out) > 0
        )

    def _is_crossing(self, number: int, node: int) -> bool:
        """Return whether another free piece leads straight to this one and may bring another root."""
        out = self.pieces.direction(number, node)
        for other in self.graph.at[node]:
            if other in self.taken or other == number:
                continue
            ends_free = len(self.graph.at[self.graph.pieces[other].other(node)]) == 1
            if not ends_free and angle_between(-self.pieces.direction(other, node), out) <= STRAIGHT:
                return True
        return False

    def _ways(self, number: int, node: int, first: bool, crowded: bool) -> list[_Way]:
        """List the ways in which a root can go on that came to a node through a piece."""
        graph = self.graph
        along = -self.pieces.direction(number, node)
        here = graph.places[node]
        now = self.pieces.end(number, graph.pieces[number].other(node))
        found: list[_Way] = []
        queue: list[tuple[float, int, list[tuple[int, int]], bool]] = [(0.0, node, [], False)]
        visited = {node}
        while queue:
            way_px, at, through, shared = queue.pop(0)
            for free in dict.fromkeys(graph.at[at]):
                if free == number:
                    continue
                piece = graph.pieces[free]
                if free not in self.taken and piece.start != piece.end:
                    self._add_way(found, free, at, along, here, now, way_px, through, shared, first, crowded)
                end = piece.other(at)
                short = 2.5 * max(graph.radii[at], graph.radii[end]) + 4 * self.unit
                limit = SHARED_PX * self.unit if free in self.taken else short
                if end not in visited and len(graph.at[end]) > 2 and way_px + piece.length <= limit:
                    visited.add(end)
                    queue.append((way_px + piece.length, end, [*through, (free, end)], shared or free in self.taken))
        return found

    def _add_way(
        self,
        found: list[_Way],
        free: int,
        at: int,
        along: np.ndarray,
        here: np.ndarray,
        now: float,
        way_px: float,
        through: list[tuple[int, int]],
        shared: bool,
        first: bool,
        crowded: bool,
    ) -> None:
        turn = angle_between(along, self.pieces.direction(free, at))
        aside = self.graph.places[at] - here
        if np.hypot(*aside) > 3 * self.unit:
            turn = max(turn, 0.7 * angle_between(along, aside))
        gap = self.pieces.start(free, at) - now
        most = MOST_TURN_SHARED if shared else MOST_TURN_CROWDED if crowded else MOST_TURN
        if turn > most or self.pieces.against(free, at) or (shared and abs(gap) > 3 * LATER):
            return
        bend = min(turn / 45, 1.0) - self._gain(free, at, first) if crowded else turn / 45
        cost = bend + min(abs(gap), 5 * LATER) / (2 * LATER) + way_px / (60 * self.unit) - self._gain(free, at, first)
        found.append(_Way(through, free, at, cost, gap))

    def _gain(self, number: int, node: int, first: bool) -> float:
        """Return how far the skeleton goes on beyond a piece: more for a root from a seed, which is the longest."""
        if first:
            return FIRST_WEIGHT * min(self._reach(number, node) / self.extent, 1.0)
        return self._reach(number, node, REACH_PX * self.unit) / (REACH_PX * self.unit)

    def _reach(self, number: int, node: int, most: float = np.inf) -> float:
        """Return the length to the farthest point of free pieces beyond a piece, at most ``most`` pixels.

        Only ways are followed that never bend by more than a root does.
        """
        graph = self.graph
        best, heap, seen = 0.0, [(graph.pieces[number].length, number, node)], set()
        while heap:
            distance, through, start = heapq.heappop(heap)
            if (through, start) in seen:
                continue
            seen.add((through, start))
            best = max(best, distance)
            if distance > most:
                break
            at = graph.pieces[through].other(start)
            along = -self.pieces.direction(through, at)
            for each in graph.at[at]:
                if each in self.taken or each == through:
                    continue
                if angle_between(along, self.pieces.direction(each, at)) <= MOST_TURN:
                    heapq.heappush(heap, (distance + graph.pieces[each].length, each, at))
        return min(best, most)

    def sorted_roots(self) -> list[TracedRoot]:
        """Return the roots, the longest from the seed first, and each parent before its laterals."""
        points = [np.vstack([chain[0], *(part[1:] for part in chain[1:])]) for chain in self.chains]
        lengths = [float(arc_lengths(each[:: 4 if len(each) > 8 else 1])[-1]) for each in points]
        first = [each for each, parent in enumerate(self.parents) if parent is None]
        first.sort(key=lambda at: -lengths[at])
        places = {old: new for new, old in enumerate(first)}
        for each, parent in enumerate(self.parents):
            if parent is not None:
                places[each] = len(places)
        parents = [None if parent is None else places[parent] for parent in self.parents]
        return [TracedRoot(points[old], parents[old], self.plants[old], self.collided[old]) for old in places]


def _gap(part: np.ndarray, place: np.ndarray) -> float:
    return float(np.hypot(*(part - place).T).min())
