"""Cuts of closed surfaces by image planes."""

import numpy as np
from jaxtyping import Bool, Float, Int

from cxrfactory.compiled import compiled


@compiled
def _toggles(corners, faces, flips):
    """Flip the parity of a row from each place on at which the surface crosses it; coordinates are column, row, height.

    The crossing of an edge is computed from its smaller node on, so both faces at the edge find the same place.
    """
    rows, columns = flips.shape[0], flips.shape[1] - 1
    for face in range(len(faces)):
        found = 0
        ends = np.empty((2, 2))
        for k in range(3):
            i, j = faces[face, k], faces[face, (k + 1) % 3]
            if i > j:
                i, j = j, i
            low, high = corners[i, 2], corners[j, 2]
            if (low >= 0) != (high >= 0):
                share = low / (low - high)
                ends[found, 0] = corners[i, 0] + share * (corners[j, 0] - corners[i, 0])
                ends[found, 1] = corners[i, 1] + share * (corners[j, 1] - corners[i, 1])
                found += 1
        if found < 2:
            continue
        if ends[0, 1] > ends[1, 1]:
            x0, y0, x1, y1 = ends[1, 0], ends[1, 1], ends[0, 0], ends[0, 1]
        else:
            x0, y0, x1, y1 = ends[0, 0], ends[0, 1], ends[1, 0], ends[1, 1]
        for row in range(max(0, int(np.ceil(y0))), min(rows, int(np.ceil(y1)))):
            x = x0 + (row - y0) / (y1 - y0) * (x1 - x0)
            flips[row, int(min(max(np.ceil(x), 0.0), float(columns)))] ^= 1


def slice_mask(
    vertices_mm: Float[np.ndarray, "nodes 3"],
    faces: Int[np.ndarray, "faces 3"],
    origin_mm: Float[np.ndarray, " 3"],
    across: Float[np.ndarray, " 3"],
    down: Float[np.ndarray, " 3"],
    spacing_mm: tuple[float, float],
    shape: tuple[int, int],
) -> Bool[np.ndarray, "rows columns"]:
    """Cut a closed surface by an image plane: tell which pixels have their centre inside.

    Parameters
    ----------
    vertices_mm, faces
        The surface. It must be watertight; the direction of its normals does not matter.
    origin_mm
        Position (x, y, z) of the centre of pixel [0, 0].
    across, down
        Unit vectors along increasing columns and along increasing rows.
    spacing_mm
        Distance of neighbouring pixels along a row (columns) and along a column (rows).
    shape
        Number of rows and columns.

    Examples
    --------
    >>> from cxrfactory.geometry.mesh.slicing import slice_mask
    >>> corners = np.array([[0.0, 0, 0], [4, 0, 0], [0, 4, 0], [0, 0, 4]])
    >>> faces = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]])
    >>> origin = np.array([0.5, 0.5, 1.0])
    >>> slice_mask(corners, faces, origin, np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (1, 1), (3, 3)).astype(int)
    array([[1, 1, 0],
           [1, 0, 0],
           [0, 0, 0]])
    """
    apart = np.asarray(vertices_mm, np.float64) - np.asarray(origin_mm, np.float64)
    across, down = np.asarray(across, np.float64), np.asarray(down, np.float64)
    corners = np.stack(
        [apart @ across / spacing_mm[0], apart @ down / spacing_mm[1], apart @ np.cross(across, down)], 1
    )
    flips = np.zeros((shape[0], shape[1] + 1), np.uint8)
    _toggles(corners, np.ascontiguousarray(faces), flips)
    return np.logical_xor.accumulate(flips[:, :-1].astype(bool), axis=1)
