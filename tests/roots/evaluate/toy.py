"""Plates with straight roots as true tables, and copies of them with known faults as found tables."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from cxrfactory.geometry.roots.system import RootPath, tables_of
from cxrfactory.geometry.roots.traits import laterals_of, traits_of
from cxrfactory.tables.parquet import write_table
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

SCHEMAS = {"nodes": ROOT_NODES, "edges": ROOT_EDGES, "traits": ROOT_TRAITS, "laterals": ROOT_LATERALS,
           "masks": ROOT_MASKS, "frames": ROOT_FRAMES, "plants": ROOT_PLANTS}  # fmt: skip
SIZE, FRAMES, MM = 200, 6, 0.2


def roots_at(x, frame, speed=20.0, shift=0.0):
    """A main root that grows down from (x, 20); laterals come in pictures 2 and 4, and grow level, right and left."""
    main = np.array([[x, 20], [x, 20 + speed * (frame + 1)]])
    roots = [RootPath("1", main + np.array([shift, 0]), None)]
    for number, (start, side) in enumerate(((2, 1), (4, -1)), 1):
        if frame >= start:
            y = 30 + 20 * number
            tip = x + side * 10 * (frame - start + 1)
            roots.append(RootPath(f"1.{number}", np.array([[x + shift, y], [tip + shift, y]]), "1"))
    return roots


class Plate:
    """Rows of one plate; ``plants`` maps a name to the horizontal position of its seed."""

    def __init__(self, name, group, plants, roots=roots_at, hours=3.0 * np.arange(FRAMES), scale=MM):
        self.name, self.group, self.scale = name, group, scale
        self.rows = {key: [] for key in SCHEMAS}
        masks = np.zeros((len(hours), SIZE, SIZE), np.uint8)
        for plant, x in plants.items():
            times = [(frame, float(hour), roots(x, frame)) for frame, hour in enumerate(hours)]
            key = {"plate": name, "plant": plant}
            for frame, hour, of_time in times:
                nodes, edges = tables_of(of_time)
                self.rows["nodes"] += [key | {"frame": frame} | row for row in nodes]
                self.rows["edges"] += [key | {"frame": frame} | row for row in edges]
                facts = {"group": group, "frame": frame, "hours": hour, "mm_per_pixel": scale, "flags": []}
                self.rows["traits"].append(key | facts | traits_of(of_time, scale))
                for root in of_time:
                    cv2.polylines(masks[frame], [np.round(root.points).astype(np.int32)], False, 1, 3)
            self.rows["laterals"] += [key | {"group": group} | row for row in laterals_of(times, scale)]
            self.rows["plants"].append(
                key | {"group": group, "seed_x": x, "seed_y": 20.0, "left": 0, "top": 0, "right": SIZE,
                       "bottom": SIZE, "source": "given"})  # fmt: skip
        for frame, hour in enumerate(hours):
            self.rows["masks"].append({"plate": name, "frame": frame, "height": SIZE, "width": SIZE,
                                       "rle": rle_encode(masks[frame])})  # fmt: skip
            self.rows["frames"].append(
                {"plate": name, "frame": frame, "path": f"{name}/{int(hour):03d}.jpg", "hours": hour,
                 "time_source": "name", "height": SIZE, "width": SIZE, "mm_per_pixel": scale, "scale_source": "given",
                 "shift_x": 0.0, "shift_y": 0.0, "notes": []})  # fmt: skip


def write_tables(folder: Path, plates, names=tuple(SCHEMAS)) -> dict[str, list[Path]]:
    """Write all plates into one file for each table."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name in names:
        rows = [row for plate in plates for row in plate.rows[name]]
        path = folder / f"{name}.parquet"
        write_table(pd.DataFrame(rows, columns=SCHEMAS[name].names), path, SCHEMAS[name], sort=False)
        paths[name] = [path]
    return paths
