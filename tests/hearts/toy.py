"""A coarse heart on a cubic lattice, and cases with it, for tests that need no real template."""

from itertools import permutations

import numpy as np

from cxrfactory.geometry.mesh.labelled import LabelledMesh
from cxrfactory.hearts.case_table import HeartCase
from cxrfactory.hearts.views import HeartViews, ImagePlane

PARTS = ("lv", "lv_myocardium", "rv", "la", "ra", "aorta", "pulmonary_artery")
STEP_MM = 9.0


def _ellipsoid(points, centre, axes):
    return (((points - centre) / axes) ** 2).sum(1) <= 1


def _labels(points):
    """Part of each point, -1 outside; earlier shapes lie on top."""
    shapes = (
        (0, (0, 0, -35), (24, 24, 40)),
        (1, (0, 0, -35), (36, 36, 50)),
        (2, (45, 0, -30), (32, 34, 42)),
        (3, (-5, 5, 30), (28, 26, 24)),
        (4, (45, 10, 30), (24, 26, 24)),
        (5, (15, -30, 30), (16, 16, 34)),
        (6, (38, -34, 36), (14, 14, 30)),
    )
    found = np.full(len(points), -1)
    for part, centre, axes in reversed(shapes):
        found[_ellipsoid(points, np.array(centre), np.array(axes))] = part
    return found


def toy_mesh():
    """A labelled mesh of about 2,000 nodes; six tetrahedra fill a cube of the lattice."""
    axes = [np.arange(low, high, STEP_MM) for low, high in ((-63, 100), (-72, 63), (-99, 90))]
    shape = [len(axis) for axis in axes]
    nodes = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    number = np.arange(len(nodes)).reshape(shape)
    corner = number[:-1, :-1, :-1].reshape(-1)
    steps = np.array([shape[1] * shape[2], shape[2], 1])
    tetrahedra = []
    for order in permutations(range(3)):
        path = np.cumsum([0, *steps[list(order)]])
        tetrahedra.append(corner[:, None] + path)
    tetrahedra = np.concatenate(tetrahedra)
    a, b, c, d = np.moveaxis(nodes[tetrahedra], 1, 0)
    turned = np.einsum("ij,ij->i", b - a, np.cross(c - a, d - a)) < 0
    tetrahedra[turned] = tetrahedra[turned][:, [0, 2, 1, 3]]
    parts = _labels(nodes[tetrahedra].mean(1))
    tetrahedra, parts = tetrahedra[parts >= 0], parts[parts >= 0]
    kept, numbered = np.unique(tetrahedra, return_inverse=True)
    return LabelledMesh(
        nodes[kept].astype(np.float32), numbered.reshape(-1, 4).astype(np.int32), parts.astype(np.uint8), PARTS
    )


def toy_stack(slices=7, spacing_mm=3.0, side=64):
    """Short-axis planes across z, from the base downwards; the pixels say where they lie."""
    rng = np.random.default_rng(0)
    return tuple(
        ImagePlane(
            rng.integers(0, 500, (side, side)).astype(np.float32),
            np.array([-spacing_mm * side / 2 + 17.3, -spacing_mm * side / 2 + 0.7, -2.2 - 10.0 * number]),
            np.array([1.0, 0.0, 0.0]),
            np.array([0.0, 1.0, 0.0]),
            (spacing_mm, spacing_mm),
            8.0,
        )
        for number in range(slices)
    )


def toy_case(mesh, case_id, frame, shift_mm=(0.0, 0.0, 0.0), split="test"):
    """A case whose true mesh is the template, at end-systole with a smaller left cavity, moved by ``shift_mm``."""
    places = contracted(mesh) if frame == "ES" else np.asarray(mesh.vertices_mm, float)
    plane = toy_stack(1)[0]
    views = HeartViews(case_id, f"patient-{case_id}", frame, toy_stack(), {"4ch": plane})
    return HeartCase(views, (places + shift_mm).astype(np.float32), split, 200.0, 100.0, {})


def contracted(mesh):
    """Nodes of the mesh with the left cavity drawn together by a fifth."""
    places = np.array(mesh.vertices_mm, float)
    inside = np.unique(mesh.tetrahedra[mesh.tetrahedron_parts == 0])
    centre = np.array([0.0, 0.0, -35.0])
    places[inside] = centre + 0.8 * (places[inside] - centre)
    return places
