"""What the pieces of a skeleton say of themselves: their direction at a node, when they grew, and from which end."""

import numpy as np
from jaxtyping import Float, Int32

from cxrfactory.geometry.roots.polyline import arc_lengths, point_at
from cxrfactory.geometry.roots.skeleton import SkeletonGraph

DIRECTION_PX = 16.0  # directions at a branching are taken over this length
TREND = 0.4  # Kendall's tau of a piece whose direction of growth is known
LATER = 4  # pictures; what arrives so much earlier at its far end grew towards the branching


class Pieces:
    """The pieces of a skeleton, with the pictures in which they arrived.

    Parameters
    ----------
    graph
        Graph of the skeleton, without spurs.
    arrival
        Number of the first picture with root at each pixel, indexed [row, column].
    homes
        Nodes of the seeds.
    unit
        Factor of lengths (:func:`~cxrfactory.geometry.roots.lengths.length_unit`).
    """

    def __init__(
        self, graph: SkeletonGraph, arrival: Int32[np.ndarray, "height width"], homes: set[int], unit: float
    ) -> None:
        self.graph, self.homes, self.unit = graph, homes, unit
        self.when = {number: _arrivals(piece.points, arrival) for number, piece in graph.pieces.items()}
        self.flows: dict[tuple[int, int], int] = {}
        self.bridges: dict[int, bool] = {}
        self.directions: dict[tuple[int, int], np.ndarray] = {}

    def direction(self, number: int, node: int) -> Float[np.ndarray, " 2"]:
        """Return the direction in which a piece leaves a node, past the node's own thickness."""
        if (number, node) in self.directions:
            return self.directions[number, node]
        points = self.graph.pieces[number].from_node(node)
        total = float(arc_lengths(points)[-1])
        begin = min(self.graph.radii[node] + 1, total / 3)
        step = point_at(points, min(begin + DIRECTION_PX * self.unit, total)) - point_at(points, begin)
        size = float(np.hypot(*step))
        self.directions[number, node] = step / size if size else np.zeros(2)
        return self.directions[number, node]

    def start(self, number: int, node: int) -> float:
        """Return when the part of a piece near a node grew."""
        when = self.when[number] if self.graph.pieces[number].start == node else self.when[number][::-1]
        skip = min(int(self.graph.radii[node]) + 2, max(len(when) - 4, 0) // 2)
        return float(np.median(when[skip : skip + 7]))

    def end(self, number: int, node: int) -> float:
        """Return when the part of a piece at the end away from a node grew."""
        return self.start(number, self.graph.pieces[number].other(node))

    def flow(self, number: int, node: int) -> int:
        """Return 1 if a piece grew away from a node, -1 if it grew towards it, and 0 if its pictures do not tell.

        Pictures that hid a part of the piece must not turn it round, so all pairs of places are compared (Kendall's
        tau), and the ends must differ as well.
        """
        if (number, node) not in self.flows:
            when = self.when[number] if self.graph.pieces[number].start == node else self.when[number][::-1]
            some = when[np.linspace(0, len(when) - 1, min(len(when), 24)).astype(int)]
            later = np.sign(some[None] - some[:, None])[np.triu_indices(len(some), 1)]
            trend = float(later.mean()) if len(later) else 0.0
            third = max(len(when) // 3, 1)
            change = float(np.median(when[-third:]) - np.median(when[:third]))
            told = abs(trend) >= TREND and change * trend > 0 and abs(change) >= LATER
            self.flows[number, node] = int(np.sign(trend)) if told else 0
        return self.flows[number, node]

    def against(self, number: int, node: int) -> bool:
        """Return whether a piece grew towards a node, and so belongs to a root that comes from elsewhere.

        What lies beyond a piece and has no other way to a seed grew through it, whatever its pictures say: a drop or a
        leaf that hid the piece at first makes it look younger than what lies beyond.
        """
        if self.flow(number, node) >= 0:
            return False
        if number not in self.bridges:
            end = self.graph.pieces[number].other(node)
            seen, waiting = {end}, [end]
            while waiting:
                at = waiting.pop()
                ends = {self.graph.pieces[each].other(at) for each in self.graph.at[at] if each != number}
                waiting += ends - seen
                seen |= ends
            self.bridges[number] = node not in seen and not seen & self.homes
        return not self.bridges[number]


def _arrivals(points: np.ndarray, arrival: np.ndarray) -> np.ndarray:
    columns, rows = np.rint(points).astype(int).T
    height, width = arrival.shape
    return arrival[np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)].astype(float)
