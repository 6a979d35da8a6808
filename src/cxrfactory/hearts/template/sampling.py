"""Points on the surfaces between the parts of a shape: corners, rims, and surfaces, evenly spread.

A point's *constraints* are the solids whose zero it lies on: one on a surface, two on a rim, three at a corner.
"""

from collections.abc import Callable, Sequence
from itertools import combinations, product

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import cKDTree

Points = Float[np.ndarray, "n 3"]
Solids = Sequence[Callable[[Points], Float[np.ndarray, " n"]]]
Label = Callable[[Bool[np.ndarray, "n solids"]], np.ndarray]

_STEP_MM = 1e-3  # of the difference quotients


def gradients(solid: Callable, points: Points) -> Float[np.ndarray, "n 3"]:
    """Return the gradient of a solid's function, by central differences."""
    steps = np.concatenate([points + sign * _STEP_MM * axis for axis in np.eye(3) for sign in (1, -1)])
    values = solid(steps).reshape(3, 2, len(points))
    return ((values[:, 0] - values[:, 1]) / (2 * _STEP_MM)).T


def project(solids: Solids, constraints: Sequence[int], points: Points, rounds: int = 6) -> Points:
    """Move points to the common zero of one, two or three solids, by Newton's method with the shortest steps."""
    points = points.copy()
    for _ in range(rounds):
        values = np.stack([solids[each](points) for each in constraints], 1)
        slopes = np.stack([gradients(solids[each], points) for each in constraints], 1)
        square = slopes @ slopes.swapaxes(1, 2) + 1e-6 * np.eye(len(constraints))
        moves = np.einsum("nij,ni->nj", slopes, np.linalg.solve(square, values[..., None])[..., 0])
        length = np.linalg.norm(moves, axis=1, keepdims=True)
        points -= moves * np.minimum(1, 3 / np.maximum(length, 1e-9))
    return points


def active(solids: Solids, label: Label, constraints: Sequence[int], points: Points) -> Bool[np.ndarray, " n"]:
    """Tell where every one of the constraints separates two parts, given the signs of all other solids."""
    inside = np.stack([solid(points) < 0 for solid in solids], 1)
    labels = {}
    for signs in product((False, True), repeat=len(constraints)):
        inside[:, constraints] = signs
        labels[signs] = label(inside)
    separates = np.ones(len(points), bool)
    for place in range(len(constraints)):
        one = np.zeros(len(points), bool)
        for signs, found in labels.items():
            turned = (*signs[:place], not signs[place], *signs[place + 1 :])
            one |= found != labels[turned]
        separates &= one
    return separates


def near_boundaries(solids: Solids, label: Label, lattice: Points) -> Points:
    """Keep the points of a lattice that have a neighbour in another part."""
    labels = label(np.stack([solid(lattice) < 0 for solid in solids], 1))
    neighbours = cKDTree(lattice).query(lattice, 15)[1]
    return lattice[(labels[neighbours] != labels[:, None]).any(1)]


def dense(solids: Solids, label: Label, count: int, lattice: Points, reach_mm: float) -> list[tuple[tuple, Points]]:
    """Return dense points for each set of ``count`` constraints that bounds parts, and that set."""
    values = np.stack([solid(lattice) for solid in solids], 1)
    found = []
    for constraints in combinations(range(len(solids)), count):
        start = lattice[(np.abs(values[:, constraints]) < reach_mm).all(1)]
        if not len(start):
            continue
        points = project(solids, constraints, start)
        left = np.abs(np.stack([solids[each](points) for each in constraints], 1)).max(1)
        points = points[(left < 1e-3) & (np.linalg.norm(points - start, axis=1) < 3 * reach_mm)]
        points = points[active(solids, label, constraints, points)] if len(points) else points
        if len(points):
            found.append((constraints, project(solids, constraints, points, 1)))
    return found


def spread(points: Points, taken: Points, apart_mm: float) -> np.ndarray:
    """Choose points at least ``apart_mm`` from one another and from those taken, growing from those taken.

    Returns
    -------
    array
        Indices of the chosen points.
    """
    distance = cKDTree(taken).query(points)[0] if len(taken) else np.full(len(points), np.inf)
    tree, chosen = cKDTree(points), []
    free = distance >= apart_mm
    while free.any():
        candidates = np.flatnonzero(free)
        best = candidates[np.argmin(distance[candidates])] if np.isfinite(distance[candidates]).any() else candidates[0]
        chosen.append(best)
        near = np.array(tree.query_ball_point(points[best], 3 * apart_mm))
        distance[near] = np.minimum(distance[near], np.linalg.norm(points[near] - points[best], axis=1))
        free[near] &= distance[near] >= apart_mm
    return np.array(chosen, int)


def evened(points: Points, fixed: Points, cloud: Points, back: Callable[[Points], Points], rounds: int = 12) -> Points:
    """Move points to the centres of the parts of a dense cloud that lie nearest to them (Lloyd's method)."""
    for _ in range(rounds):
        nearest = cKDTree(np.concatenate([points, fixed])).query(cloud)[1]
        own = nearest < len(points)
        counts = np.bincount(nearest[own], minlength=len(points))
        sums = np.stack([np.bincount(nearest[own], each, len(points)) for each in cloud[own].T], 1)
        points = back(np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], points))
    return points


def boundary_points(solids: Solids, label: Label, lattice: Points, edge_mm: float) -> tuple[Points, list[tuple]]:
    """Return evenly spread points on all corners, rims and surfaces, and the constraints of each."""
    points, constraints = np.zeros((0, 3)), []
    near = near_boundaries(solids, label, lattice)
    for count, apart in ((3, 0.5), (2, 0.8), (1, 0.8)):
        for which, cloud in dense(solids, label, count, near, edge_mm):
            chosen = cloud[spread(cloud, points, apart * edge_mm)]
            if count < 3 and len(chosen):
                chosen = evened(chosen, points, cloud, lambda moved, which=which: project(solids, which, moved, 1))
            points = np.concatenate([points, chosen])
            constraints += [which] * len(chosen)
    return points, constraints
