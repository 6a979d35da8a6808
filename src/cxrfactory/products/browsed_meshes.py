"""Meshes of a product as the browser sees them: surfaces that all rows share, and one row's nodes with its picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class PicturePlane:
    """Where a picture lies in the patient.

    Attributes
    ----------
    corner_mm
        Outer corner of the pixel [0, 0], (x, y, z) in the patient coordinates of DICOM.
    across_mm, down_mm
        From that corner along the first row to the picture's right border, and along the first column to its lower one.
    """

    corner_mm: Float[np.ndarray, " 3"]
    across_mm: Float[np.ndarray, " 3"]
    down_mm: Float[np.ndarray, " 3"]


@dataclass(frozen=True)
class PlacedMesh:
    """The mesh of one row.

    Attributes
    ----------
    vertices_mm
        Nodes (x, y, z) in the patient coordinates of DICOM: x to the left, y to the back, z to the head.
    std_mm
        Uncertainty of each node.
    plane
        Where the picture of the row lies.
    """

    vertices_mm: Float[np.ndarray, "nodes 3"]
    std_mm: Float[np.ndarray, " nodes"]
    plane: PicturePlane


class BrowsedMeshes(Protocol):
    """Meshes of a product whose rows share their surfaces."""

    def surfaces(self) -> Mapping[str, Int[np.ndarray, "faces 3"]]:
        """Return the closed surface of each organ as nodes of the mesh; normals point outwards.

        Raises
        ------
        CxrError
            If a file of the product is missing or damaged.
        """

    def mesh(self, image_id: str) -> PlacedMesh:
        """Return the nodes of one row that surfaces use, the first ones of its mesh.

        Raises
        ------
        CxrError
            If a file of the product is missing or damaged.
        """
