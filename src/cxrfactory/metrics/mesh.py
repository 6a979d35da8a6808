"""Errors of meshes whose nodes correspond."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import CxrError


@dataclass(frozen=True)
class MeshErrors:
    """Errors of the nodes of a mesh.

    Attributes
    ----------
    mae_mm, mse_mm2, rmse_mm
        Mean absolute error, mean squared error and its root, over the three coordinates of all nodes. The paper's
        figures are of this kind.
    distance_mm
        Mean distance of corresponding nodes, which is larger than ``mae_mm``.
    """

    mae_mm: float
    mse_mm2: float
    rmse_mm: float
    distance_mm: float


def mesh_errors(found: Float[np.ndarray, "n 3"], truth: Float[np.ndarray, "n 3"]) -> MeshErrors:
    """Compare corresponding nodes.

    Parameters
    ----------
    found, truth
        Nodes (x, y, z) in mm, the same nodes in the same order.

    Raises
    ------
    CxrError
        If the shapes differ, there are no nodes, or a coordinate is not finite.

    Examples
    --------
    >>> errors = mesh_errors(np.zeros((2, 3)), np.array([[3.0, 4.0, 0.0], [0.0, 0.0, 0.0]]))
    >>> errors.distance_mm, round(errors.mae_mm, 4)
    (2.5, 1.1667)
    """
    found, truth = np.asarray(found, np.float64), np.asarray(truth, np.float64)
    if found.shape != truth.shape or found.ndim != 2 or found.shape[1] != 3 or not len(found):
        raise CxrError(f"meshes of shapes {found.shape} and {truth.shape}; expected two equal shapes [nodes, 3]")
    if not (np.isfinite(found).all() and np.isfinite(truth).all()):
        raise CxrError("a mesh holds a coordinate that is not finite")
    apart = found - truth
    squared = float((apart**2).mean())
    return MeshErrors(
        float(np.abs(apart).mean()), squared, float(np.sqrt(squared)), float(np.linalg.norm(apart, axis=1).mean())
    )


def errors_by_part(
    found: Float[np.ndarray, "n 3"], truth: Float[np.ndarray, "n 3"], parts: Mapping[str, np.ndarray]
) -> dict[str, MeshErrors]:
    """Compare the nodes of each part, given by the places of its nodes, and of the whole mesh (``all``).

    Examples
    --------
    >>> mesh = np.arange(12.0).reshape(4, 3)
    >>> errors = errors_by_part(mesh + 1, mesh, {"lv": np.array([0, 1])})
    >>> sorted(errors), errors["lv"].mae_mm
    (['all', 'lv'], 1.0)
    """
    found, truth = np.asarray(found), np.asarray(truth)
    compared = {"all": mesh_errors(found, truth)}
    return compared | {name: mesh_errors(found[nodes], truth[nodes]) for name, nodes in parts.items()}
