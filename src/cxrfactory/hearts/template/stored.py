"""The template of the heart and its file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cxrfactory.geometry.mesh.labelled import LabelledMesh, read_labelled_mesh
from cxrfactory.tables.atomic import atomic_path


@dataclass(frozen=True)
class Template:
    """A normal heart at end-diastole, in the heart frame.

    The origin is the centre of the left ventricle's cavity at its base plane, z points from the apex to the base, x
    from the left ventricle to the right one, and y = z x x to the anterior wall.

    Attributes
    ----------
    mesh
        The mesh in mm. The nodes of surfaces come first, so that :attr:`surface_nodes` of them are the surface model.
    source
        For each node what placed it: ``left_endocardium`` for a surface, ``left_epicardium+left_base`` for a rim where
        surfaces meet, ``inside`` for inner nodes.
    landmarks_mm
        Positions of the apex (of the left ventricle's outer wall) and of the valves' centres: ``apex``, ``mitral``,
        ``tricuspid``, ``aortic``, ``pulmonary``.
    """

    mesh: LabelledMesh
    source: tuple[str, ...]
    landmarks_mm: Mapping[str, Float[np.ndarray, " 3"]]

    @property
    def surface_nodes(self) -> int:
        """Number of nodes on surfaces; they are the first ones of the mesh."""
        return self.mesh.surface_nodes


def write_template(template: Template, path: Path) -> None:
    """Write a template to a NumPy archive (.npz) without pickled objects."""
    mesh = template.mesh
    with atomic_path(path) as part, part.open("wb") as file:
        np.savez_compressed(
            file,
            vertices_mm=mesh.vertices_mm,
            tetrahedra=mesh.tetrahedra,
            tetrahedron_parts=mesh.tetrahedron_parts,
            parts=np.array(mesh.parts),
            source=np.array(template.source),
            landmarks=np.array(list(template.landmarks_mm)),
            landmarks_mm=np.stack(list(template.landmarks_mm.values())),
        )


def read_template(path: Path) -> Template:
    """Read a template that :func:`write_template` wrote."""
    mesh = read_labelled_mesh(path)
    with np.load(path, allow_pickle=False) as file:
        landmarks = dict(zip(file["landmarks"].tolist(), file["landmarks_mm"], strict=True))
        return Template(mesh, tuple(file["source"].tolist()), landmarks)
