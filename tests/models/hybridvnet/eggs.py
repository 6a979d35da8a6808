"""Egg-shaped hearts with a bulge on one side: a nested graph, and pictures of any egg by its exact shape."""

import numpy as np
from scipy import sparse

from cxrfactory.models.hybridvnet.graph import mesh_graph
from cxrfactory.models.hybridvnet.pictures import HeartPictures, Plane

RADII = np.array([30.0, 26.0, 42.0])
BULGE = 10.0


class Way:
    def __init__(self, down, up):
        self.down, self.up = down, up


def icosphere(levels):
    """Directions, faces, and the ways between levels (the finest first); each level's nodes come first in the next."""
    g = (1 + 5**0.5) / 2
    points = [(-1, g, 0), (1, g, 0), (-1, -g, 0), (1, -g, 0), (0, -1, g), (0, 1, g), (0, -1, -g), (0, 1, -g),
              (g, 0, -1), (g, 0, 1), (-g, 0, -1), (-g, 0, 1)]  # fmt: skip
    points = np.array(points) / np.linalg.norm(points[0])
    faces = np.array([(0, 11, 5), (0, 5, 1), (0, 1, 7), (0, 7, 10), (0, 10, 11), (1, 5, 9), (5, 11, 4), (11, 10, 2),
                      (10, 7, 6), (7, 1, 8), (3, 9, 4), (3, 4, 2), (3, 2, 6), (3, 6, 8), (3, 8, 9), (4, 9, 5),
                      (2, 4, 11), (6, 2, 10), (8, 6, 7), (9, 8, 1)])  # fmt: skip
    ways = []
    for _ in range(levels):
        edges = np.unique(np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1), axis=0)
        number = {tuple(edge): len(points) + place for place, edge in enumerate(edges)}
        middle = points[edges].mean(1)
        coarse, fine = len(points), len(points) + len(edges)
        rows = np.r_[np.arange(coarse), np.repeat(np.arange(coarse, fine), 2)]
        values = np.r_[np.ones(coarse), np.full(2 * len(edges), 0.5)]
        up = sparse.csr_matrix((values, (rows, np.r_[np.arange(coarse), edges.ravel()])), shape=(fine, coarse))
        down = sparse.eye(coarse, fine, format="csr")
        ways.insert(0, Way(down, up))
        points = np.concatenate([points, middle / np.linalg.norm(middle, axis=1, keepdims=True)])
        new = []
        for a, b, c in faces:
            ab, bc, ca = (number[tuple(sorted(pair))] for pair in ((a, b), (b, c), (c, a)))
            new += [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
        faces = np.array(new)
    return points, faces, ways


def radius(directions, size=(1.0, 1.0, 1.0)):
    radii = RADII * size
    ellipsoid = 1 / np.sqrt(((directions / radii) ** 2).sum(-1))
    return ellipsoid + BULGE * np.exp(-4 * (1 - directions[..., 0]))


DIRECTIONS, FACES, WAYS = icosphere(3)


def egg_graph():
    """Surface graph of 642 nodes with three coarser levels; every node is central."""
    reference = DIRECTIONS * radius(DIRECTIONS)[:, None]
    nodes = len(DIRECTIONS)
    return mesh_graph("surface", reference, FACES, np.zeros((0, 4), int), np.ones(nodes, bool), WAYS)


def rotation(angles):
    result = np.eye(3)
    for axis, angle in enumerate(angles):
        turn = np.eye(3)
        a, b = [(1, 2), (2, 0), (0, 1)][axis]
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        result = result @ turn
    return result


def linear(points):
    """A grey value that is linear in the position in the patient, so that interpolation is exact."""
    return 120 + points @ np.array([0.5, -0.4, 0.6])


class Egg:
    """A random egg in the patient, with its mesh and its pictures."""

    def __init__(self, rng, views=("2ch", "3ch", "4ch")):
        self.size = np.exp(0.12 * rng.standard_normal(3))
        self.pose = rotation(np.r_[0.5, -0.4, 0.8] + 0.15 * rng.standard_normal(3))  # columns: the egg's own axes
        self.centre = np.array([20.0, -30.0, 50.0]) + 5 * rng.standard_normal(3)
        self.vertices = (self.centre + (DIRECTIONS * radius(DIRECTIONS, self.size)[:, None]) @ self.pose.T).astype("f4")
        axes = self.pose @ rotation([0, 0, rng.uniform(-3, 3)])
        across, down = axes[:, 0], axes[:, 1] * -1  # rows run against the second axis, so the normal points to the apex
        middle = self.centre + 8 * rng.standard_normal(3)
        count, spacing = 12, (2.0, 2.0)
        corner = middle - 63.5 * 2 * (across + down)
        origins = corner + np.outer((count - 1) / 2 - np.arange(count), axes[:, 2]) * 9.0
        stack = np.stack([self.picture(origin, across, down, spacing, rng) for origin in origins])
        planes = {}
        for view, angle in (("2ch", 1.2), ("3ch", 0.6), ("4ch", 0.0)):
            if view in views:
                turned = self.pose @ rotation([0, 0, angle + 0.1 * rng.standard_normal()])
                a, d = turned[:, 0], -turned[:, 2]
                origin = self.centre + 3 * rng.standard_normal(3) - 63.5 * 2 * (a + d)
                planes[view] = Plane(self.picture(origin, a, d, spacing, rng), origin, a, d, spacing)
        self.pictures = HeartPictures(stack, origins, across, down, spacing, planes)

    def inside(self, positions):
        apart = (positions - self.centre) @ self.pose
        length = np.linalg.norm(apart, axis=-1)
        return length < radius(apart / np.maximum(length, 1e-9)[..., None], self.size)

    def picture(self, origin, across, down, spacing, rng, side=128):
        columns, rows = np.meshgrid(np.arange(side), np.arange(side))
        where = origin + columns[..., None] * spacing[0] * across + rows[..., None] * spacing[1] * down
        grey = np.where(self.inside(where), 180, 60) + rng.normal(0, 8, (side, side))
        return np.clip(grey, 0, 255).astype(np.uint8)
