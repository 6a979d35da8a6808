"""Contraction of meshes to half of their nodes, again and again, and the matrices between the levels.

Edges are contracted in the order of the quadric error (Garland and Heckbert, 1997), onto one of their two nodes, so
that each level's nodes are some of the finer level's. The matrices are those of convolutional mesh autoencoders (Ranjan
et al., 2018): ``down`` keeps nodes, ``up`` places each finer node on a face of the coarser mesh.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from cxrfactory.compiled import compiled
from cxrfactory.geometry.mesh.surface import edges

_LENGTH_WEIGHT = 1e-3  # of the squared length of an edge beside its quadric error; keeps flat regions even


@dataclass(frozen=True)
class Pooling:
    """One contraction.

    Attributes
    ----------
    down
        Sparse [coarse, fine]: a single 1 in each row, at the node that is kept.
    up
        Sparse [fine, coarse]: the weights of the corners of the face on which each finer node lies; a kept node has a
        single 1. Rows sum to 1.
    faces
        Faces of the coarser mesh, numbered by its own nodes.
    """

    down: sparse.csr_array = field(repr=False)
    up: sparse.csr_array = field(repr=False)
    faces: Int[np.ndarray, "faces 3"] = field(repr=False)

    @property
    def kept(self) -> Int[np.ndarray, " coarse"]:
        """Finer mesh's index of each node of the coarser one."""
        return self.down.indices


def contract(
    vertices: Float[np.ndarray, "nodes 3"], faces: Int[np.ndarray, "faces 3"], levels: int = 4
) -> tuple[Pooling, ...]:
    """Contract a mesh to half of its nodes, that mesh again, and so on.

    Parameters
    ----------
    vertices, faces
        The mesh. Surfaces may meet along edges of more than two faces; the faces of tetrahedra are a mesh too.
    levels
        Number of contractions.

    Returns
    -------
    tuple
        The contractions, the finest first. Each leaves half of the nodes, rounded up.

    Examples
    --------
    >>> from cxrfactory.geometry.mesh.contraction import contract
    >>> corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    >>> faces = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]])
    >>> contract(corners, faces, 1)[0].down.shape
    (2, 4)
    """
    vertices, faces = np.asarray(vertices, np.float64), np.asarray(faces, np.int64)
    found = []
    for _ in range(levels):
        found.append(_halved(vertices, faces))
        vertices, faces = vertices[found[-1].kept], found[-1].faces
    return tuple(found)


def _halved(vertices: np.ndarray, faces: np.ndarray) -> Pooling:
    count, coarse = len(vertices), faces
    stands_for = np.arange(count)  # the kept node for each node
    quadrics = _quadrics(vertices, faces)
    surplus, strict = count // 2, 2
    while surplus:
        from_, to = _ordered_edges(vertices, coarse, quadrics)
        if not len(from_):
            from_, to = _loose_nodes(stands_for)
        target = _chosen(vertices, coarse, from_, to, max(surplus // 2, min(surplus, 20)), strict)
        moved = np.flatnonzero(target != np.arange(count))
        if not len(moved):
            strict -= 1
            if strict < 0:
                break
            continue
        np.add.at(quadrics, target[moved], quadrics[moved])
        stands_for = target[stands_for]
        coarse = _renumbered(coarse, target)
        surplus -= len(moved)
    kept = np.unique(stands_for)
    place = np.full(count, -1)
    place[kept] = np.arange(len(kept))
    down = sparse.csr_array((np.ones(len(kept)), (np.arange(len(kept)), kept)), shape=(len(kept), count))
    up = _up(vertices, coarse, stands_for, place, len(kept))
    return Pooling(down, up, place[coarse].astype(np.int32))


def _loose_nodes(stands_for: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pair up nodes when no edges are left."""
    left = np.unique(stands_for)
    return left[1:], left[:-1]


def _quadrics(vertices: np.ndarray, faces: np.ndarray) -> Float[np.ndarray, "nodes 4 4"]:
    """Return for each node the sum over its faces of the squared distance from their planes, as a quadratic form."""
    a, b, c = np.moveaxis(vertices[faces], 1, 0)
    normal = np.cross(b - a, c - a)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    planes = np.concatenate([normal, -np.einsum("ij,ij->i", normal, a)[:, None]], 1)
    forms = (planes[:, :, None] * planes[:, None, :]).reshape(-1, 16)
    places = (faces.ravel(), np.arange(faces.size) // 3)
    of = sparse.csr_array((np.ones(faces.size), places), shape=(len(vertices), len(faces)))
    return (of @ forms).reshape(-1, 4, 4)


def _ordered_edges(vertices: np.ndarray, faces: np.ndarray, quadrics: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges as (node to give up, node to keep), the cheapest first."""
    pairs = edges(faces) if len(faces) else np.zeros((0, 2), np.int64)
    both = np.concatenate([pairs, pairs[:, ::-1]])
    form = quadrics[both[:, 0]] + quadrics[both[:, 1]]
    at = np.concatenate([vertices[both[:, 1]], np.ones((len(both), 1))], 1)
    error = np.einsum("ni,nij,nj->n", at, form, at)
    error += _LENGTH_WEIGHT * ((vertices[both[:, 0]] - vertices[both[:, 1]]) ** 2).sum(1)
    order = np.lexsort((both[:, 1], both[:, 0], error))
    return both[order, 0], both[order, 1]


def _chosen(vertices, faces, from_, to, most, strict):
    """Choose edges whose contractions do not touch one another; return each node's target."""
    flat = faces.ravel()
    order = np.argsort(flat, kind="stable")
    starts = np.searchsorted(flat[order], np.arange(len(vertices) + 1))
    return _choose(vertices, faces, starts, order // 3, from_, to, most, strict)


@compiled
def _choose(vertices, faces, starts, of, from_, to, most, strict):
    """Go through the edges; a strictness of 2 keeps normals and topology, 1 topology, 0 nothing."""
    count = len(vertices)
    target = np.arange(count)
    touched = np.zeros(count, np.bool_)
    seen = np.full(count, -1)
    done = 0
    for k in range(len(from_)):
        if done == most:
            break
        u, v = from_[k], to[k]
        if touched[u] or touched[v]:
            continue
        if strict >= 1 and not _keeps_topology(faces, starts, of, u, v, seen, k):
            continue
        if strict == 2 and not _keeps_normals(vertices, faces, starts, of, u, v):
            continue
        target[u] = v
        done += 1
        touched[u] = touched[v] = True
        for place in range(starts[u], starts[u + 1]):
            for corner in faces[of[place]]:
                touched[corner] = True
    return target


@compiled
def _keeps_topology(faces, starts, of, u, v, seen, stamp):
    """Tell whether every common neighbour of two nodes forms a face with them."""
    shared = 0
    for place in range(starts[u], starts[u + 1]):
        has = False
        for corner in faces[of[place]]:
            has |= corner == v
        shared += has
        for corner in faces[of[place]]:
            seen[corner] = 2 * stamp
    common = 0
    for place in range(starts[v], starts[v + 1]):
        for corner in faces[of[place]]:
            if corner != u and corner != v and seen[corner] == 2 * stamp:
                common += 1
                seen[corner] = 2 * stamp + 1
    return common == shared


@compiled
def _keeps_normals(vertices, faces, starts, of, u, v):
    """Tell whether no face at node u turns by more than about 78 degrees if u moves to v."""
    for place in range(starts[u], starts[u + 1]):
        face = faces[of[place]]
        if face[0] == v or face[1] == v or face[2] == v:
            continue
        a, b, c = vertices[face[0]], vertices[face[1]], vertices[face[2]]
        before = np.cross(b - a, c - a)
        a, b, c = (vertices[v if face[0] == u else face[0]], vertices[v if face[1] == u else face[1]],
                   vertices[v if face[2] == u else face[2]])  # fmt: skip
        after = np.cross(b - a, c - a)
        size = np.sqrt((before**2).sum() * (after**2).sum())
        if (before * after).sum() <= 0.2 * size:
            return False
    return True


def _renumbered(faces: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the faces after contraction, without those that vanish and without repeated ones."""
    faces = target[faces]
    faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])]
    low, middle, high = np.sort(faces, axis=1).T
    keys = (low * len(target) + middle) * len(target) + high
    return faces[np.sort(np.unique(keys, return_index=True)[1])]


@compiled
def weights_on_face(p, a, b, c):
    """Return the weights of a triangle's corners at its point nearest to p (Ericson, Real-Time Collision Detection)."""
    ab, ac, ap = b - a, c - a, p - a
    d1, d2 = (ab * ap).sum(), (ac * ap).sum()
    if d1 <= 0 and d2 <= 0:
        return 1.0, 0.0, 0.0
    bp = p - b
    d3, d4 = (ab * bp).sum(), (ac * bp).sum()
    if d3 >= 0 and d4 <= d3:
        return 0.0, 1.0, 0.0
    vc = d1 * d4 - d3 * d2
    if vc <= 0 and d1 >= 0 and d3 <= 0:
        share = d1 / (d1 - d3)
        return 1 - share, share, 0.0
    cp = p - c
    d5, d6 = (ab * cp).sum(), (ac * cp).sum()
    if d6 >= 0 and d5 <= d6:
        return 0.0, 0.0, 1.0
    vb = d5 * d2 - d1 * d6
    if vb <= 0 and d2 >= 0 and d6 <= 0:
        share = d2 / (d2 - d6)
        return 1 - share, 0.0, share
    va = d3 * d6 - d5 * d4
    if va <= 0 and d4 - d3 >= 0 and d5 - d6 >= 0:
        share = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        return 0.0, 1 - share, share
    total = va + vb + vc
    return va / total, vb / total, vc / total


@compiled
def _place(vertices, faces, starts, of, stands_for, corners, weights):
    """Find for each node the nearest face among those at the node that stands for it and at that node's neighbours."""
    for node in range(len(vertices)):
        middle = stands_for[node]
        corners[node, 0], weights[node, 0] = middle, 1.0
        if middle == node:
            continue
        best = np.inf
        for near in range(starts[middle], starts[middle + 1]):
            for neighbour in faces[of[near]]:
                for place in range(starts[neighbour], starts[neighbour + 1]):
                    face = faces[of[place]]
                    a, b, c = vertices[face[0]], vertices[face[1]], vertices[face[2]]
                    x, y, z = weights_on_face(vertices[node], a, b, c)
                    apart = ((x * a + y * b + z * c - vertices[node]) ** 2).sum()
                    if apart < best:
                        best = apart
                        corners[node] = face
                        weights[node, 0], weights[node, 1], weights[node, 2] = x, y, z


def _up(vertices, faces, stands_for, place, kept):
    """Return the matrix that places all nodes on the faces of the coarser mesh."""
    count = len(vertices)
    flat = faces.ravel()
    order = np.argsort(flat, kind="stable")
    starts = np.searchsorted(flat[order], np.arange(count + 1))
    corners, weights = np.zeros((count, 3), np.int64), np.zeros((count, 3))
    _place(vertices, faces, starts, order // 3, stands_for, corners, weights)
    used = weights > 0
    rows = np.repeat(np.arange(count), 3).reshape(-1, 3)
    return sparse.csr_array((weights[used], (rows[used], place[corners[used]])), shape=(count, kept))
