"""Pictures of images with the points of their measurements, for looking."""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from cxrfactory.imaging.drawing.contact_sheet import Line, plain, text_strip
from cxrfactory.imaging.drawing.structures import colours_of

SIDE = 640  # of the longer side of a drawn image, pixels

# Measurements that are drawn: one of each kind, so that the lines can be told apart.
DRAWN = (
    "ctr_rows",
    "scd",
    "carina_angle",
    "aortic_knob_width",
    "tracheal_deviation",
    "clavicle_symmetry",
    "posterior_ribs",
    "right_costophrenic_angle",
    "left_costophrenic_angle",
    "right_diaphragm_dome",
    "left_diaphragm_dome",
    "kyphosis",
    "lateral_lung_height",
    "lateral_lung_depth",
)
_COLOURS = colours_of(DRAWN)


def draw_measurements(
    image: UInt8[np.ndarray, "height width"], title: str, rows: Sequence[Mapping[str, Any]], side: int = SIDE
) -> UInt8[np.ndarray, "rows columns 3"]:
    """Draw measurements over an image, with their values below it.

    Parameters
    ----------
    image
        8-bit grey image in the frame of the points.
    title
        First line of the text.
    rows
        Rows of the table of measurements; those of :data:`DRAWN` that have a value are drawn.
    side
        Length in pixels of the longer side of the drawn image.

    Returns
    -------
    RGB picture; the image is at its top.
    """
    scale = side / max(image.shape)
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    grey = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    picture = np.repeat(grey[..., None], 3, axis=2)
    shown = [row for row in rows if row["measurement"] in _COLOURS and row["value"] is not None]
    for row in shown:
        points = np.array([[point["x"], point["y"]] for point in row["points"]], float).reshape(-1, 2)
        _draw(picture, (points + 0.5) * scale - 0.5, _COLOURS[row["measurement"]])
    lines: list[Line] = [plain(title), *([(_said(row), _COLOURS[row["measurement"]])] for row in shown)]
    return np.vstack([picture, text_strip(lines, picture.shape[1])])


def _draw(picture: np.ndarray, points: Float[np.ndarray, "n 2"], colour: tuple[int, int, int]) -> None:
    """Draw points, and the lines between the points of each pair."""
    places = [tuple(map(int, point)) for point in np.rint(points)]
    if len(places) % 2 == 0:
        for one, other in zip(places[::2], places[1::2], strict=True):
            cv2.line(picture, one, other, colour, 2, cv2.LINE_AA)
    for place in places:
        cv2.circle(picture, place, 3, colour, -1, cv2.LINE_AA)


def _said(row: Mapping[str, Any]) -> str:
    grade = f", {row['grade']}{' (near a cut-point)' if row['near_cut'] else ''}" if row["grade"] else ""
    note = f"; {row['note']}" if row["note"] else ""
    return f"{row['measurement']} {row['value']:.4g} {row['unit']}{grade}{note}"
