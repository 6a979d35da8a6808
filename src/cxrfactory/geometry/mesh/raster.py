"""Tetrahedral meshes on a grid of voxels."""

import numpy as np
from jaxtyping import Float, UInt8

from cxrfactory.compiled import compiled
from cxrfactory.geometry.mesh.labelled import OUTSIDE, LabelledMesh


@compiled
def _fill(corners, tetrahedra, parts, grid):
    """Give each voxel the part of the tetrahedron that holds its centre; positions are in voxels."""
    for index in range(len(tetrahedra)):
        a, b = corners[tetrahedra[index, 0]], corners[tetrahedra[index, 1]]
        c, d = corners[tetrahedra[index, 2]], corners[tetrahedra[index, 3]]
        low, high = np.empty(3, np.int64), np.empty(3, np.int64)
        for k in range(3):
            low[k] = max(0, int(np.ceil(min(min(a[k], b[k]), min(c[k], d[k])) - 1e-9)))
            high[k] = min(grid.shape[k] - 1, int(np.floor(max(max(a[k], b[k]), max(c[k], d[k])) + 1e-9)))
        ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
        vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
        wx, wy, wz = d[0] - a[0], d[1] - a[1], d[2] - a[2]
        six = ux * (vy * wz - vz * wy) + uy * (vz * wx - vx * wz) + uz * (vx * wy - vy * wx)
        if six == 0:
            continue
        for i in range(low[0], high[0] + 1):
            for j in range(low[1], high[1] + 1):
                for k in range(low[2], high[2] + 1):
                    x, y, z = i - a[0], j - a[1], k - a[2]
                    r = (x * (vy * wz - vz * wy) + y * (vz * wx - vx * wz) + z * (vx * wy - vy * wx)) / six
                    s = (x * (wy * uz - wz * uy) + y * (wz * ux - wx * uz) + z * (wx * uy - wy * ux)) / six
                    t = (x * (uy * vz - uz * vy) + y * (uz * vx - ux * vz) + z * (ux * vy - uy * vx)) / six
                    if min(r, s, t) >= -1e-9 and r + s + t <= 1 + 1e-9:
                        grid[i, j, k] = parts[index]


def voxelise(
    mesh: LabelledMesh, origin_mm: Float[np.ndarray, " 3"], spacing_mm: float, shape: tuple[int, int, int]
) -> UInt8[np.ndarray, "x y z"]:
    """Return the index of the part at the centre of each voxel of a grid along the axes.

    Parameters
    ----------
    mesh
        The mesh.
    origin_mm
        Position (x, y, z) of the centre of voxel [0, 0, 0].
    spacing_mm
        Size of the voxels.
    shape
        Number of voxels along x, y and z.

    Returns
    -------
    array
        Indices of parts; :data:`~cxrfactory.geometry.mesh.labelled.OUTSIDE` where there is none.
    """
    grid = np.full(shape, OUTSIDE, np.uint8)
    corners = (np.asarray(mesh.vertices_mm, np.float64) - np.asarray(origin_mm, np.float64)) / spacing_mm
    _fill(corners, np.ascontiguousarray(mesh.tetrahedra), np.ascontiguousarray(mesh.tetrahedron_parts), grid)
    return grid
