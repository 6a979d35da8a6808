"""Draw the masks of some cases over their short-axis slices."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from jaxtyping import Float, UInt8

from cxrfactory.imaging.drawing.contact_sheet import plain, sheet, text_strip
from cxrfactory.imaging.drawing.png import decode_png, encode_png
from cxrfactory.products.hearts.frame_rows import frame_rows
from cxrfactory.tables.atomic import write_bytes
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.rle import rle_decode

MONTAGE = "montage.png"
COLOURS = {
    "lv": (230, 60, 60),
    "lv_myocardium": (60, 200, 90),
    "rv": (70, 120, 255),
    "la": (255, 160, 60),
    "ra": (190, 90, 230),
    "aorta": (255, 120, 160),
    "pulmonary_artery": (90, 210, 230),
}
CASES, SLICES, SIDE, SHOWN_MM = 6, 5, 180, 160.0


def draw_montage(rows: Path, masks: Path, slices: Path, output: Path) -> None:
    """Draw the outlines of the parts of some cases, evenly chosen, on slices from the base to the apex.

    Parameters
    ----------
    rows, masks, slices
        Tables of the product.
    output
        PNG file: a row of tiles for each case, each tile 160 mm wide.
    """
    keys = read_table(rows, columns=["case_id", "frame"])
    chosen = keys.iloc[np.unique(np.linspace(0, len(keys) - 1, CASES).round().astype(int))] if len(keys) else keys
    tiles = [tile for case, frame in chosen.itertuples(index=False) for tile in _row(masks, slices, case, frame)]
    picture = sheet(tiles, SLICES) if tiles else np.zeros((SIDE, SIDE, 3), np.uint8)
    words = [[(f"{name.replace('_', ' ')}   ", colour) for name, colour in COLOURS.items()]]
    words += [plain("rows: " + ", ".join(f"{case} {frame}" for case, frame in chosen.itertuples(index=False)))]
    write_bytes(output, encode_png(np.vstack([picture, text_strip(words, picture.shape[1])])))


def _row(masks: Path, slices: Path, case: str, frame: str) -> list[UInt8[np.ndarray, "side side 3"]]:
    planes = _of(slices, case, frame, ["view", "slice", "height", "width", "spacing_mm", "png"])
    planes = planes[planes["view"] == "sax"].sort_values("slice")
    drawn = _of(masks, case, frame, ["view", "slice", "part", "height", "width", "rle"])
    drawn = drawn[drawn["view"] == "sax"]
    places = np.linspace(0, len(planes) - 1, SLICES).round().astype(int) if len(planes) else []
    chosen = [(plane, _decoded(drawn[drawn["slice"] == plane.slice])) for plane in planes.iloc[places].itertuples()]
    centres = [np.argwhere(mask).mean(0) for _, masks in chosen for mask in masks.values()]
    middle = np.mean(centres, 0) if centres else None
    tiles = [_tile(plane, masks, middle) for plane, masks in chosen]
    return tiles + [np.zeros((SIDE, SIDE, 3), np.uint8)] * (SLICES - len(tiles))


def _of(path: Path, case: str, frame: str, columns: list[str]) -> pd.DataFrame:
    found = list(frame_rows(path, case, frame, columns))
    return pd.concat(found) if found else pd.DataFrame(columns=["frame", *columns])


def _decoded(masks: pd.DataFrame) -> dict[str, UInt8[np.ndarray, "height width"]]:
    return {row.part: rle_decode(row.rle, row.height, row.width) for row in masks.itertuples()}


def _tile(
    plane: Any, masks: Mapping[str, UInt8[np.ndarray, "height width"]], middle: Float[np.ndarray, " 2"] | None
) -> UInt8[np.ndarray, "side side 3"]:
    """Draw one slice about a pixel [row, column], by default about its own middle."""
    if middle is None:
        middle = np.array([plane.height / 2, plane.width / 2])
    scale = SIDE / SHOWN_MM * np.asarray(plane.spacing_mm)  # tile pixels of a pixel, (x, y)
    shift = SIDE / 2 - middle[::-1] * scale
    matrix = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]])
    grey = cv2.warpAffine(decode_png(plane.png), matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    picture = np.repeat(grey[..., None], 3, 2)
    for name, mask in masks.items():
        large = cv2.warpAffine(mask * np.uint8(255), matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR) > 127
        contours, _ = cv2.findContours(large.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, contours, -1, COLOURS.get(name, (255, 255, 255)), 1)
    return picture
