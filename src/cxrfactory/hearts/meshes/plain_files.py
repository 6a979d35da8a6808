"""Write surfaces as Wavefront OBJ (text, one group a part) and as STL (binary, one solid a file)."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from cxrfactory.tables.atomic import write_bytes


def write_obj(
    path: str | Path, positions_mm: Float[np.ndarray, "nodes 3"], surfaces: Mapping[str, Int[np.ndarray, "faces 3"]]
) -> None:
    """Write the closed surface of each part as a group of a Wavefront OBJ file.

    The groups share the nodes, so a wall between two parts is in the groups of both.

    Parameters
    ----------
    path
        The file, which conventionally ends in ``.obj``.
    positions_mm
        Nodes (x, y, z); written with three digits after the point, which are micrometres.
    surfaces
        Triangles of each part by its name; their normals point outwards.
    """
    used = np.unique(np.concatenate([faces.reshape(-1) for faces in surfaces.values()]))
    numbers = np.zeros(len(positions_mm), np.int64)
    numbers[used] = np.arange(1, len(used) + 1)  # the format counts from 1
    lines = ["# positions in mm, patient coordinates of DICOM (x to the left, y to the back, z to the head)"]
    lines += [f"v {x:.3f} {y:.3f} {z:.3f}" for x, y, z in np.asarray(positions_mm, np.float64)[used].tolist()]
    for name, faces in surfaces.items():
        lines.append(f"g {name}")
        lines += [f"f {a} {b} {c}" for a, b, c in numbers[faces].tolist()]
    write_bytes(Path(path), ("\n".join(lines) + "\n").encode("ascii"), durable=False)


def write_stl(path: str | Path, positions_mm: Float[np.ndarray, "nodes 3"], faces: Int[np.ndarray, "faces 3"]) -> None:
    """Write one closed surface as binary STL.

    Parameters
    ----------
    path
        The file, which conventionally ends in ``.stl``.
    positions_mm
        Nodes (x, y, z); stored as float32.
    faces
        Nodes of each triangle; the normals point outwards.
    """
    corners = np.asarray(positions_mm, np.float64)[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0)
    rows = np.zeros(len(faces), [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    rows["normal"], rows["corners"] = normals, corners
    head = b"positions in mm, patient coordinates of DICOM (LPS)".ljust(80)
    write_bytes(Path(path), head + np.array(len(faces), "<u4").tobytes() + rows.tobytes(), durable=False)
