"""Write VTK XML files: surfaces as PolyData (.vtp), tetrahedra as UnstructuredGrid (.vtu).

The arrays are stored inline as base64 of zlib blocks (VTK file formats, "XML file formats", compressed binary data).
Equal arrays give equal bytes, and the file holds no date and no name of a program.
"""

import base64
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from cxrfactory.tables.atomic import write_bytes

_TYPES = {"float32": "Float32", "int32": "Int32", "uint8": "UInt8"}
_TETRAHEDRON = 10  # VTK's number of the linear tetrahedron
_LEVEL = 6  # of zlib


def write_vtp(
    path: str | Path,
    positions_mm: Float[np.ndarray, "nodes 3"],
    faces: Int[np.ndarray, "faces 3"],
    face_values: Mapping[str, np.ndarray] | None = None,
    node_values: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write triangles as a VTK PolyData file.

    Parameters
    ----------
    path
        The file, which conventionally ends in ``.vtp``.
    positions_mm
        Nodes (x, y, z); stored as float32.
    faces
        Nodes of each triangle.
    face_values, node_values
        Arrays by name with one value for each triangle and for each node; float32 or uint8.
    """
    counts = f'NumberOfPoints="{len(positions_mm)}" NumberOfVerts="0" NumberOfLines="0" NumberOfStrips="0" '
    counts += f'NumberOfPolys="{len(faces)}"'
    cells = ["<Polys>", *_connected(faces, 3), "</Polys>"]
    _write(path, "PolyData", counts, positions_mm, cells, node_values or {}, face_values or {})


def write_vtu(
    path: str | Path,
    positions_mm: Float[np.ndarray, "nodes 3"],
    tetrahedra: Int[np.ndarray, "tetrahedra 4"],
    tetrahedron_values: Mapping[str, np.ndarray] | None = None,
    node_values: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write tetrahedra as a VTK UnstructuredGrid file.

    Parameters
    ----------
    path
        The file, which conventionally ends in ``.vtu``.
    positions_mm
        Nodes (x, y, z); stored as float32.
    tetrahedra
        Nodes of each tetrahedron.
    tetrahedron_values, node_values
        Arrays by name with one value for each tetrahedron and for each node; float32 or uint8.
    """
    counts = f'NumberOfPoints="{len(positions_mm)}" NumberOfCells="{len(tetrahedra)}"'
    kinds = np.full(len(tetrahedra), _TETRAHEDRON, np.uint8)
    cells = ["<Cells>", *_connected(tetrahedra, 4), _array("types", kinds), "</Cells>"]
    _write(path, "UnstructuredGrid", counts, positions_mm, cells, node_values or {}, tetrahedron_values or {})


def _write(
    path: str | Path,
    kind: str,
    counts: str,
    positions_mm: np.ndarray,
    cells: list[str],
    node_values: Mapping[str, np.ndarray],
    cell_values: Mapping[str, np.ndarray],
) -> None:
    lines = [
        '<?xml version="1.0"?>',
        f'<VTKFile type="{kind}" version="1.0" byte_order="LittleEndian" header_type="UInt32" '
        'compressor="vtkZLibDataCompressor">',
        f"<{kind}>",
        f"<Piece {counts}>",
        "<PointData>",
        *(_array(name, values) for name, values in node_values.items()),
        "</PointData>",
        "<CellData>",
        *(_array(name, values) for name, values in cell_values.items()),
        "</CellData>",
        "<Points>",
        _array("Points", np.asarray(positions_mm, np.float32)),
        "</Points>",
        *cells,
        "</Piece>",
        f"</{kind}>",
        "</VTKFile>",
        "",
    ]
    write_bytes(Path(path), "\n".join(lines).encode("ascii"), durable=False)


def _connected(cells: np.ndarray, corners: int) -> list[str]:
    ends = np.arange(1, len(cells) + 1, dtype=np.int32) * corners
    return [_array("connectivity", np.asarray(cells, np.int32).reshape(-1)), _array("offsets", ends)]


def _array(name: str, values: np.ndarray) -> str:
    kind = _TYPES[values.dtype.name]
    components = f' NumberOfComponents="{values.shape[1]}"' if values.ndim == 2 else ""
    data = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
    # The header names the number of blocks, the size of a whole block, that of a part of one, and the compressed sizes.
    packed = zlib.compress(data, _LEVEL) if data else b""
    header = np.array([1, len(data), 0, len(packed)] if data else [0, 0, 0], "<u4").tobytes()
    text = (base64.b64encode(header) + base64.b64encode(packed)).decode("ascii")
    return f'<DataArray type="{kind}" Name="{name}"{components} format="binary">{text}</DataArray>'
