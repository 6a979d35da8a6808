"""What the cohort needs to know of a template, computed once: coordinates around the left ventricle, and fields.

The left ventricle is described by rays. Above a centre on its long axis (the z axis of the heart's frame), rays leave
the axis at right angles; below the centre they leave the centre in all directions. Each ray meets the inner and the
outer surface of the wall once.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float, Float32, Int, UInt8
from scipy.spatial import cKDTree

from cxrfactory.geometry.mesh.labelled import OUTSIDE, LabelledMesh

BLOOD = ("lv", "rv", "la", "ra", "aorta", "pulmonary_artery")
WALL = "lv_myocardium"
ATRIA = ("la", "ra")
VESSELS = {"aorta": "aortic", "pulmonary_artery": "pulmonary"}  # and the landmark at which each begins
_BESIDE_MM = 30.0
_CENTRE = 0.6  # height of the rays' centre below the base, as a share of the cavity's length
_RIM_MM = 5.0  # nodes closer to the base are left out of the fit: the wall ends there
_WAVES, _POWERS = 4, 7  # of the fitted surfaces, around the axis and along it


class HeartTemplate(Protocol):
    """What is used of a template: its mesh in the heart's frame and its landmarks."""

    mesh: LabelledMesh
    landmarks_mm: dict[str, np.ndarray]


@dataclass(frozen=True)
class Rays:
    """Coordinates of all nodes on rays around the left ventricle.

    Attributes
    ----------
    centre_z
        Height of the centre, mm; it is negative.
    ground
        Point of the axis from which each node's ray leaves.
    direction
        Unit vector of each node's ray.
    along
        Distance of each node from the ground point, mm.
    inner, outer
        Distance at which the ray meets the inner and the outer surface of the wall, mm.
    angle
        Angle around the axis, radians; 0 towards the right ventricle.
    height
        0 at the centre, 1 at the base and more above, down to -1 on the axis below the centre.
    """

    centre_z: float
    ground: Float[np.ndarray, "nodes 3"]
    direction: Float[np.ndarray, "nodes 3"]
    along: Float[np.ndarray, " nodes"]
    inner: Float[np.ndarray, " nodes"]
    outer: Float[np.ndarray, " nodes"]
    angle: Float[np.ndarray, " nodes"]
    height: Float[np.ndarray, " nodes"]


@dataclass(frozen=True)
class Anatomy:
    """A template prepared for the cohort.

    Attributes
    ----------
    mesh, landmarks_mm
        Mesh and landmarks of the template.
    rays
        Coordinates of the nodes around the left ventricle.
    nodes_of
        Nodes of each part.
    blood, wall, right
        Faces of the closed surfaces of the left cavity, of cavity and wall together, and of the right ventricle.
    fields
        Values of each node that images are made of: position in the template (x, y, z), distance from the surface of
        the cavity that the node lies in, and distance from the nearest border of two cavities, mm.
    growth
        Shift of each node if a part (left atrium, right atrium, aorta, pulmonary artery) grows by its own size.
    far_end
        Shift of each node along x, y or z if the far end of aorta or pulmonary artery moves by 1.
    length_mm
        Length of the left cavity from the base to the apex.
    """

    mesh: LabelledMesh
    landmarks_mm: dict[str, np.ndarray]
    rays: Rays
    nodes_of: dict[str, Int[np.ndarray, " n"]]
    blood: Int[np.ndarray, "faces 3"]
    wall: Int[np.ndarray, "faces 3"]
    right: Int[np.ndarray, "faces 3"]
    fields: Float32[np.ndarray, "nodes 5"]
    growth: dict[str, Float[np.ndarray, "nodes 3"]]
    far_end: dict[str, Float[np.ndarray, " nodes"]]
    length_mm: float


def prepare(template: HeartTemplate) -> Anatomy:
    """Prepare a template for the cohort; the result serves all patients."""
    mesh = template.mesh
    nodes_of = {
        name: np.unique(mesh.tetrahedra[mesh.tetrahedron_parts == index]) for index, name in enumerate(mesh.parts)
    }
    points = np.asarray(mesh.vertices_mm, float)
    landmarks = {name: np.asarray(place, float) for name, place in template.landmarks_mm.items()}
    length = float(-points[nodes_of["lv"], 2].min())
    growth = {name: _growth(points, points[nodes_of[name]]) for name in ATRIA}
    far_end = {}
    for name, valve in VESSELS.items():
        growth[name], far_end[name] = _vessel(points, points[nodes_of[name]], landmarks[valve])
    return Anatomy(
        mesh,
        landmarks,
        _rays(mesh, length),
        nodes_of,
        mesh.surface("lv"),
        mesh.surface("lv", WALL),
        mesh.surface("rv"),
        _fields(mesh),
        growth,
        far_end,
        length,
    )


def part_of_nodes(anatomy: Anatomy, nodes: Int[np.ndarray, " n"]) -> Anatomy:
    """Return an anatomy of some of the nodes alone, which must hold the ventricles' surfaces; its mesh is empty."""
    place = np.full(len(anatomy.mesh.vertices_mm), -1)
    place[nodes] = np.arange(len(nodes))
    rays = {key: value if key == "centre_z" else value[nodes] for key, value in vars(anatomy.rays).items()}
    nothing = np.zeros((0, 4), np.int32)
    return Anatomy(
        LabelledMesh(anatomy.mesh.vertices_mm[nodes], nothing, np.zeros(0, np.uint8), anatomy.mesh.parts),
        anatomy.landmarks_mm,
        Rays(**rays),
        {},
        place[anatomy.blood],
        place[anatomy.wall],
        place[anatomy.right],
        anatomy.fields[nodes],
        {name: shifts[nodes] for name, shifts in anatomy.growth.items()},
        {name: shifts[nodes] for name, shifts in anatomy.far_end.items()},
        anatomy.length_mm,
    )


def smooth_step(share: np.ndarray) -> np.ndarray:
    """Return 0 below 0, 1 above 1, and a smooth step between."""
    share = np.clip(share, 0, 1)
    return share * share * (3 - 2 * share)


def _growth(points: np.ndarray, own: np.ndarray) -> Float[np.ndarray, "nodes 3"]:
    """Return shifts away from the centre of a part, which fade outside it."""
    apart = points - own.mean(0)
    radius = 1.6 * np.sqrt((own.std(0) ** 2).sum())
    return np.exp(-(apart**2).sum(1) / (2 * radius**2))[:, None] * apart


def _vessel(
    points: np.ndarray, own: np.ndarray, valve: np.ndarray
) -> tuple[Float[np.ndarray, "nodes 3"], Float[np.ndarray, " nodes"]]:
    """Return shifts away from a vessel's axis, and the share of each node in a shift of its far end."""
    far = np.argsort(np.linalg.norm(own - valve, axis=1), kind="stable")[-max(8, len(own) // 10) :]
    length = float(np.linalg.norm(own[far].mean(0) - valve))
    axis = (own[far].mean(0) - valve) / length
    along = (points - valve) @ axis
    across = points - valve - along[:, None] * axis
    # Shifts end beside the vessel, and begin at the valve.
    share = smooth_step(along / length) * np.exp(-(across**2).sum(1) / (2 * _BESIDE_MM**2))
    return share[:, None] * across, share


def _sides(mesh: LabelledMesh) -> tuple[Int[np.ndarray, "faces 3"], UInt8[np.ndarray, "faces 2"]]:
    return mesh.interfaces


def _nodes_between(mesh: LabelledMesh, first: set[int], second: set[int]) -> Int[np.ndarray, " n"]:
    """Return the nodes of faces that have a part of each set on their two sides."""
    faces, sides = _sides(mesh)
    one, other = np.isin(sides, list(first)), np.isin(sides, list(second))
    return np.unique(faces[(one[:, 0] & other[:, 1]) | (other[:, 0] & one[:, 1])])


def _rays(mesh: LabelledMesh, length: float) -> Rays:
    points = np.asarray(mesh.vertices_mm, float)
    centre_z = -_CENTRE * length
    radius = np.hypot(points[:, 0], points[:, 1])
    below = points[:, 2] < centre_z
    ground = np.zeros_like(points)
    ground[:, 2] = np.maximum(points[:, 2], centre_z)
    apart = points - ground
    along = np.linalg.norm(apart, axis=1)
    direction = np.divide(apart, along[:, None], out=np.zeros_like(apart), where=along[:, None] > 1e-9)
    angle = np.arctan2(points[:, 1], points[:, 0])
    dip = np.arctan2(centre_z - points[:, 2], radius) / (np.pi / 2)
    height = np.where(below, -dip, (points[:, 2] - centre_z) / -centre_z)

    wall, blood = mesh.parts.index(WALL), mesh.parts.index("lv")
    inside = _nodes_between(mesh, {wall}, {blood})
    outside = np.setdiff1d(_nodes_between(mesh, {wall}, {*range(len(mesh.parts)), OUTSIDE} - {wall, blood}), inside)
    # Near the base the surfaces are not fitted: there they are those just below.
    basis = _basis(angle, np.minimum(height, 1 + _RIM_MM / centre_z))
    surfaces = []
    for nodes in (inside, outside):
        nodes = nodes[points[nodes, 2] < -_RIM_MM]
        rows = basis[nodes]
        ridge = 1e-4 * len(nodes) * np.diag(_roughness())
        surfaces.append(basis @ np.linalg.solve(rows.T @ rows + ridge, rows.T @ along[nodes]))
    inner = np.maximum(surfaces[0], 1.0)
    return Rays(centre_z, ground, direction, along, inner, np.maximum(surfaces[1], inner + 1.0), angle, height)


def _basis(angle: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Return smooth functions of the rays: Chebyshev polynomials along the axis times waves around it."""
    held = np.clip(height, -1, 1)
    axial = np.polynomial.chebyshev.chebvander(held, _POWERS)
    # Waves vanish on the axis below the centre, where the angle has no meaning.
    level = np.cos(np.pi / 2 * np.minimum(held, 0))
    around = [np.ones_like(angle)]
    for wave in range(1, _WAVES + 1):
        around += [level * np.cos(wave * angle), level * np.sin(wave * angle)]
    return (axial[:, :, None] * np.stack(around, 1)[:, None, :]).reshape(len(angle), -1)


def _roughness() -> np.ndarray:
    """Return how fast each function of the basis varies, from 1: the fit prefers slow ones."""
    waves = [0, *(wave for each in range(1, _WAVES + 1) for wave in (each, each))]
    return (1.0 + np.arange(_POWERS + 1)[:, None] ** 2 + np.array(waves)[None] ** 2).ravel() ** 2


def _fields(mesh: LabelledMesh) -> Float32[np.ndarray, "nodes 5"]:
    points = np.asarray(mesh.vertices_mm, float)
    blood = {mesh.parts.index(name) for name in BLOOD}
    solid = {*range(len(mesh.parts)), OUTSIDE} - blood
    depth = _distance(points, points[_nodes_between(mesh, blood, solid)])
    faces, sides = _sides(mesh)
    between = np.isin(sides, list(blood)).all(1)
    membrane = _distance(points, points[np.unique(faces[between])])
    return np.column_stack([points, depth, membrane]).astype(np.float32)


def _distance(points: np.ndarray, targets: np.ndarray) -> np.ndarray:
    if not len(targets):
        return np.full(len(points), 1e3)
    return cKDTree(targets).query(points)[0]
