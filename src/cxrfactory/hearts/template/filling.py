"""A tetrahedral mesh between given surfaces: inner nodes, labels, and repair of the parts' surfaces."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float
from scipy.spatial import Delaunay, cKDTree

from cxrfactory.geometry.mesh.labelled import OUTSIDE, LabelledMesh
from cxrfactory.geometry.mesh.quality import scaled_jacobian, signed_volumes
from cxrfactory.geometry.mesh.surface import pinched

Points = Float[np.ndarray, "n 3"]


def lattice(spacing_mm: float, low: Sequence[float], high: Sequence[float]) -> Points:
    """Return the points of a body-centred cubic lattice in a box."""
    axes = [np.arange(a, b, spacing_mm) for a, b in zip(low, high, strict=True)]
    corners = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    return np.concatenate([corners, corners + spacing_mm / 2])


def inner_points(part_at: Callable[[Points], np.ndarray], points: Points, boundary: Points, apart_mm: float) -> Points:
    """Keep the points that lie in a part, at least ``apart_mm`` from the boundary's."""
    points = points[part_at(points) != OUTSIDE]
    return points[cKDTree(boundary).query(points)[0] > apart_mm]


def filled(part_at: Callable[[Points], np.ndarray], points: Points, parts: tuple[str, ...]) -> LabelledMesh:
    """Connect points to tetrahedra (Delaunay); each gets the part at its centre. Those outside are in the mesh too."""
    tetrahedra = Delaunay(points).simplices.astype(np.int32)
    turned = signed_volumes(points, tetrahedra) < 0
    tetrahedra[turned] = tetrahedra[turned][:, [0, 2, 1, 3]]
    return LabelledMesh(points, tetrahedra, part_at(points[tetrahedra].mean(1)), parts)


def peeled(mesh: LabelledMesh, below: float = 0.25) -> LabelledMesh:
    """Give flat tetrahedra that lie on a part's surface with two faces to the outside."""
    labels = mesh.tetrahedron_parts.copy()
    faces, sides = mesh.interfaces
    outer = faces[sides[:, 1] == OUTSIDE]
    known = {tuple(face) for face in np.sort(outer, 1).tolist()}
    on_surface = {(a, b) for face in known for a, b in ((face[0], face[1]), (face[1], face[2]), (face[0], face[2]))}
    flat = np.flatnonzero((scaled_jacobian(mesh.vertices_mm, mesh.tetrahedra) < below) & (labels != OUTSIDE))
    for index in flat:
        nodes = sorted(mesh.tetrahedra[index].tolist())
        bare = [left for left in nodes if tuple(each for each in nodes if each != left) in known]
        # The edge between the two nodes that are not shared becomes part of the surface; it must not be so already.
        if len(bare) == 2 and tuple(bare) not in on_surface:
            labels[index] = OUTSIDE
    return LabelledMesh(mesh.vertices_mm, mesh.tetrahedra, labels, mesh.parts)


def defects(
    mesh: LabelledMesh, together: Sequence[tuple[str, ...]], nodes: np.ndarray | None = None
) -> list[tuple[int, ...]]:
    """Return the edges (two nodes) and nodes at which the surface of a part, or of several together, touches itself.

    With ``nodes``, the mesh holds all tetrahedra at these, and only what lies at these is returned.
    """
    faces, sides = mesh.interfaces
    found = []
    for names in together:
        within = np.isin(sides, [mesh.parts.index(name) for name in names])
        surface = faces[within[:, 0] != within[:, 1]]
        if nodes is not None:
            surface = surface[np.isin(surface, nodes).any(1)]
        ends = np.sort(np.concatenate([surface[:, [0, 1]], surface[:, [1, 2]], surface[:, [2, 0]]]), 1)
        keys, counts = np.unique(ends[:, 0].astype(np.int64) * len(mesh.vertices_mm) + ends[:, 1], return_counts=True)
        crossed = np.stack(np.divmod(keys[counts != 2], len(mesh.vertices_mm)), 1)
        found += [tuple(edge) for edge in crossed.tolist()]
        found += [(node,) for node in np.setdiff1d(pinched(surface), crossed).tolist()]
    return found if nodes is None else [place for place in found if np.isin(place, nodes).any()]


def repaired(mesh: LabelledMesh, together: Sequence[tuple[str, ...]], rounds: int = 10) -> LabelledMesh:
    """Give single tetrahedra to a neighbouring part until no surface touches itself.

    Parameters
    ----------
    mesh
        The mesh, with the tetrahedra outside.
    together
        The sets of parts whose surfaces are repaired.
    rounds
        Most passes over all places.

    Raises
    ------
    ValueError
        A surface still touches itself.
    """
    labels = mesh.tetrahedron_parts.copy()
    for number in range(rounds):
        mesh = LabelledMesh(mesh.vertices_mm, mesh.tetrahedra, labels, mesh.parts)
        bad = defects(mesh, together)
        if not bad:
            return mesh
        for place in bad:
            _repair(mesh, labels, place, together, number >= 3)
    raise ValueError(f"surface that touches itself at {len(bad)} places after {rounds} repairs; expected none")


def _repair(
    mesh: LabelledMesh, labels: np.ndarray, place: tuple[int, ...], together: Sequence[tuple], boldly: bool
) -> None:
    """Change labels at an edge or node: of one tetrahedron, or of all there, whatever leaves the fewest defects around.

    Boldly: also if there are as many as before.
    """
    tetrahedra = mesh.tetrahedra
    at = np.flatnonzero(np.isin(tetrahedra, place).sum(1) == len(place))
    nodes = np.unique(tetrahedra[at])
    near = np.flatnonzero(np.isin(tetrahedra, nodes).any(1))

    def count(indices: np.ndarray, part: int) -> int:
        changed = labels[near].copy()
        changed[np.isin(near, indices)] = part
        around = LabelledMesh(mesh.vertices_mm, tetrahedra[near], changed, mesh.parts)
        return len(defects(around, together, nodes))

    choices = [(np.array([index]), part) for index in at for part in np.setdiff1d(labels[at], labels[index])]
    choices += [(at, part) for part in np.unique(labels[at])]
    counts = [count(*choice) for choice in choices]
    best = int(np.argmin(counts))
    if counts[best] < count(at[:0], 0) + boldly:
        labels[choices[best][0]] = choices[best][1]
