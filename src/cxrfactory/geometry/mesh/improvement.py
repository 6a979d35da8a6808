"""Better tetrahedra: nodes moved, and edges replaced, without a change of the surfaces between parts.

The method is that of Freitag and Ollivier-Gooch (1997): rounds of local optimisation of each node's position, and of
edges whose ring of tetrahedra is replaced by a better one.
"""

from collections.abc import Callable
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int

from cxrfactory.compiled import compiled
from cxrfactory.geometry.mesh.quality import shape


def incidence(tetrahedra: np.ndarray, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return for each node where its tetrahedra start in the second array, and the tetrahedra of all nodes in turn."""
    flat = tetrahedra.ravel()
    order = np.argsort(flat, kind="stable")
    return np.searchsorted(flat[order], np.arange(nodes + 1)), order // 4


@compiled
def _cost(vertices, tetrahedra, of, start, end):
    """Sum of what the tetrahedra of a node cost; infinite if one is flipped."""
    total = 0.0
    for k in range(start, end):
        t = tetrahedra[of[k]]
        quality = shape(vertices[t[0]], vertices[t[1]], vertices[t[2]], vertices[t[3]])
        if quality <= 1e-6:
            return np.inf
        total += 1 / quality**3
    return total


@compiled
def _move_nodes(vertices, tetrahedra, starts, of, axes, free, step):
    """Move each node along its free axes to where its tetrahedra cost least (pattern search)."""
    for node in range(len(starts) - 1):
        here = _cost(vertices, tetrahedra, of, starts[node], starts[node + 1])
        size = step
        for _ in range(4):
            moved = False
            for axis in range(free[node]):
                for sign in (1.0, -1.0):
                    old = vertices[node].copy()
                    vertices[node] += sign * size * axes[node, axis]
                    there = _cost(vertices, tetrahedra, of, starts[node], starts[node + 1])
                    if there < here:
                        here, moved = there, True
                    else:
                        vertices[node] = old
            if not moved:
                size /= 2


@compiled
def _take_back(vertices, before, tetrahedra, starts, of):
    """Return nodes to where they were if a tetrahedron at them is flipped."""
    for node in range(len(starts) - 1):
        if not np.isfinite(_cost(vertices, tetrahedra, of, starts[node], starts[node + 1])):
            vertices[node] = before[node]


def smoothed(
    vertices: Float[np.ndarray, "nodes 3"],
    tetrahedra: Int[np.ndarray, "tetrahedra 4"],
    axes: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    back: Callable[[np.ndarray], np.ndarray],
    step_mm: float,
    rounds: int = 4,
) -> Float[np.ndarray, "nodes 3"]:
    """Move nodes to where their tetrahedra are more regular.

    Parameters
    ----------
    vertices, tetrahedra
        The mesh.
    axes
        Called with the vertices; returns the unit vectors along which each node may move, float64 [nodes, 3, 3], and
        their number for each node: 3 inside a part, 2 on a surface, 1 on a rim, 0 at a corner.
    back
        Called with the vertices; returns them with those of surfaces moved back to their surface.
    step_mm
        First step of the search.
    rounds
        Number of passes over all nodes.
    """
    vertices = np.array(vertices, np.float64)
    starts, of = incidence(tetrahedra, len(vertices))
    for _ in range(rounds):
        directions, free = axes(vertices)
        _move_nodes(vertices, tetrahedra, starts, of, directions, free, step_mm)
        before, vertices = vertices, back(vertices)
        _take_back(vertices, before, tetrahedra, starts, of)
    return vertices


def _triangulations(polygon: tuple[int, ...]) -> list[list[tuple[int, int, int]]]:
    """Return all triangulations of a convex polygon."""
    if len(polygon) < 3:
        return [[]]
    found = []
    for middle in range(1, len(polygon) - 1):
        triangle = (polygon[0], polygon[middle], polygon[-1])
        for one in _triangulations(polygon[: middle + 1]):
            found += [[*one, triangle, *other] for other in _triangulations(polygon[middle:])]
    return found


_LARGEST_RING = 7
_TRIANGLES = {size: list(combinations(range(size), 3)) for size in range(3, _LARGEST_RING + 1)}
_RING_TABLES = {
    size: np.array([[_TRIANGLES[size].index(each) for each in one] for one in _triangulations(tuple(range(size)))])
    for size in range(3, _LARGEST_RING + 1)
}


@compiled
def _best(vertices, ring, low, high, triangles, table):
    """Return the index of the best triangulation of a ring around an edge, and its worst tetrahedron's quality."""
    worst = np.empty(len(triangles))
    for k in range(len(triangles)):
        i, j, m = vertices[ring[triangles[k, 0]]], vertices[ring[triangles[k, 1]]], vertices[ring[triangles[k, 2]]]
        worst[k] = min(shape(i, j, m, vertices[high]), shape(i, m, j, vertices[low]))
    best, found = 0, -np.inf
    for row in range(len(table)):
        least = np.inf
        for k in table[row]:
            least = min(least, worst[k])
        if least > found:
            best, found = row, least
    return best, found


_TRIANGLE_ARRAYS = {size: np.array(each) for size, each in _TRIANGLES.items()}


class _Rings:
    """Tetrahedra by node, kept up to date while edges are replaced."""

    def __init__(self, vertices, tetrahedra, parts):
        self.vertices = vertices
        self.tetrahedra = [tuple(each) for each in tetrahedra.tolist()]
        self.parts = parts.tolist()
        self.of = [set() for _ in vertices]
        for index, nodes in enumerate(self.tetrahedra):
            for node in nodes:
                self.of[node].add(index)

    def quality(self, index):
        return shape(*(self.vertices[node] for node in self.tetrahedra[index]))

    def ring(self, low, high):
        """Return the nodes around an edge in order, and its tetrahedra; None if parts differ or it is not closed."""
        around = self.of[low] & self.of[high]
        if not 3 <= len(around) <= _LARGEST_RING or len({self.parts[each] for each in around}) != 1:
            return None
        after = {}
        for index in around:
            one, other = (node for node in self.tetrahedra[index] if node not in (low, high))
            places = [self.tetrahedra[index].index(node) for node in (low, high, one, other)]
            even = sum(places[i] > places[j] for i in range(4) for j in range(i + 1, 4)) % 2 == 0
            after[one if even else other] = other if even else one
        ring = [min(after)]
        while len(ring) < len(around):
            following = after.get(ring[-1])
            if following is None or following in ring:
                return None
            ring.append(following)
        return (ring, sorted(around)) if after.get(ring[-1]) == ring[0] else None

    def replace(self, low, high):
        """Replace an edge if the worst of its tetrahedra becomes better."""
        found = self.ring(low, high)
        if found is None:
            return False
        ring, around = found
        size = len(ring)
        now = min(self.quality(each) for each in around)
        row, best = _best(self.vertices, np.array(ring), low, high, _TRIANGLE_ARRAYS[size], _RING_TABLES[size])
        if best <= now + 1e-3:
            return False
        triangles = [tuple(ring[i] for i in _TRIANGLES[size][k]) for k in _RING_TABLES[size][row]]
        if any(self.known(set(each)) for each in triangles):
            return False
        part = self.parts[around[0]]
        for index in around:
            self.drop(index)
        for i, j, k in triangles:
            self.add((i, j, k, high), part)
            self.add((i, k, j, low), part)
        return True

    def known(self, nodes):
        """Tell whether a tetrahedron has a face of these nodes already."""
        return bool(set.intersection(*(self.of[node] for node in nodes)))

    def drop(self, index):
        for node in self.tetrahedra[index]:
            self.of[node].discard(index)
        self.tetrahedra[index] = None

    def add(self, nodes, part):
        for node in nodes:
            self.of[node].add(len(self.tetrahedra))
        self.tetrahedra.append(nodes)
        self.parts.append(part)


def edges_replaced(
    vertices: Float[np.ndarray, "nodes 3"],
    tetrahedra: Int[np.ndarray, "tetrahedra 4"],
    parts: np.ndarray,
    below: float = 0.5,
) -> tuple[Int[np.ndarray, "tetrahedra 4"], np.ndarray]:
    """Replace edges inside parts whose tetrahedra are bad, if a better ring is found.

    Parameters
    ----------
    vertices, tetrahedra, parts
        The mesh, and the part of each tetrahedron.
    below
        Edges of tetrahedra with a mean ratio below this are tried.

    Returns
    -------
    tuple
        Tetrahedra and their parts. The surfaces between parts are the same.
    """
    rings = _Rings(np.asarray(vertices, np.float64), tetrahedra, parts)
    bad = [(rings.quality(index), index) for index in range(len(tetrahedra))]
    for _, index in sorted(each for each in bad if each[0] < below):
        nodes = rings.tetrahedra[index]
        if nodes is not None:
            for low, high in combinations(sorted(nodes), 2):
                if rings.replace(low, high):
                    break
    kept = [index for index, nodes in enumerate(rings.tetrahedra) if nodes is not None]
    return (
        np.array([rings.tetrahedra[each] for each in kept], np.int32),
        np.array([rings.parts[each] for each in kept], parts.dtype),
    )
