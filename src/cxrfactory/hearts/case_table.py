"""The table of cases: one row a case and frame, with the image planes and, where it is known, the true mesh.

Virtual cases and real examinations are written to the same table, and the network reads nothing else.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from jaxtyping import Float32

from cxrfactory.errors import CxrError
from cxrfactory.hearts.views import HeartViews, ImagePlane
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.tables.parquet import check_columns, open_parquet, table_writer

SHORT_AXIS = "sax"  # role of the planes of the short-axis stack; other roles are names of long-axis views
ROWS_PER_GROUP = 8
_MOST = 65535

_VECTOR = pa.list_(pa.float64())
PLANE = pa.struct(
    [
        pa.field("role", pa.string(), nullable=False),  # sax, 2ch, 3ch or 4ch
        pa.field("order", pa.int32(), nullable=False),  # 0 at the base of the heart; 0 for long-axis planes
        pa.field("png", pa.binary(), nullable=False),  # 16-bit grey PNG [rows, columns]
        pa.field("slope", pa.float64(), nullable=False),  # grey value = slope * stored value + intercept
        pa.field("intercept", pa.float64(), nullable=False),
        pa.field("origin_mm", _VECTOR, nullable=False),  # x, y, z of the centre of pixel [0, 0]
        pa.field("across", _VECTOR, nullable=False),  # unit vector along increasing columns
        pa.field("down", _VECTOR, nullable=False),  # unit vector along increasing rows
        pa.field("spacing_mm", _VECTOR, nullable=False),  # along a row, along a column
        pa.field("thickness_mm", pa.float64(), nullable=False),
    ]
)
FACT = pa.struct([pa.field("name", pa.string(), nullable=False), pa.field("value", pa.float64(), nullable=False)])

CASES = pa.schema(
    [
        pa.field("case_id", pa.string(), nullable=False),
        pa.field("patient_id", pa.string(), nullable=False),
        pa.field("frame", pa.string(), nullable=False),  # ED, ES, or the number of the frame from 0
        pa.field("split", pa.string()),  # train, validate or test; null for cases outside the cohort
        # float32 [nodes * 3], x0, y0, z0, x1, ... mm in the patient's coordinates; null where no mesh is known
        pa.field("vertices", pa.list_(pa.float32())),
        pa.field("planes", pa.list_(PLANE), nullable=False),
        pa.field("edv_ml", pa.float64()),  # true volume of the left ventricle's cavity; null where unknown
        pa.field("esv_ml", pa.float64()),
        pa.field("facts", pa.list_(FACT), nullable=False),  # what a virtual case was drawn with; empty for real ones
    ]
)
# Columns whose types can be compared with those of a file: Parquet renames the fields of nested lists.
_FLAT = pa.schema([each for each in CASES if not pa.types.is_list(each.type) or each.name == "vertices"])


@dataclass(frozen=True)
class HeartCase:
    """One case at one time of the cycle, as the table stores it.

    Attributes
    ----------
    views
        Image planes with the ids of the case.
    vertices_mm
        Nodes of the template's mesh in the patient's coordinates; None where no mesh is known.
    split
        ``train``, ``validate`` or ``test``; None for cases outside the cohort.
    edv_ml, esv_ml
        True volumes of the left ventricle's cavity at end-diastole and end-systole; None where unknown.
    facts
        Numbers by name, such as those that a virtual case was drawn with.
    """

    views: HeartViews
    vertices_mm: Float32[np.ndarray, "nodes 3"] | None = field(default=None, repr=False)
    split: str | None = None
    edv_ml: float | None = None
    esv_ml: float | None = None
    facts: Mapping[str, float] = field(default_factory=dict)


def write_cases(path: str | Path, cases: Iterable[HeartCase]) -> int:
    """Write cases to a table in the given order, atomically and in groups of eight rows.

    Pixels are stored exactly if they are whole numbers from 0 to 65535; other planes are stored in 65536 steps
    between their smallest and their largest value.

    Parameters
    ----------
    path
        File to write.
    cases
        Cases, which may be made while the file is written; only eight are held in memory.

    Returns
    -------
    Number of rows written.

    Raises
    ------
    CxrError
        If a plane has values that are not finite, or a case and frame occurs twice.
    """
    seen: set[tuple[str, str]] = set()
    waiting: list[dict[str, Any]] = []
    with table_writer(path, CASES) as writer:
        for case in cases:
            key = (case.views.case_id, case.views.frame)
            if key in seen:
                raise CxrError(f"{path}: case '{key[0]}', frame '{key[1]}' occurs twice; expected each once")
            seen.add(key)
            waiting.append(_row(case))
            if len(waiting) == ROWS_PER_GROUP:
                writer.write_table(pa.Table.from_pylist(waiting, schema=CASES))
                waiting = []
        if waiting:
            writer.write_table(pa.Table.from_pylist(waiting, schema=CASES))
    return len(seen)


def read_cases(paths: str | Path | Sequence[str | Path], splits: Sequence[str] | None = None) -> Iterator[HeartCase]:
    """Iterate over the cases of one table or of several, in their order; only eight rows are held in memory.

    Parameters
    ----------
    paths
        Table, or tables such as the shards of a cohort.
    splits
        Splits to read; None for all cases, also for those without a split. The pictures of other cases are not
        decoded.

    Raises
    ------
    CxrError
        If a file is missing or damaged, lacks a column, or a picture or a mesh in it cannot be read.
    """
    for path in [paths] if isinstance(paths, str | Path) else paths:
        with open_parquet(path) as file:
            check_columns(path, file.schema_arrow, CASES.names, _FLAT)
            for group in range(file.num_row_groups):
                for row in file.read_row_group(group, columns=CASES.names).to_pylist():
                    if splits is None or row["split"] in splits:
                        yield _case(path, row)


def _row(case: HeartCase) -> dict[str, Any]:
    views = case.views
    planes = [_plane_row(SHORT_AXIS, order, plane) for order, plane in enumerate(views.short_axis)]
    planes += [_plane_row(role, 0, plane) for role, plane in sorted(views.long_axis.items())]
    vertices = None if case.vertices_mm is None else np.asarray(case.vertices_mm, np.float32).reshape(-1)
    return {
        "case_id": views.case_id,
        "patient_id": views.patient_id,
        "frame": views.frame,
        "split": case.split,
        "vertices": vertices,
        "planes": planes,
        "edv_ml": case.edv_ml,
        "esv_ml": case.esv_ml,
        "facts": [{"name": name, "value": float(value)} for name, value in sorted(case.facts.items())],
    }


def _plane_row(role: str, order: int, plane: ImagePlane) -> dict[str, Any]:
    pixels = np.asarray(plane.pixels, np.float64)
    if not np.isfinite(pixels).all():
        raise CxrError(f"plane {role} {order}: values that are not finite; expected grey values")
    low, high = float(pixels.min()), float(pixels.max())
    exact = low >= 0 and high <= _MOST and np.array_equal(pixels, np.rint(pixels))
    slope, intercept = (1.0, 0.0) if exact else ((high - low) / _MOST or 1.0, low)
    stored = np.rint((pixels - intercept) / slope).astype(np.uint16)
    return {
        "role": role,
        "order": order,
        "png": encode_png(stored),
        "slope": slope,
        "intercept": intercept,
        "origin_mm": _numbers(plane.origin_mm),
        "across": _numbers(plane.across),
        "down": _numbers(plane.down),
        "spacing_mm": _numbers(plane.spacing_mm),
        "thickness_mm": float(plane.thickness_mm),
    }


def _numbers(values: Any) -> list[float]:
    return np.asarray(values, np.float64).tolist()


def _case(path: str | Path, row: dict[str, Any]) -> HeartCase:
    where = f"{path}: case '{row['case_id']}', frame '{row['frame']}'"
    planes = sorted(row["planes"], key=lambda each: (each["role"], each["order"]))
    views = HeartViews(
        row["case_id"],
        row["patient_id"],
        row["frame"],
        tuple(_plane(where, each) for each in planes if each["role"] == SHORT_AXIS),
        {each["role"]: _plane(where, each) for each in planes if each["role"] != SHORT_AXIS},
    )
    vertices = row["vertices"]
    if vertices is not None and len(vertices) % 3:
        raise CxrError(f"{where}: {len(vertices)} coordinates of nodes; expected a multiple of three")
    return HeartCase(
        views,
        None if vertices is None else np.asarray(vertices, np.float32).reshape(-1, 3),
        row["split"],
        row["edv_ml"],
        row["esv_ml"],
        {each["name"]: each["value"] for each in row["facts"]},
    )


def _plane(where: str, row: dict[str, Any]) -> ImagePlane:
    data = np.frombuffer(row["png"], np.uint8)
    stored = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if len(data) else None
    if stored is None or stored.ndim != 2:
        raise CxrError(f"{where}, plane {row['role']} {row['order']}: the picture is no readable grey PNG")
    pixels = (stored * np.float64(row["slope"]) + row["intercept"]).astype(np.float32)
    across, down = row["spacing_mm"]
    return ImagePlane(
        pixels,
        np.asarray(row["origin_mm"], np.float64),
        np.asarray(row["across"], np.float64),
        np.asarray(row["down"], np.float64),
        (across, down),
        row["thickness_mm"],
    )
