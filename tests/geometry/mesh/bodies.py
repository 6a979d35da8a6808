"""Meshes whose volumes and topology are known: a ball, a torus, and a cube of tetrahedra in two parts."""

from itertools import permutations

import numpy as np

from cxrfactory.geometry.mesh.labelled import LabelledMesh


def ball(radius=10.0, around=24, along=12):
    """A closed surface of a sphere's parallels and meridians; normals point outwards."""
    polar = np.linspace(0, np.pi, along + 1)[1:-1]
    turn = np.arange(around) * 2 * np.pi / around
    rings = np.stack(
        [np.outer(np.sin(polar), np.cos(turn)), np.outer(np.sin(polar), np.sin(turn)),
         np.outer(np.cos(polar), np.ones(around))], -1,
    ).reshape(-1, 3)  # fmt: skip
    vertices = radius * np.concatenate([rings, [[0, 0, 1], [0, 0, -1]]])
    top, bottom = len(rings), len(rings) + 1
    faces = []
    for j in range(around):
        k = (j + 1) % around
        faces.append((top, j, k))
        faces.append((bottom, len(rings) - around + k, len(rings) - around + j))
        for i in range(along - 2):
            a, b, c, d = (i * around + j, i * around + k, (i + 1) * around + j, (i + 1) * around + k)
            faces += [(a, c, b), (b, c, d)]
    return vertices, np.array(faces)


def torus(large=10.0, small=3.0, around=24, along=12):
    """A closed surface of genus 1; normals point outwards."""
    u, v = np.meshgrid(np.arange(around) * 2 * np.pi / around, np.arange(along) * 2 * np.pi / along, indexing="ij")
    out = large + small * np.cos(v)
    vertices = np.stack([out * np.cos(u), out * np.sin(u), small * np.sin(v)], -1).reshape(-1, 3)
    i, j = np.meshgrid(np.arange(around), np.arange(along), indexing="ij")
    a, b = i * along + j, (i + 1) % around * along + j
    c, d = i * along + (j + 1) % along, (i + 1) % around * along + (j + 1) % along
    return vertices, np.concatenate([np.stack(each, -1).reshape(-1, 3) for each in ((a, b, c), (b, d, c))])


def block(cells=4, step=2.0):
    """A cube of 6 tetrahedra a cell; the lower half (z) is part 0, the upper one part 1."""
    side = np.arange(cells + 1)
    nodes = np.stack(np.meshgrid(side, side, side, indexing="ij"), -1).reshape(-1, 3)
    number = np.arange(len(nodes)).reshape((cells + 1,) * 3)
    corner = number[:-1, :-1, :-1].ravel()
    strides = np.array([(cells + 1) ** 2, cells + 1, 1])
    tetrahedra = []
    for order in permutations(range(3)):
        path = np.cumsum([0, *strides[list(order)]])
        even = order in ((0, 1, 2), (1, 2, 0), (2, 0, 1))
        tetrahedra.append(corner[:, None] + (path if even else path[[0, 2, 1, 3]]))
    tetrahedra = np.concatenate(tetrahedra)
    upper = nodes[tetrahedra].mean(1)[:, 2] > cells / 2
    return LabelledMesh(nodes * step, tetrahedra, upper.astype(np.uint8), ("low", "high"))
