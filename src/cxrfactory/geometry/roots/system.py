"""Root systems: named paths of roots, and the rows of nodes and edges that describe the same roots.

``1`` is the main root. ``1.1``, ``1.2``, ... are its laterals, and ``1.2.1`` is a lateral of a lateral. Further roots
that begin at the seed, such as the other seminal roots of barley, are named ``2``, ``3``, ...; they have no parent,
they count in the total length, and they are no laterals. Their own laterals are ``2.1``, ``2.2``, ...
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import CxrError
from cxrfactory.geometry.roots.polyline import arc_lengths, length_of, nearest_place, piece, point_at

EMERGED_MM = 1.0  # length from the middle of its parent from which a lateral counts
_SAME = 1e-9  # pixels; places that are nearer are one place


@dataclass(frozen=True)
class RootPath:
    """One root of one plant at one time.

    Attributes
    ----------
    name
        ``1``, ``1.1``, ...
    points
        float64 [n, 2], at least two points (x, y) in pixels, from the base (on the parent) to the tip.
    parent
        Name of the root that this one branches from; None for the main root and other roots from the seed.
    """

    name: str
    points: Float[np.ndarray, "n 2"]
    parent: str | None

    @property
    def length(self) -> float:
        """Length of the polyline in pixels."""
        return length_of(self.points)


def name_key(name: str) -> tuple[tuple[int, str], ...]:
    """Return the key that sorts names of roots: 1, 1.1, 1.2, 1.2.1, 1.10, 2."""
    return tuple((int(part), "") if part.isdigit() else (0, part) for part in name.split("."))


def order_of(name: str) -> int:
    """Return 0 for roots from the seed, 1 for their laterals, 2 for laterals of laterals, and so on."""
    return name.count(".")


def parent_of(name: str) -> str | None:
    """Return the name of the root that a root branches from, as its own name tells it."""
    return name.rpartition(".")[0] or None


def attached(roots: Sequence[RootPath]) -> list[RootPath]:
    """Return the roots sorted by name, each beginning exactly on its parent.

    A lateral that begins beside its parent gets the nearest point of the parent as its new first point. Roots from the
    seed begin at the first point of the first of them.

    Raises
    ------
    CxrError
        If two roots have the same name, a parent is missing, or a root has fewer than two points.
    """
    done: dict[str, RootPath] = {}
    seed = None
    for root in sorted(roots, key=lambda each: name_key(each.name)):
        points = np.asarray(root.points, np.float64)
        if points.ndim != 2 or points.shape[0] < 2 or points.shape[1] != 2:
            raise CxrError(f"root {root.name}: points of shape {points.shape}; expected [n, 2] with at least 2 points")
        if root.name in done:
            raise CxrError(f"root {root.name}: the name occurs twice in one plant; give each root its own name")
        if root.parent is None:
            seed = points[0] if seed is None else seed
            base = seed
        elif root.parent in done:
            parent = done[root.parent].points
            base = point_at(parent, nearest_place(parent, points[0])[0])
        else:
            raise CxrError(f"root {root.name}: its parent {root.parent} is not among the roots; add it before")
        near = float(np.hypot(*(points[0] - base))) <= _SAME
        points = np.vstack([base, points[1:] if near else points])
        done[root.name] = RootPath(root.name, points, root.parent)
    return list(done.values())


def tables_of(roots: Sequence[RootPath]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Describe the roots of one plant at one time by nodes and edges.

    Node 0 is the seed. Roots are taken in the order of their names. Each root is cut at the bases of its laterals into
    edges from its base to its tip, and nodes are numbered in the order in which the edges reach them. Laterals that
    begin at the same place share a node.

    Parameters
    ----------
    roots
        The roots; they are attached first (:func:`attached`).

    Returns
    -------
    Rows of ``ROOT_NODES`` (node, kind, root, x, y) and of ``ROOT_EDGES`` (edge, start, end, root, length_px, points)
    without plate, plant and frame; both are empty without roots.
    """
    roots = attached(roots)
    nodes: list[dict[str, Any]] = []
    edges: list[dict[str, Any]] = []
    if not roots:
        return nodes, edges

    def node(kind: str, root: str, point: np.ndarray) -> int:
        nodes.append({"node": len(nodes), "kind": kind, "root": root, "x": float(point[0]), "y": float(point[1])})
        return len(nodes) - 1

    begins: dict[str, int] = {root.name: node("seed", root.name, root.points[0]) for root in roots[:1]}
    begins |= {root.name: 0 for root in roots if root.parent is None}
    for root in roots:
        total = root.length
        places = [
            (nearest_place(root.points, each.points[0])[0], each.name) for each in roots if each.parent == root.name
        ]
        at, here = 0.0, begins[root.name]
        for place, name in sorted(places, key=lambda pair: pair[0]):
            if total - place <= _SAME:
                place = total
            if place - at > _SAME and place < total:
                there = node("bifurcation", root.name, point_at(root.points, place))
                edges.append(_edge(len(edges), here, there, root, at, place))
                at, here = place, there
            begins[name] = here if place < total else -1
        tip = node("main_tip" if root.parent is None else "lateral_tip", root.name, root.points[-1])
        edges.append(_edge(len(edges), here, tip, root, at, total))
        begins |= {name: tip for _, name in places if begins[name] == -1}
    return nodes, edges


def _edge(number: int, start: int, end: int, root: RootPath, at: float, place: float) -> dict[str, Any]:
    points = piece(root.points, at, place)
    return {
        "edge": number,
        "start": start,
        "end": end,
        "root": root.name,
        "length_px": length_of(points),
        "points": points.ravel(),
    }


def paths_of(edges: Iterable[Mapping[str, Any]]) -> list[RootPath]:
    """Join the edges of one plant at one time into its roots; the inverse of :func:`tables_of`.

    Parameters
    ----------
    edges
        Rows of ``ROOT_EDGES`` with the columns ``edge``, ``root`` and ``points``, in any order.

    Returns
    -------
    Roots sorted by name. A parent has a further point at the base of each lateral, which does not change its shape.
    """
    pieces: dict[str, list[np.ndarray]] = {}
    for row in sorted(edges, key=lambda each: each["edge"]):
        pieces.setdefault(row["root"], []).append(np.asarray(row["points"], np.float64).reshape(-1, 2))
    roots = []
    for name in sorted(pieces, key=name_key):
        parts = [pieces[name][0], *(part[1:] for part in pieces[name][1:])]
        roots.append(RootPath(name, np.vstack(parts), parent_of(name)))
    return roots


def cut_at(root: RootPath, length: float) -> RootPath:
    """Return a root that ends at a length from its base; it is unchanged if it is not longer than that."""
    if arc_lengths(root.points)[-1] <= length:
        return root
    return RootPath(root.name, piece(root.points, 0.0, length), root.parent)
