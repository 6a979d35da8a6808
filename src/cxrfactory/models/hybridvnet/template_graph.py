"""Graphs of the surface and of the volume of a template."""

import numpy as np

from cxrfactory.errors import CxrError
from cxrfactory.geometry.mesh.contraction import contract
from cxrfactory.geometry.mesh.labelled import LabelledMesh
from cxrfactory.models.hybridvnet.graph import MeshGraph, mesh_graph

KINDS = ("surface", "volume")
VENTRICLES = ("lv", "lv_myocardium", "rv")
LEVELS = 4


def template_graph(mesh: LabelledMesh, kind: str) -> MeshGraph:
    """Make the graph of a template with four levels of contraction.

    The surface has the nodes of all surfaces and interfaces; the volume has all nodes of the template. The contraction
    of the volume contracts the faces of all tetrahedra.

    Parameters
    ----------
    mesh
        Template in its own frame.
    kind
        ``surface`` or ``volume``.

    Raises
    ------
    CxrError
        If the kind is unknown.
    """
    if kind not in KINDS:
        raise CxrError(f"mesh is '{kind}'; expected one of {', '.join(KINDS)}")
    faces, _ = mesh.interfaces
    places = np.unique(faces) if kind == "surface" else np.arange(len(mesh.vertices_mm))
    number = np.full(len(mesh.vertices_mm), -1)
    number[places] = np.arange(len(places))
    faces = number[faces]
    tetrahedra = np.zeros((0, 4), np.int64) if kind == "surface" else np.asarray(mesh.tetrahedra, np.int64)
    inside = np.isin(mesh.tetrahedron_parts, [mesh.parts.index(name) for name in VENTRICLES])
    central = np.zeros(len(mesh.vertices_mm), bool)
    central[np.unique(mesh.tetrahedra[inside])] = True
    reference = np.asarray(mesh.vertices_mm, np.float64)[places]
    contracted = faces if kind == "surface" else _all_faces(tetrahedra)
    return mesh_graph(
        kind, reference, faces, tetrahedra, central[places], contract(reference, contracted, LEVELS), places,
        len(mesh.vertices_mm),
    )  # fmt: skip


def _all_faces(tetrahedra: np.ndarray) -> np.ndarray:
    faces = np.concatenate([tetrahedra[:, corners] for corners in ([0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3])])
    return np.unique(np.sort(faces, axis=1), axis=0)
