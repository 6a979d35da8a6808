"""Truth of virtual plates as tables: masks, graphs, traits, laterals, plants, and the exact shift of each picture."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cxrfactory.geometry.roots.system import tables_of
from cxrfactory.geometry.roots.traits import laterals_of, traits_of
from cxrfactory.roots.cohort.picture import Picture
from cxrfactory.roots.cohort.plate import Plate, root_names, roots_at
from cxrfactory.tables.parquet import table_writer
from cxrfactory.tables.rle import rle_encode
from cxrfactory.tables.roots import (
    ROOT_EDGES,
    ROOT_FRAMES,
    ROOT_LATERALS,
    ROOT_MASKS,
    ROOT_NODES,
    ROOT_PLANTS,
    ROOT_TRAITS,
)

Rows = list[dict[str, Any]]

TABLES = {
    "frames": ROOT_FRAMES,
    "masks": ROOT_MASKS,
    "nodes": ROOT_NODES,
    "edges": ROOT_EDGES,
    "traits": ROOT_TRAITS,
    "laterals": ROOT_LATERALS,
    "plants": ROOT_PLANTS,
}


class TruthWriter:
    """Writes the tables of :data:`TABLES` into a folder, plate by plate (:func:`truth_writer`)."""

    def __init__(self, writers: dict[str, pq.ParquetWriter]) -> None:
        self._writers = writers

    def add(self, name: str, rows: Rows) -> None:
        """Add rows to a table."""
        if rows:
            self._writers[name].write_table(pa.Table.from_pylist(rows, schema=TABLES[name]))


@contextmanager
def truth_writer(folder: Path) -> Iterator[TruthWriter]:
    """Open the tables in a folder, ``masks.parquet`` and so on; without rows, they are empty tables."""
    with ExitStack() as stack:
        yield TruthWriter(
            {name: stack.enter_context(table_writer(folder / f"{name}.parquet", schema))
             for name, schema in TABLES.items()}
        )  # fmt: skip


def mask_row(plate: Plate, picture: Picture) -> dict[str, Any]:
    """Return a picture's row of ``ROOT_MASKS``."""
    height, width = picture.mask.shape
    rle = rle_encode(picture.mask)
    return {"plate": plate.name, "frame": picture.frame, "height": height, "width": width, "rle": rle}


def frame_rows(plate: Plate) -> Rows:
    """Return a plate's rows of ``ROOT_FRAMES``; the path is the picture's file in the folder of all plates."""
    steps = np.hypot(*np.diff(plate.shifts, axis=0, prepend=plate.shifts[:1]).T)
    return [
        {
            "plate": plate.name,
            "frame": frame,
            "path": f"{plate.name}/{plate.file_name(frame)}",
            "hours": float(hours),
            "time_source": "name",
            "height": plate.plate_px,
            "width": plate.plate_px,
            "mm_per_pixel": plate.mm_per_pixel,
            "scale_source": "given",
            "shift_x": float(plate.shifts[frame, 0]),
            "shift_y": float(plate.shifts[frame, 1]),
            "notes": ["moved"] if steps[frame] > 4 else [],
        }
        for frame, hours in enumerate(plate.hours)
    ]


def plant_rows(plate: Plate) -> Rows:
    """Return a plate's rows of ``ROOT_PLANTS``; regions meet half-way between the seeds."""
    places = [float(plant.seed[0]) for plant in plate.plants]
    borders = [0, *(round((one + two) / 2) for one, two in pairwise(places)), plate.plate_px]
    return [
        {
            "plate": plate.name,
            "plant": plant.name,
            "group": plate.group,
            "seed_x": float(plant.seed[0]),
            "seed_y": float(plant.seed[1]),
            "left": borders[number],
            "top": 0,
            "right": borders[number + 1],
            "bottom": plate.plate_px,
            "source": "given",
        }
        for number, plant in enumerate(plate.plants)
    ]


def graph_rows(plate: Plate) -> dict[str, Rows]:
    """Return a plate's rows of nodes, edges, traits and laterals; all but laterals are sorted by picture and plant.

    A plant without roots has lengths of 0 and no nodes.
    """
    found: dict[str, Rows] = {name: [] for name in ("nodes", "edges", "traits", "laterals")}
    scale = plate.mm_per_pixel
    for plant in plate.plants:
        names = root_names(plant, scale)
        times = [(frame, float(hours), roots_at(plant, names, frame, scale)) for frame, hours in enumerate(plate.hours)]
        whose = {"plate": plate.name, "plant": plant.name}
        for frame, hours, roots in times:
            nodes, edges = tables_of(roots)
            found["nodes"] += [whose | {"frame": frame} | row for row in nodes]
            found["edges"] += [whose | {"frame": frame} | row for row in edges]
            at = {"group": plate.group, "frame": frame, "hours": hours, "mm_per_pixel": scale, "flags": []}
            found["traits"].append(whose | at | traits_of(roots, scale))
        found["laterals"] += [whose | {"group": plate.group} | row for row in laterals_of(times, scale)]
    for name in ("nodes", "edges", "traits"):
        found[name].sort(key=lambda row: row["frame"])  # plants stay in their order
    return found
