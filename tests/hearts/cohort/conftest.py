"""A heart of simple shapes on a coarse lattice, with all parts of the template."""

from dataclasses import dataclass

import numpy as np
import pytest

from cxrfactory.geometry.mesh.labelled import OUTSIDE, LabelledMesh
from cxrfactory.hearts.cohort.anatomy import Anatomy, prepare

PARTS = ("lv", "lv_myocardium", "rv", "la", "ra", "aorta", "pulmonary_artery")
# Half axes of the nested ellipsoids of the left ventricle, mm; both end at the base, z = 0.
INNER, OUTER = (25.0, 25.0, 86.0), (35.0, 35.0, 96.0)


@dataclass
class SimpleHeart:
    mesh: LabelledMesh
    landmarks_mm: dict[str, np.ndarray]


def lattice(low: tuple, high: tuple, edge: float) -> tuple[np.ndarray, np.ndarray]:
    """Tetrahedra of a body-centred cubic lattice, all of positive volume."""
    counts = np.ceil((np.array(high) - low) / edge).astype(int) + 1
    cells = np.stack(np.meshgrid(*map(np.arange, counts), indexing="ij"), -1).reshape(-1, 3)
    corners = np.array(low) + cells * edge
    points = np.concatenate([corners, corners + edge / 2])

    def place(each: np.ndarray) -> np.ndarray:
        return np.ravel_multi_index(each.T, counts)

    found = []
    for axis, along in enumerate(np.eye(3, dtype=int)):
        b, c = np.eye(3, dtype=int)[[k for k in range(3) if k != axis]]
        inner = cells[((cells + along + b + c) < counts).all(1)]
        one, other = place(inner) + len(cells), place(inner + along) + len(cells)
        ring = [place(inner + along + step) for step in (0 * b, b, b + c, c)]
        found += [np.stack([one, other, ring[k], ring[(k + 1) % 4]], 1) for k in range(4)]
    tetrahedra = np.concatenate(found)
    a, b, c, d = points[tetrahedra.T]
    turned = np.einsum("ij,ij->i", b - a, np.cross(c - a, d - a)) < 0
    tetrahedra[turned] = tetrahedra[turned][:, [0, 1, 3, 2]]
    return points, tetrahedra


def part_at(points: np.ndarray) -> np.ndarray:
    def ellipsoid(middle: tuple, axes: tuple) -> np.ndarray:
        return np.linalg.norm((points - middle) / axes, axis=1)

    def tube(start: tuple, end: tuple) -> np.ndarray:
        way = np.subtract(end, start)
        share = np.clip((points - start) @ way / (way @ way), 0, 1)
        return np.linalg.norm(points - start - share[:, None] * way, axis=1)

    above, wall = points[:, 2] > 0, ellipsoid((0, 0, 0), OUTER) < 1
    parts = np.full(len(points), OUTSIDE, np.uint8)
    parts[above & (ellipsoid((45, -12, 22), (25, 25, 26)) < 1)] = 4
    parts[above & (ellipsoid((-5, -8, 22), (26, 26, 26)) < 1)] = 3
    parts[~above & (ellipsoid((30, 2, 0), (40, 45, 78)) < 1)] = 2
    parts[(tube((30, 30, -10), (15, 34, 22)) < 15) & ~wall] = 2
    parts[(points[:, 2] > 20) & (tube((15, 34, 22), (0, 30, 60)) < 13)] = 6
    parts[above & (tube((14, 14, -2), (30, 22, 60)) < 14)] = 5
    parts[~above & wall] = 1
    parts[~above & (ellipsoid((0, 0, 0), INNER) < 1)] = 0
    return parts


@pytest.fixture(scope="session")
def heart() -> SimpleHeart:
    points, tetrahedra = lattice((-60, -60, -104), (90, 70, 84), 8.0)
    parts = part_at(points[tetrahedra].mean(1))
    tetrahedra, parts = tetrahedra[parts != OUTSIDE], parts[parts != OUTSIDE]
    used, places = np.unique(tetrahedra, return_inverse=True)
    mesh = LabelledMesh(points[used].astype(np.float32), places.reshape(-1, 4).astype(np.int32), parts, PARTS)
    landmarks = {
        "apex": (0, 0, -96),
        "mitral": (0, 0, 0),
        "tricuspid": (42, -8, 0),
        "aortic": (14, 14, 0),
        "pulmonary": (15, 34, 22),
    }
    return SimpleHeart(mesh, {name: np.array(place, float) for name, place in landmarks.items()})


@pytest.fixture(scope="session")
def anatomy(heart: SimpleHeart) -> Anatomy:
    return prepare(heart)
