"""A block of tetrahedra with parts, for graphs of templates."""

from itertools import permutations

import numpy as np

from cxrfactory.geometry.mesh.labelled import LabelledMesh

CELLS = 6


def block_of_parts():
    """A block of 6 x 6 x 6 cells of six tetrahedra each: three ventricular parts side by side, an atrium on them."""
    nodes = np.stack(np.meshgrid(*[np.arange(CELLS + 1)] * 3, indexing="ij"), -1).reshape(-1, 3)
    number = {tuple(node): place for place, node in enumerate(nodes)}
    tetrahedra, parts = [], []
    for corner in np.ndindex(CELLS, CELLS, CELLS):
        for order in permutations(range(3)):
            path = [np.array(corner)]
            for axis in order:
                path.append(path[-1] + np.eye(3, dtype=int)[axis])
            cell = [number[tuple(node)] for node in path]
            a, b, c, d = nodes[cell]
            tetrahedra.append(
                cell if np.dot(b - a, np.cross(c - a, d - a)) > 0 else [cell[0], cell[1], cell[3], cell[2]]
            )
            parts.append(min(corner[0] // 2, 2) if corner[2] < 5 else 3)
    names = ("lv", "lv_myocardium", "rv", "la")
    return LabelledMesh(nodes * 5.0, np.array(tetrahedra), np.array(parts, np.uint8), names)
