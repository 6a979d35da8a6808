"""Draw the masks of a model and of the truth over radiographs, for visual inspection. Arrays are [row, column]."""

from collections.abc import Sequence
from itertools import cycle

import cv2
import numpy as np
from jaxtyping import UInt8

from cxrfactory.evaluate.models.labelled import single_organs
from cxrfactory.imaging.drawing.overlay import ORGAN_COLOURS
from cxrfactory.models.segmenter import Masks

PANEL_PX = 640
TILE_PX = 320
CAPTION_PX = 28
TRUTH_COLOUR = (255, 255, 255)
OTHER_COLOURS = ((204, 121, 167), (0, 114, 178), (117, 112, 179), (166, 118, 29))  # of organs without a colour
_BLACK, _LIGHT = (0, 0, 0), (230, 230, 230)
_FONT = cv2.FONT_HERSHEY_SIMPLEX

Panel = tuple[str, UInt8[np.ndarray, "size size"], Masks, Masks]  # caption, image, truth, found


def draw_panel(panel: Panel, side: int) -> UInt8[np.ndarray, "rows side 3"]:
    """Draw an image with the outlines of the truth (white) and of the found masks (the organ's colour), and a caption.

    Parameters
    ----------
    panel
        Caption, 8-bit image, true masks and found masks of the image's shape.
    side
        Width of the picture, pixels. The height is ``side`` plus that of the caption.

    Returns
    -------
    RGB picture, uint8 [row, column, channel].
    """
    text, image, truth, found = panel
    picture = cv2.cvtColor(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), cv2.COLOR_GRAY2RGB)
    for organ in _drawn(truth):
        _outline(picture, truth[organ], TRUTH_COLOUR)
    for organ, colour in _drawn(found).items():
        _outline(picture, found[organ], colour)
    caption = np.full((CAPTION_PX, side, 3), _BLACK, np.uint8)
    scale = min(0.5, 0.5 * (side - 8) / max(1, cv2.getTextSize(text, _FONT, 0.5, 1)[0][0]))
    cv2.putText(caption, text, (4, CAPTION_PX - 9), _FONT, scale, _LIGHT, 1, cv2.LINE_AA)
    return np.vstack([caption, picture])


def extremes_picture(panels: Sequence[Panel]) -> UInt8[np.ndarray, "rows columns 3"]:
    """Draw panels side by side."""
    return np.hstack([draw_panel(panel, PANEL_PX) for panel in panels])


def sheet(
    tiles: Sequence[UInt8[np.ndarray, "height width 3"]], columns: int = 6
) -> UInt8[np.ndarray, "rows columns 3"]:
    """Arrange drawn panels of one size in rows; the last row is filled up with black."""
    tiles = [*tiles, *[np.zeros_like(tiles[0])] * (-len(tiles) % columns)]
    return np.vstack([np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)])


def _drawn(masks: Masks) -> dict[str, tuple[int, int, int]]:
    """Return the organs to draw, with their colours."""
    others = cycle(OTHER_COLOURS)
    return {organ: ORGAN_COLOURS.get(organ) or next(others) for organ in single_organs(masks)}


def _outline(picture: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int]) -> None:
    side = picture.shape[0]
    small = cv2.resize(mask.astype(np.uint8) * 255, (side, side), interpolation=cv2.INTER_AREA)
    contours, _ = cv2.findContours((small > 127).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, contours, -1, colour, 1, cv2.LINE_AA)
