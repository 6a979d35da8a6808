"""Small plates with known roots: their pictures, and the tables of pictures, nodes and edges."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from cxrfactory.geometry.roots.system import RootPath, tables_of
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.roots import ROOT_EDGES, ROOT_FRAMES, ROOT_NODES

HEIGHT, WIDTH = 120, 161
PLANTS = ("1", "2")
SCALE = 0.1


def roots_at(plant: str, frame: int) -> list[RootPath]:
    """Main roots of 10 px more each time; a lateral from frame 2 on, one on it from frame 3 on; nothing at frame 0."""
    if frame == 0:
        return []
    x = 30.0 if plant == "1" else 100.0
    main = RootPath("1", np.array([[x, 10.0], [x + 1 / 3, 15.0], [x, 10.0 + 15 * frame]]), None)
    side = RootPath("1.1", np.array([[x, 20.0], [x + 6.0 * frame, 24.0]]), "1")
    third = RootPath("1.1.1", np.array([[x + 8.0, 22.0], [x + 12.0, 12.0]]), "1.1")
    return [main, side, third][: min(frame, 3)]


class Tables:
    """Paths of the tables of some plates."""

    def __init__(self, folder: Path, plates: Sequence[str], frames: int = 5, scale: float | None = SCALE) -> None:
        rows, nodes, edges = [], [], []
        for plate in plates:
            for frame in range(frames):
                path = folder / "pictures" / plate / f"{frame}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                picture = np.full((HEIGHT, WIDTH), 40, np.uint8)
                picture[5, 7] = 200
                cv2.imwrite(str(path), picture)
                rows.append(_picture(plate, frame, path, scale))
                for plant in PLANTS:
                    place = {"plate": plate, "plant": plant, "frame": frame}
                    made = tables_of(roots_at(plant, frame))
                    nodes += [place | row for row in made[0]]
                    edges += [place | row for row in made[1]]
        self.frames, self.nodes, self.edges = (folder / f"{name}.parquet" for name in ("frames", "nodes", "edges"))
        for path, each, schema in (
            (self.frames, rows, ROOT_FRAMES),
            (self.nodes, nodes, ROOT_NODES),
            (self.edges, edges, ROOT_EDGES),
        ):
            write_table(pd.DataFrame(each, columns=schema.names), path, schema, sort=False, rows_per_group=7)

    @property
    def paths(self) -> tuple[Path, Path, Path]:
        """Tables in the order in which the stage takes them."""
        return self.frames, self.nodes, self.edges


def _picture(plate: str, frame: int, path: Path, scale: float | None) -> dict:
    return {
        "plate": plate,
        "frame": frame,
        "path": str(path),
        "hours": frame * 6.5,
        "time_source": "interval",
        "height": HEIGHT,
        "width": WIDTH,
        "mm_per_pixel": scale,
        "scale_source": "none" if scale is None else "given",
        "shift_x": 3.0 if frame == 2 else 0.0,
        "shift_y": 0.0,
        "notes": [],
    }
