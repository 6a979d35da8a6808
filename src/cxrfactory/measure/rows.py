"""Rows of the tables as Arrow, and as the text of their CSV."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from cxrfactory.measure.schemas import IMAGES, MEASUREMENTS, POINT


def measurement_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Return measurements as a table of the schema ``MEASUREMENTS``."""
    columns = [
        _points(rows) if field.name == "points" else pa.array([row[field.name] for row in rows], field.type)
        for field in MEASUREMENTS
    ]
    return pa.Table.from_arrays(columns, schema=MEASUREMENTS)


def image_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Return images as a table of the schema ``IMAGES``."""
    return pa.Table.from_pylist(list(rows), schema=IMAGES)


def csv_header() -> bytes:
    """Return the header line of the CSV of measurements."""
    return (",".join(MEASUREMENTS.names) + "\n").encode()


def csv_lines(rows: Sequence[dict[str, Any]]) -> bytes:
    """Return the lines of measurements: lists are texts, structures with ``|`` and points as ``x,y x,y``."""
    stream = io.StringIO()
    lines = csv.writer(stream, lineterminator="\n")
    for row in rows:
        points = " ".join(f"{x:g},{y:g}" for x, y in row["points"])
        lines.writerow([*map(_cell, list(row.values())[:-2]), "|".join(row["structures"]), points])
    return stream.getvalue().encode()


def _cell(value: Any) -> Any:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else value


def _points(rows: Sequence[dict[str, Any]]) -> pa.Array:
    counts = [len(row["points"]) for row in rows]
    starts = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
    flat = np.array([point for row in rows for point in row["points"]], np.float64).reshape(-1, 2)
    points = pa.StructArray.from_arrays([pa.array(flat[:, 0]), pa.array(flat[:, 1])], fields=list(POINT))
    return pa.ListArray.from_arrays(starts, points)
