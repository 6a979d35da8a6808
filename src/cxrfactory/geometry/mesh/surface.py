"""Closed triangle surfaces: volume, area, edges, and topology."""

import numpy as np
from jaxtyping import Float, Int


def volume_mm3(vertices_mm: Float[np.ndarray, "nodes 3"], faces: Int[np.ndarray, "faces 3"]) -> float:
    """Return the volume inside a closed surface whose normals point outwards, by the divergence theorem."""
    a, b, c = np.moveaxis(np.asarray(vertices_mm, np.float64)[faces], 1, 0)
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def area_mm2(vertices_mm: Float[np.ndarray, "nodes 3"], faces: Int[np.ndarray, "faces 3"]) -> float:
    """Return the area of a surface."""
    a, b, c = np.moveaxis(np.asarray(vertices_mm, np.float64)[faces], 1, 0)
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def edges(simplices: Int[np.ndarray, "simplices corners"]) -> Int[np.ndarray, "edges 2"]:
    """Return the edges of triangles or tetrahedra, each once, the smaller node first, sorted."""
    corners = simplices.shape[1]
    pairs = [simplices[:, [i, j]] for i in range(corners) for j in range(i + 1, corners)]
    ends = np.sort(np.concatenate(pairs), axis=1)
    nodes = np.int64(ends.max(initial=0)) + 1
    keys = np.unique(ends[:, 0].astype(np.int64) * nodes + ends[:, 1])
    return np.stack([keys // nodes, keys % nodes], axis=1).astype(simplices.dtype)


def is_watertight(faces: Int[np.ndarray, "faces 3"]) -> bool:
    """Tell whether every edge has exactly two faces, which pass it in opposite directions.

    Examples
    --------
    >>> from cxrfactory.geometry.mesh.surface import is_watertight
    >>> tetrahedron = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]])
    >>> is_watertight(tetrahedron), is_watertight(tetrahedron[:3])
    (True, False)
    """
    passes = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    nodes = passes.max(initial=0) + 1
    forwards, backwards = (np.sort(passes[:, i] * nodes + passes[:, 1 - i]) for i in (0, 1))
    return len(faces) > 0 and bool((forwards[1:] != forwards[:-1]).all()) and np.array_equal(forwards, backwards)


def genus(faces: Int[np.ndarray, "faces 3"]) -> int:
    """Return the genus of a closed surface: 0 for a sphere, 1 for a ring.

    Raises
    ------
    ValueError
        The surface is not watertight, or its fans of faces do not form one closed sheet: it has several pieces, or
        touches itself at a node.
    """
    if not is_watertight(faces):
        raise ValueError("genus of a surface that is not watertight; expected two faces at every edge")
    if pieces(faces) != 1 or pinched(faces).size:
        raise ValueError("genus of a surface of several pieces or one that touches itself; expected one closed sheet")
    return (2 - (len(np.unique(faces)) - len(edges(faces)) + len(faces))) // 2


def pieces(faces: Int[np.ndarray, "faces 3"]) -> int:
    """Return the number of connected pieces of a surface; faces are connected through edges."""
    return int(_sheets(faces, np.zeros(len(faces) * 3, np.int64)).max(initial=-1)) + 1


def pinched(faces: Int[np.ndarray, "faces 3"]) -> Int[np.ndarray, " nodes"]:
    """Return the nodes at which a surface touches itself: their faces form more than one fan."""
    corners = faces.ravel()
    fans = _sheets(faces, corners)
    _, first = np.unique(fans, return_index=True)  # one corner of each fan
    nodes, counts = np.unique(corners[first], return_counts=True)
    return nodes[counts > 1]


def _sheets(faces: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Connect the corners of neighbouring faces that have equal values, and number what is connected."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    place = np.arange(len(faces) * 3).reshape(-1, 3)
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    places = np.concatenate([place[:, [0, 1]], place[:, [1, 2]], place[:, [2, 0]]])
    turned = ends[:, 0] > ends[:, 1]
    ends[turned], places[turned] = ends[turned][:, ::-1], places[turned][:, ::-1]
    order = np.lexsort(ends.T)
    ends, places = ends[order], places[order]
    same = (ends[1:] == ends[:-1]).all(1)
    first, second = places[:-1][same], places[1:][same]
    joined = [(first[:, i], second[:, i]) for i in (0, 1)]
    one_sheet = corners.min(initial=0) == corners.max(initial=0)
    if one_sheet:
        joined += [(place[:, 0], place[:, 1]), (place[:, 1], place[:, 2])]
    a, b = (np.concatenate([pair[k] for pair in joined]) for k in (0, 1))
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(place.size, place.size))
    return connected_components(graph, directed=False)[1]
