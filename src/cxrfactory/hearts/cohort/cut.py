"""Cutting a tetrahedral mesh by parallel image planes: the part and interpolated values at each pixel."""

import numpy as np
from jaxtyping import Float32, Float64, Int32, UInt8

from cxrfactory.compiled import compiled
from cxrfactory.geometry.mesh.labelled import OUTSIDE


def cut(
    coordinates: Float64[np.ndarray, "nodes 3"],
    tetrahedra: Int32[np.ndarray, "tetrahedra 4"],
    parts: UInt8[np.ndarray, " tetrahedra"],
    values: Float32[np.ndarray, "nodes channels"],
    offsets: Float64[np.ndarray, "planes 3"],
    height: int,
    width: int,
) -> tuple[UInt8[np.ndarray, "planes height width"], Float32[np.ndarray, "planes height width channels"]]:
    """Return the part and the values at the pixel centres of planes parallel to an image.

    Parameters
    ----------
    coordinates
        Column, row and distance from the image plane (mm) of each node.
    tetrahedra, parts
        Tetrahedra and their parts.
    values
        Values of each node, interpolated linearly within a tetrahedron.
    offsets
        Shift of each plane's pixel centres: columns, rows, and mm along the normal.
    height, width
        Number of rows and columns.

    Returns
    -------
    Parts, with :data:`~cxrfactory.geometry.mesh.labelled.OUTSIDE` where there is none, and values, which are 0 there.
    """
    labels = np.full((len(offsets), height, width), OUTSIDE, np.uint8)
    found = np.zeros((len(offsets), height, width, values.shape[1]), np.float32)
    _cut(coordinates, tetrahedra, parts, values, offsets, labels, found)
    return labels, found


@compiled
def _cut(coordinates, tetrahedra, parts, values, offsets, labels, found):
    planes, height, width = labels.shape
    channels = values.shape[1]
    lowest, highest = offsets[:, 2].min(), offsets[:, 2].max()
    for t in range(len(tetrahedra)):
        a, b, c, d = tetrahedra[t]
        near = min(coordinates[a, 2], coordinates[b, 2], coordinates[c, 2], coordinates[d, 2])
        far = max(coordinates[a, 2], coordinates[b, 2], coordinates[c, 2], coordinates[d, 2])
        if far < lowest or near > highest:
            continue
        # Rows of the inverse of the edge matrix give three barycentric coordinates; the fourth is the rest.
        x0, y0, z0 = coordinates[a]
        e00, e01, e02 = coordinates[b, 0] - x0, coordinates[c, 0] - x0, coordinates[d, 0] - x0
        e10, e11, e12 = coordinates[b, 1] - y0, coordinates[c, 1] - y0, coordinates[d, 1] - y0
        e20, e21, e22 = coordinates[b, 2] - z0, coordinates[c, 2] - z0, coordinates[d, 2] - z0
        m00, m01, m02 = e11 * e22 - e12 * e21, e02 * e21 - e01 * e22, e01 * e12 - e02 * e11
        m10, m11, m12 = e12 * e20 - e10 * e22, e00 * e22 - e02 * e20, e02 * e10 - e00 * e12
        m20, m21, m22 = e10 * e21 - e11 * e20, e01 * e20 - e00 * e21, e00 * e11 - e01 * e10
        determinant = e00 * m00 + e01 * m10 + e02 * m20
        if determinant == 0.0:
            continue
        left = min(x0, x0 + min(e00, e01, e02))
        right = max(x0, x0 + max(e00, e01, e02))
        top = min(y0, y0 + min(e10, e11, e12))
        bottom = max(y0, y0 + max(e10, e11, e12))
        for p in range(planes):
            dx, dy, level = offsets[p]
            if level < near or level > far:
                continue
            for row in range(max(0, int(np.ceil(top - dy))), min(height - 1, int(np.floor(bottom - dy))) + 1):
                v = row + dy - y0
                for column in range(max(0, int(np.ceil(left - dx))), min(width - 1, int(np.floor(right - dx))) + 1):
                    u, w = column + dx - x0, level - z0
                    lb = (m00 * u + m01 * v + m02 * w) / determinant
                    if lb < -1e-9:
                        continue
                    lc = (m10 * u + m11 * v + m12 * w) / determinant
                    if lc < -1e-9:
                        continue
                    ld = (m20 * u + m21 * v + m22 * w) / determinant
                    la = 1.0 - lb - lc - ld
                    if ld < -1e-9 or la < -1e-9:
                        continue
                    labels[p, row, column] = parts[t]
                    for k in range(channels):
                        found[p, row, column, k] = (
                            la * values[a, k] + lb * values[b, k] + lc * values[c, k] + ld * values[d, k]
                        )
