"""Quality of tetrahedra."""

import numpy as np
from jaxtyping import Bool, Float, Int

from cxrfactory.compiled import compiled


def signed_volumes(
    vertices: Float[np.ndarray, "nodes 3"], tetrahedra: Int[np.ndarray, "tetrahedra 4"]
) -> Float[np.ndarray, " tetrahedra"]:
    """Return the volume of each tetrahedron, negative where it is flipped; the unit is that of the vertices, cubed."""
    a, b, c, d = np.moveaxis(np.asarray(vertices, np.float64)[tetrahedra], 1, 0)
    return np.einsum("ij,ij->i", b - a, np.cross(c - a, d - a)) / 6


def flipped(
    vertices: Float[np.ndarray, "nodes 3"], tetrahedra: Int[np.ndarray, "tetrahedra 4"]
) -> Bool[np.ndarray, " tetrahedra"]:
    """Tell which tetrahedra are flipped or flat.

    Examples
    --------
    >>> from cxrfactory.geometry.mesh.quality import flipped
    >>> corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    >>> flipped(corners, np.array([[0, 1, 2, 3], [0, 2, 1, 3]])).tolist()
    [False, True]
    """
    return signed_volumes(vertices, tetrahedra) <= 0


def scaled_jacobian(
    vertices: Float[np.ndarray, "nodes 3"], tetrahedra: Int[np.ndarray, "tetrahedra 4"]
) -> Float[np.ndarray, " tetrahedra"]:
    """Return the scaled Jacobian of each tetrahedron, as the Verdict library defines it.

    It is sqrt(2) times the Jacobian, over the largest product of the three edges that meet at a corner: 1 for the
    regular tetrahedron, 0 for a flat one, negative for a flipped one. It depends on neither scale nor unit.

    Examples
    --------
    >>> from cxrfactory.geometry.mesh.quality import scaled_jacobian
    >>> corners = np.array([[1.0, 1, 1], [-1, 1, -1], [1, -1, -1], [-1, -1, 1]])
    >>> scaled_jacobian(corners, np.array([[0, 1, 2, 3]])).round(9).tolist()
    [1.0]
    """
    corners = np.asarray(vertices, np.float64)[tetrahedra]
    lengths = {
        (i, j): np.linalg.norm(corners[:, i] - corners[:, j], axis=1) for i in range(4) for j in range(4) if i != j
    }
    products = [np.prod([lengths[i, j] for j in range(4) if j != i], axis=0) for i in range(4)]
    jacobian = 6 * signed_volumes(vertices, tetrahedra)
    largest = np.maximum.reduce([*products, np.abs(jacobian)])
    return np.where(largest > 0, np.sqrt(2) * jacobian / np.where(largest > 0, largest, 1), 0)


@compiled
def shape(a, b, c, d):
    """Return the mean ratio of a tetrahedron: 1 if regular, 0 if flat, negative if flipped.

    It is 12 (3 volume)^(2/3) over the sum of the squared edges (Liu and Joe, 1994).
    """
    ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    wx, wy, wz = d[0] - a[0], d[1] - a[1], d[2] - a[2]
    six = ux * (vy * wz - vz * wy) - uy * (vx * wz - vz * wx) + uz * (vx * wy - vy * wx)
    total = ux * ux + uy * uy + uz * uz + vx * vx + vy * vy + vz * vz + wx * wx + wy * wy + wz * wz
    total += (vx - ux) ** 2 + (vy - uy) ** 2 + (vz - uz) ** 2
    total += (wx - ux) ** 2 + (wy - uy) ** 2 + (wz - uz) ** 2
    total += (wx - vx) ** 2 + (wy - vy) ** 2 + (wz - vz) ** 2
    if total <= 0:
        return 0.0
    found = 12 * (abs(six) / 2) ** (2 / 3) / total
    return found if six > 0 else -found
