"""The template of the heart: a conformal tetrahedral mesh of its parts, made from parametric surfaces."""

from functools import cache

import numpy as np

from cxrfactory.errors import CxrError
from cxrfactory.geometry.mesh.improvement import edges_replaced, smoothed
from cxrfactory.geometry.mesh.labelled import OUTSIDE, LabelledMesh
from cxrfactory.hearts.template import filling, sampling
from cxrfactory.hearts.template.shapes import PARTS, part_of, solids
from cxrfactory.hearts.template.stored import Template

BOX_MM = ((-50.0, -50.0, -105.0), (90.0, 90.0, 85.0))  # encloses the heart, in the heart frame

_TRIES = 5

# The parts whose surfaces, alone or together, do not touch themselves.
WHOLE = (*((name,) for name in PARTS), ("lv", "lv_myocardium"), PARTS)


def _part_at(points: np.ndarray) -> np.ndarray:
    return part_of(np.stack([solid(points) < 0 for solid in solids().values()], 1))


class _Guide:
    """Where nodes may move: those with constraints along their surface or rim, the others anywhere."""

    def __init__(self, constraints: list[tuple]):
        self.solids = list(solids().values())
        self.groups: dict[tuple, list[int]] = {}
        for index, which in enumerate(constraints):
            if which:
                self.groups.setdefault(which, []).append(index)

    def axes(self, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the directions in which nodes may move, and their number."""
        directions, free = np.tile(np.eye(3), (len(vertices), 1, 1)), np.full(len(vertices), 3)
        for which, nodes in self.groups.items():
            slopes = np.stack([sampling.gradients(self.solids[each], vertices[nodes]) for each in which], 1)
            free[nodes] = 3 - len(which)
            directions[nodes, : 3 - len(which)] = np.linalg.svd(slopes)[2][:, len(which) :]
        return directions, free

    def back(self, vertices: np.ndarray) -> np.ndarray:
        """Return the vertices with those of surfaces moved back to them."""
        vertices = vertices.copy()
        for which, nodes in self.groups.items():
            vertices[nodes] = sampling.project(self.solids, which, vertices[nodes], 2)
        return vertices


def _improved(mesh: LabelledMesh, constraints: list[tuple], edge_mm: float, rounds: int = 3) -> LabelledMesh:
    """Replace edges and move nodes in turns."""
    guide = _Guide(constraints)
    vertices, tetrahedra, parts = mesh.vertices_mm, mesh.tetrahedra, mesh.tetrahedron_parts
    for _ in range(rounds):
        tetrahedra, parts = edges_replaced(vertices, tetrahedra, parts)
        vertices = smoothed(vertices, tetrahedra, guide.axes, guide.back, 0.15 * edge_mm, 2)
    return LabelledMesh(vertices, tetrahedra, parts, mesh.parts)


def _without_outside(mesh: LabelledMesh, constraints: list[tuple]) -> tuple[LabelledMesh, list[tuple]]:
    """Drop tetrahedra outside and nodes without any, and sort the nodes: surfaces first."""
    inside = mesh.tetrahedron_parts != OUTSIDE
    tetrahedra, parts = mesh.tetrahedra[inside], mesh.tetrahedron_parts[inside]
    used = np.zeros(len(mesh.vertices_mm), bool)
    used[tetrahedra] = True
    surface = np.zeros(len(used), bool)
    surface[LabelledMesh(mesh.vertices_mm, tetrahedra, parts, mesh.parts).interfaces[0]] = True
    order = np.r_[np.flatnonzero(surface), np.flatnonzero(used & ~surface)]
    place = np.full(len(used), -1, np.int32)
    place[order] = np.arange(len(order))
    sorted_mesh = LabelledMesh(mesh.vertices_mm[order], place[tetrahedra], parts, mesh.parts)
    return sorted_mesh, [constraints[each] for each in order]


def _landmarks(mesh: LabelledMesh) -> dict[str, np.ndarray]:
    """Return the apex and the centres of the valves: of the faces between two parts, by area."""
    faces, sides = mesh.interfaces
    valves = {"mitral": ("lv", "la"), "tricuspid": ("rv", "ra"), "aortic": ("lv", "aorta")}
    valves["pulmonary"] = ("rv", "pulmonary_artery")
    outer = np.unique(mesh.surface("lv", "lv_myocardium"))
    found = {"apex": mesh.vertices_mm[outer[np.argmin(mesh.vertices_mm[outer, 2])]]}
    for name, pair in valves.items():
        between = (sides == sorted(mesh.parts.index(part) for part in pair)).all(1)
        a, b, c = np.moveaxis(mesh.vertices_mm[faces[between]], 1, 0)
        areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
        found[name] = np.average((a + b + c) / 3, axis=0, weights=areas)
    return {name: np.asarray(point, np.float32) for name, point in found.items()}


@cache
def make_template(edge_mm: float = 5.0) -> Template:
    """Make the template; the same at every call.

    Parameters
    ----------
    edge_mm
        Length of edges to aim at. Where the surfaces of a mesh of this length cannot be repaired, slightly shorter
        edges are tried.

    Raises
    ------
    CxrError
        If no mesh of about this length has clean surfaces.
    """
    for tries in range(_TRIES):
        try:
            return _made(edge_mm * (1 - 0.03 * tries))
        except ValueError:  # a surface touches itself
            continue
    raise CxrError(f"template edge_mm {edge_mm}: surfaces that touch themselves; expected an edge of 4 to 6 mm")


def _made(edge_mm: float) -> Template:
    every = solids()
    coarse = filling.lattice(0.6 * edge_mm, *BOX_MM)
    boundary, constraints = sampling.boundary_points(list(every.values()), part_of, coarse, edge_mm)
    inner = filling.inner_points(_part_at, filling.lattice(1.08 * edge_mm, *BOX_MM), boundary, 0.75 * edge_mm)
    mesh = filling.filled(_part_at, np.concatenate([boundary, inner]), PARTS)
    mesh = filling.repaired(filling.peeled(mesh), WHOLE)
    mesh, constraints = _without_outside(mesh, constraints + [()] * len(inner))
    mesh = _improved(mesh, constraints, edge_mm)
    names = list(every)
    source = tuple("+".join(names[each] for each in which) or "inside" for which in constraints)
    mesh = LabelledMesh(mesh.vertices_mm.astype(np.float32), mesh.tetrahedra, mesh.tetrahedron_parts, PARTS)
    return Template(mesh, source, _landmarks(mesh))
