"""Tetrahedral meshes whose parts share their nodes, such as the chambers of a heart."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float, Int, UInt8

from cxrfactory.errors import CxrError

OUTSIDE = 255  # stands for what is outside every part


@dataclass(frozen=True)
class LabelledMesh:
    """A tetrahedral mesh with a part for each tetrahedron.

    Attributes
    ----------
    vertices_mm
        Nodes (x, y, z).
    tetrahedra
        Nodes of each tetrahedron, so that its volume is positive:
        ``dot(b - a, cross(c - a, d - a)) > 0``.
    tetrahedron_parts
        Index of the part of each tetrahedron.
    parts
        Names of the parts.
    """

    vertices_mm: Float[np.ndarray, "nodes 3"]
    tetrahedra: Int[np.ndarray, "tetrahedra 4"]
    tetrahedron_parts: UInt8[np.ndarray, " tetrahedra"]
    parts: tuple[str, ...]

    @cached_property
    def interfaces(self) -> tuple[Int[np.ndarray, "faces 3"], UInt8[np.ndarray, "faces 2"]]:
        """Triangles between two parts, or between a part and the outside, and the two parts of each.

        The normal points from the first part to the second; the first has the smaller index (:data:`OUTSIDE` is the
        largest). The triangles are sorted by their nodes.
        """
        a, b, c, d = self.tetrahedra.T
        # Each row's normal points out of the tetrahedron.
        faces = np.concatenate([np.stack(each, 1) for each in ((a, c, b), (a, b, d), (b, c, d), (a, d, c))])
        owner = np.tile(self.tetrahedron_parts, 4)
        keys = np.sort(faces, 1)
        order = np.lexsort(keys.T[::-1])
        faces, owner, keys = faces[order], owner[order], keys[order]
        first = np.r_[True, (keys[1:] != keys[:-1]).any(1)]
        starts = np.flatnonzero(first)
        twice = np.r_[~first[1:], False][starts]
        other = np.full(len(starts), OUTSIDE, np.uint8)
        other[twice] = owner[starts[twice] + 1]
        mine, found = owner[starts], faces[starts]
        kept = mine != other
        mine, other, found = mine[kept], other[kept], found[kept]
        turned = mine > other
        found[turned] = found[turned][:, ::-1]
        return found.astype(np.int32), np.stack([np.minimum(mine, other), np.maximum(mine, other)], 1)

    @property
    def surface_nodes(self) -> int:
        """Number of the first nodes among which all nodes of surfaces are."""
        return int(self.interfaces[0].max()) + 1

    def surface(self, *names: str) -> Int[np.ndarray, "faces 3"]:
        """Return the closed surface of one part, or of several together; normals point outwards."""
        inside = np.isin(np.arange(256), [self.parts.index(name) for name in names])
        faces, sides = self.interfaces
        within = inside[sides]
        chosen = within[:, 0] != within[:, 1]
        faces, within = faces[chosen], within[chosen]
        return np.where(within[:, :1], faces, faces[:, ::-1]).astype(np.int32)


def read_labelled_mesh(path: Path) -> LabelledMesh:
    """Read the mesh of a NumPy archive (.npz) that names its arrays as :class:`LabelledMesh` names its attributes.

    Raises
    ------
    CxrError
        If the file is missing, is no such archive, or lacks an array.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            parts = tuple(file["parts"].tolist())
            return LabelledMesh(file["vertices_mm"], file["tetrahedra"], file["tetrahedron_parts"], parts)
    except (OSError, BadZipFile, ValueError, EOFError) as error:
        raise CxrError(f"{path}: no NumPy archive can be read ({type(error).__name__}); make it again") from error
    except KeyError as error:
        raise CxrError(
            f"{path}: the array {error.args[0].split()[0]} is missing; expected a mesh with parts"
        ) from error
