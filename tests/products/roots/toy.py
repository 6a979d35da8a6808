"""Tables of two plates of one plant each: a main root that grows down, and one lateral at the second time."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa

from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.rle import rle_encode
from cxrfactory.tables.roots import (
    ROOT_EDGES,
    ROOT_FRAMES,
    ROOT_JPEGS,
    ROOT_LATERALS,
    ROOT_MASKS,
    ROOT_NODES,
    ROOT_PLANTS,
    ROOT_REJECTED,
    ROOT_TRAITS,
)

HEIGHT, WIDTH = 48, 40
MM_PER_PIXEL = 0.5


def write(path: Path, rows: list[dict], schema: pa.Schema) -> Path:
    """Write rows as a table; missing cells are null."""
    frame = pd.DataFrame(rows, columns=schema.names)
    write_table(frame, path, schema, sort=False)
    return path


def frame_row(plate: str, frame: int) -> dict:
    return {
        "plate": plate, "frame": frame, "path": f"/somewhere/{plate}/{plate}_{frame}.jpg", "hours": 3.0 * frame,
        "time_source": "name", "height": HEIGHT, "width": WIDTH, "mm_per_pixel": MM_PER_PIXEL, "scale_source": "qr",
        "shift_x": 0.0, "shift_y": 0.0, "notes": [],
    }  # fmt: skip


def pieces(frame: int) -> list[tuple[str, list[float]]]:
    """Return the roots at a time: names and points."""
    main = [20.0, 8.0, 20.0, 18.0 + 10 * frame]
    return [("1", main), *([("1.1", [20.0, 14.0, 28.0, 14.0])] if frame else [])]


def write_shard(folder: Path, plate: str, lost: int | None = None) -> dict[str, Path]:
    """Write the tables of the graphs, masks and pictures of one plate; picture ``lost`` is rejected."""
    folder.mkdir(parents=True)
    frames = [number for number in (0, 1) if number != lost]
    nodes, edges, traits, masks, pictures = [], [], [], [], []
    for number in frames:
        key = {"plate": plate, "plant": "1", "frame": number}
        length = 10.0 + 10 * number
        nodes += [
            {**key, "node": 0, "kind": "seed", "root": "1", "x": 20.0, "y": 8.0},
            {**key, "node": 1, "kind": "main_tip", "root": "1", "x": 20.0, "y": 18.0 + 10 * number},
        ]
        drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
        for edge, (root, points) in enumerate(pieces(number)):
            start, end = np.array(points).reshape(-1, 2)
            edges.append({**key, "edge": edge, "start": 0, "end": 1, "root": root, "points": points,
                          "length_px": float(np.hypot(*(end - start)))})  # fmt: skip
            cv2.line(drawn, start.astype(int).tolist(), end.astype(int).tolist(), 1, 3)
        side = 8.0 if number else 0.0
        traits.append(
            {
                **key, "group": "wild", "hours": 3.0 * number, "mm_per_pixel": MM_PER_PIXEL, "main_length_px": length,
                "laterals_length_px": side, "total_length_px": length + side, "main_length_mm": length / 2,
                "laterals_length_mm": side / 2, "total_length_mm": (length + side) / 2, "laterals": number,
                "flags": ["tip_jumped"] if number else [],
            }
        )  # fmt: skip
        masks.append({"plate": plate, "frame": number, "height": HEIGHT, "width": WIDTH, "rle": rle_encode(drawn)})
        jpeg = cv2.imencode(".jpg", drawn * 200)[1].tobytes()
        pictures.append({"plate": plate, "frame": number, "jpeg": jpeg})
    lateral = {"plate": plate, "plant": "1", "group": "wild", "root": "1.1", "emergence_frame": 1,
               "emergence_hours": 3.0, "base_px": 6.0, "side": "right", "angle_deg": 90.0, "last_length_px": 8.0,
               "mm_per_pixel": MM_PER_PIXEL}  # fmt: skip
    plant = {"plate": plate, "plant": "1", "group": "wild", "seed_x": 20.0, "seed_y": 8.0, "left": 8, "top": 4,
             "right": 36, "bottom": HEIGHT, "source": "found"}  # fmt: skip
    gone = [] if lost is None else [{"plate": plate, "path": f"/somewhere/{plate}/{plate}_{lost}.jpg",
                                     "stage": "segment", "reason": "the picture has become unreadable"}]  # fmt: skip
    files = folder / "files"
    (files / "rsml" / plate).mkdir(parents=True)
    (files / "rsml" / plate / "1.rsml").write_text("<rsml/>")
    return {
        "nodes": write(folder / "nodes.parquet", nodes, ROOT_NODES),
        "edges": write(folder / "edges.parquet", edges, ROOT_EDGES),
        "traits": write(folder / "traits.parquet", traits, ROOT_TRAITS),
        "laterals": write(folder / "laterals.parquet", [lateral], ROOT_LATERALS),
        "plants": write(folder / "plants.parquet", [plant], ROOT_PLANTS),
        "masks": write(folder / "masks.parquet", masks, ROOT_MASKS),
        "pictures": write(folder / "pictures.parquet", pictures, ROOT_JPEGS),
        "rejected": write(folder / "rejected.parquet", gone, ROOT_REJECTED),
        "files": files,
    }


def write_frames(folder: Path, plates: list[str]) -> Path:
    """Write the table of pictures: two of each plate."""
    rows = [frame_row(plate, number) for plate in plates for number in (0, 1)]
    return write(folder / "frames.parquet", rows, ROOT_FRAMES)
