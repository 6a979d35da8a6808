"""The table of prepared pictures: what training reads, one row a case and frame."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float32

from cxrfactory.models.hybridvnet.pictures import HeartPictures, Plane
from cxrfactory.tables.parquet import check_columns, open_parquet, table_writer

ROWS_PER_GROUP = 16
_GEOMETRY = pa.list_(pa.float64())
_PLANE = pa.struct(
    [
        pa.field("view", pa.string(), nullable=False),
        pa.field("rows", pa.int32(), nullable=False),
        pa.field("columns", pa.int32(), nullable=False),
        pa.field("pixels", pa.binary(), nullable=False),
        # origin (3), across (3), down (3), spacing along a row and along a column
        pa.field("geometry", _GEOMETRY, nullable=False),
    ]
)
HEART_PICTURES = pa.schema(
    [
        pa.field("case_id", pa.string(), nullable=False),
        pa.field("patient_id", pa.string(), nullable=False),
        pa.field("frame", pa.string(), nullable=False),
        pa.field("split", pa.string()),
        pa.field("vertices", pa.list_(pa.float32())),  # x0, y0, z0, x1, ... mm; null where no mesh is known
        pa.field("slices", pa.int32(), nullable=False),
        pa.field("rows", pa.int32(), nullable=False),
        pa.field("columns", pa.int32(), nullable=False),
        pa.field("stack", pa.binary(), nullable=False),  # 8-bit [slices, rows, columns]
        # across (3), down (3), spacing (2), then the origin of each slice (3 each)
        pa.field("geometry", _GEOMETRY, nullable=False),
        pa.field("planes", pa.list_(_PLANE), nullable=False),
    ]
)
_FLAT = pa.schema([each for each in HEART_PICTURES if not pa.types.is_list(each.type)])


@dataclass(frozen=True)
class PicturedHeart:
    """Prepared pictures of a case at one time, and its true mesh.

    Attributes
    ----------
    case_id, patient_id, frame, split
        As in the table of cases.
    pictures
        The pictures.
    vertices_mm
        Nodes of the template's mesh in the patient; None where no mesh is known.
    """

    case_id: str
    patient_id: str
    frame: str
    split: str | None
    pictures: HeartPictures = field(repr=False)
    vertices_mm: Float32[np.ndarray, "nodes 3"] | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """Name of the case and its time."""
        return f"{self.case_id}/{self.frame}"


def write_pictures(path: str | Path, hearts: Iterable[PicturedHeart]) -> int:
    """Write prepared pictures in the given order, atomically; returns the number of rows."""
    written, waiting = 0, []
    with table_writer(path, HEART_PICTURES) as writer:
        for heart in hearts:
            waiting.append(_row(heart))
            if len(waiting) == ROWS_PER_GROUP:
                writer.write_table(pa.Table.from_pylist(waiting, schema=HEART_PICTURES))
                written, waiting = written + len(waiting), []
        if waiting:
            writer.write_table(pa.Table.from_pylist(waiting, schema=HEART_PICTURES))
    return written + len(waiting)


def read_pictures(paths: str | Path | Sequence[str | Path], split: str | None = None) -> Iterator[PicturedHeart]:
    """Iterate over prepared pictures of one table or of several, of all splits or of one.

    Raises
    ------
    CxrError
        If a file is missing or damaged, or lacks a column.
    """
    for path in [paths] if isinstance(paths, str | Path) else paths:
        with open_parquet(path) as file:
            check_columns(path, file.schema_arrow, HEART_PICTURES.names, _FLAT)
            for group in range(file.num_row_groups):
                for row in file.read_row_group(group, columns=HEART_PICTURES.names).to_pylist():
                    if split is None or row["split"] == split:
                        yield _heart(row)


def _row(heart: PicturedHeart) -> dict[str, Any]:
    pictures = heart.pictures
    slices, rows, columns = pictures.stack.shape
    geometry = [pictures.across, pictures.down, pictures.spacing_mm, pictures.origins_mm.ravel()]
    return {
        "case_id": heart.case_id,
        "patient_id": heart.patient_id,
        "frame": heart.frame,
        "split": heart.split,
        "vertices": None if heart.vertices_mm is None else np.asarray(heart.vertices_mm, np.float32).ravel(),
        "slices": slices,
        "rows": rows,
        "columns": columns,
        "stack": pictures.stack.tobytes(),
        "geometry": np.concatenate(geometry),
        "planes": [_plane_row(view, plane) for view, plane in sorted(pictures.long_axis.items())],
    }


def _plane_row(view: str, plane: Plane) -> dict[str, Any]:
    return {
        "view": view,
        "rows": plane.pixels.shape[0],
        "columns": plane.pixels.shape[1],
        "pixels": plane.pixels.tobytes(),
        "geometry": np.concatenate([plane.origin_mm, plane.across, plane.down, plane.spacing_mm]),
    }


def _heart(row: dict[str, Any]) -> PicturedHeart:
    numbers = np.asarray(row["geometry"], np.float64)
    stack = np.frombuffer(row["stack"], np.uint8).reshape(row["slices"], row["rows"], row["columns"])
    spacing = (float(numbers[6]), float(numbers[7]))
    planes = {each["view"]: _plane(each) for each in row["planes"]}
    pictures = HeartPictures(stack, numbers[8:].reshape(-1, 3), numbers[:3], numbers[3:6], spacing, planes)
    vertices = None if row["vertices"] is None else np.asarray(row["vertices"], np.float32).reshape(-1, 3)
    return PicturedHeart(row["case_id"], row["patient_id"], row["frame"], row["split"], pictures, vertices)


def _plane(row: dict[str, Any]) -> Plane:
    numbers = np.asarray(row["geometry"], np.float64)
    pixels = np.frombuffer(row["pixels"], np.uint8).reshape(row["rows"], row["columns"])
    return Plane(pixels, numbers[:3], numbers[3:6], numbers[6:9], (float(numbers[9]), float(numbers[10])))
