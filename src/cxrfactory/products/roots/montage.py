"""Draw the root systems of some plates over their last pictures."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from cxrfactory.imaging.drawing.contact_sheet import plain, sheet, text_strip
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.products.roots.drawing import COLOURS, LATERALS, MAIN, draw_lines, part_of
from cxrfactory.tables.atomic import write_bytes
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.roots import picture_id, plant_id
from cxrfactory.tables.selected_rows import selected_rows

MONTAGE = "montage.png"
PLATES, COLUMNS, SIDE = 6, 3, 420


def draw_montage(folder: Path, output: Path) -> None:
    """Draw main roots and laterals of some plates, evenly chosen, over the last picture of each.

    Parameters
    ----------
    folder
        The product with its tables.
    output
        PNG file.
    """
    frames = read_table(folder / "frames.parquet", columns=["plate", "frame", "height", "width"])
    last = frames.sort_values(["plate", "frame"]).groupby("plate", sort=True).tail(1)
    chosen = last.iloc[np.unique(np.linspace(0, len(last) - 1, PLATES).round().astype(int))] if len(last) else last
    tiles = [_tile(folder, row) for row in chosen.itertuples(index=False)]
    picture = sheet(tiles, COLUMNS) if tiles else np.zeros((SIDE, SIDE, 3), np.uint8)
    words = [[("main root   ", COLOURS[MAIN]), ("laterals", COLOURS[LATERALS])]]
    words += [plain("plates, row by row: " + ", ".join(chosen["plate"]))]
    write_bytes(output, encode_png(np.vstack([picture, text_strip(words, picture.shape[1])])))


def _tile(folder: Path, row: Any) -> UInt8[np.ndarray, "side side 3"]:
    scale = SIDE / max(row.height, row.width)
    tile = np.zeros((SIDE, SIDE, 3), np.uint8)
    for found in selected_rows(folder / "pictures.parquet", [picture_id(row.plate, row.frame)], ["jpeg"], "picture_id"):
        grey = cv2.imdecode(np.frombuffer(found["jpeg"].iloc[0], np.uint8), cv2.IMREAD_GRAYSCALE)
        shape = (max(1, round(row.width * scale)), max(1, round(row.height * scale)))
        small = cv2.resize(grey, shape, interpolation=cv2.INTER_AREA)
        tile[: shape[1], : shape[0]] = small[..., None]
    plants = read_table(folder / "plants.parquet", columns=["plate", "plant"])
    ids = [plant_id(row.plate, plant, row.frame) for plant in plants[plants["plate"] == row.plate]["plant"]]
    for found in selected_rows(folder / "edges.parquet", ids, ["root", "points"]):
        for part in (LATERALS, MAIN):
            lines = [
                points for root, points in zip(found["root"], found["points"], strict=True) if part_of(root) == part
            ]
            draw_lines(tile, lines, COLOURS[part], 1, scale=scale)
    return tile
