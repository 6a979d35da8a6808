"""The graph of a mesh: its nodes, faces and tetrahedra, and its coarser levels with the ways between them."""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse

from cxrfactory.errors import CxrError
from cxrfactory.geometry.mesh.surface import edges
from cxrfactory.tables.atomic import atomic_path


class Contraction(Protocol):
    """One contraction of a mesh to about half of its nodes."""

    down: sparse.spmatrix  # [coarse, fine]; one entry a row, the node that is kept
    up: sparse.spmatrix  # [fine, coarse]; weights of each row sum to 1


@dataclass(frozen=True)
class MeshGraph:
    """What the decoder knows about a mesh.

    Attributes
    ----------
    kind
        ``surface`` or ``volume``.
    reference_mm
        Nodes of the template in its own frame.
    faces
        Triangles of all surfaces and interfaces.
    tetrahedra
        Tetrahedra; none for a surface.
    central
        Nodes whose mean is the centre of the frame: those of the ventricles.
    places
        Node of the template for each node.
    template_nodes
        Number of nodes of the template.
    adjacencies
        Adjacency matrices from the finest to the coarsest level.
    down, up
        Matrices between each level and the next coarser one.
    """

    kind: str
    reference_mm: Float[np.ndarray, "n 3"]
    faces: Int[np.ndarray, "f 3"]
    tetrahedra: Int[np.ndarray, "t 4"]
    central: Bool[np.ndarray, " n"]
    places: Int[np.ndarray, " n"]
    template_nodes: int
    adjacencies: tuple[sparse.csr_matrix, ...]
    down: tuple[sparse.csr_matrix, ...]
    up: tuple[sparse.csr_matrix, ...]

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return len(self.reference_mm)


def mesh_graph(
    kind: str,
    reference_mm: Float[np.ndarray, "n 3"],
    faces: Int[np.ndarray, "f 3"],
    tetrahedra: Int[np.ndarray, "t 4"],
    central: Bool[np.ndarray, " n"],
    contractions: Sequence[Contraction],
    places: Int[np.ndarray, " n"] | None = None,
    template_nodes: int | None = None,
) -> MeshGraph:
    """Make the graph of a mesh from its contractions, the finest first; its nodes are the template's if not given.

    Two nodes of a coarser level are neighbours if nodes that they stand for are: if an edge joins a node whose position
    depends most on the one to a node whose position depends most on the other.
    """
    adjacencies = [_adjacency(len(reference_mm), faces, tetrahedra)]
    down, up = [], []
    for each in contractions:
        down.append(sparse.csr_matrix(each.down, dtype=np.float32))
        up.append(sparse.csr_matrix(each.up, dtype=np.float32))
        adjacencies.append(_coarser(adjacencies[-1], up[-1]))
    return MeshGraph(
        kind,
        np.asarray(reference_mm, np.float32),
        np.asarray(faces, np.int64),
        np.asarray(tetrahedra, np.int64),
        np.asarray(central, bool),
        np.arange(len(reference_mm)) if places is None else np.asarray(places, np.int64),
        len(reference_mm) if template_nodes is None else int(template_nodes),
        tuple(adjacencies),
        tuple(down),
        tuple(up),
    )


def _adjacency(nodes: int, faces: np.ndarray, tetrahedra: np.ndarray) -> sparse.csr_matrix:
    return _symmetric(nodes, np.concatenate([edges(cells) for cells in (faces, tetrahedra) if len(cells)]))


def _symmetric(nodes: int, pairs: np.ndarray) -> sparse.csr_matrix:
    both = np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0)
    return sparse.csr_matrix((np.ones(len(both), np.float32), (both[:, 0], both[:, 1])), shape=(nodes, nodes))


def _coarser(adjacency: sparse.csr_matrix, up: sparse.csr_matrix) -> sparse.csr_matrix:
    nearest = np.asarray(up.argmax(axis=1)).ravel()
    pairs = nearest[np.stack(adjacency.nonzero(), axis=1)]
    return _symmetric(up.shape[1], pairs[pairs[:, 0] != pairs[:, 1]])


def graph_arrays(graph: MeshGraph) -> dict[str, np.ndarray]:
    """Return the graph as named arrays for a weights file; :func:`graph_from` reads them."""
    arrays = {
        "graph.reference_mm": graph.reference_mm,
        "graph.faces": graph.faces,
        "graph.tetrahedra": graph.tetrahedra,
        "graph.central": graph.central.astype(np.uint8),
        "graph.places": graph.places.astype(np.int64),
        "graph.template_nodes": np.array([graph.template_nodes], np.int64),
    }
    for level, each in enumerate(zip(graph.down, graph.up, strict=True)):
        for name, matrix in zip(("down", "up"), each, strict=True):
            stored = sparse.coo_matrix(matrix)
            arrays[f"graph.{name}.{level}.places"] = np.stack([stored.row, stored.col]).astype(np.int64)
            arrays[f"graph.{name}.{level}.values"] = stored.data.astype(np.float32)
            arrays[f"graph.{name}.{level}.size"] = np.array(stored.shape, np.int64)
    return arrays


@dataclass(frozen=True)
class _Stored:
    down: sparse.csr_matrix
    up: sparse.csr_matrix


def graph_from(arrays: Mapping[str, np.ndarray], kind: str) -> MeshGraph:
    """Return the graph that :func:`graph_arrays` stored."""
    contractions = []
    while f"graph.down.{len(contractions)}.size" in arrays:
        both = []
        for name in ("down", "up"):
            stem = f"graph.{name}.{len(contractions)}"
            rows, columns = arrays[f"{stem}.places"]
            size = tuple(int(each) for each in arrays[f"{stem}.size"])
            both.append(sparse.csr_matrix((arrays[f"{stem}.values"], (rows, columns)), shape=size))
        contractions.append(_Stored(*both))
    names = ("reference_mm", "faces", "tetrahedra", "central")
    return mesh_graph(
        kind,
        *(arrays[f"graph.{name}"] for name in names),
        contractions,
        arrays["graph.places"],
        int(arrays["graph.template_nodes"][0]),
    )


def write_graph(path: str | Path, graph: MeshGraph) -> None:
    """Write a graph to an uncompressed ``.npz`` file, atomically."""
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        np.savez(stream, kind=np.array(graph.kind), **graph_arrays(graph))


def read_graph(path: str | Path) -> MeshGraph:
    """Read a graph that :func:`write_graph` wrote.

    Raises
    ------
    CxrError
        If the file is missing or is not a graph.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return graph_from(dict(stored), str(stored["kind"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise CxrError(f"{path}: not a graph of a mesh ({error}); make it again from the template") from error
