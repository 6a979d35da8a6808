"""Radiographs with contours side by side, each with lines of text. Points are (x, y), arrays [row, column]."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.overlay import ORGAN_COLOURS, draw_overlay

LINE_PX = 18
_MARGIN_PX = 6
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_SCALE = 0.42
_LIGHT = (230, 230, 230)

Colour = tuple[int, int, int]
Line = Sequence[tuple[str, Colour]]  # pieces of text with their colours (RGB), from left to right
Picture = UInt8[np.ndarray, "height width 3"]


def overlay_tile(
    image: UInt8[np.ndarray, "size size"], contours: Mapping[str, Float[np.ndarray, "nodes 2"]], side: int
) -> Picture:
    """Draw contours over a square image and scale it to a tile.

    Parameters
    ----------
    image
        8-bit square radiograph.
    contours
        Organ name to its vertices (x, y), pixels of ``image``.
    side
        Of the tile, pixels.

    Returns
    -------
    RGB picture [side, side, 3].
    """
    # Drawn at twice the size, so that a line of one pixel becomes half a pixel and hides little of the border under it.
    double = 2 * side
    larger = cv2.resize(image, (double, double), interpolation=cv2.INTER_AREA)
    scale = double / image.shape[0]
    points = {organ: (nodes + 0.5) * scale - 0.5 for organ, nodes in contours.items()}
    return cv2.resize(draw_overlay(larger, points), (side, side), interpolation=cv2.INTER_AREA)


def sheet(tiles: Sequence[Picture], columns: int) -> Picture:
    """Tiles of one shape in rows, the last row filled up in black.

    Raises
    ------
    CxrError
        If there is no tile, or their shapes differ.
    """
    shapes = {tile.shape for tile in tiles}
    if len(shapes) != 1:
        raise CxrError(f"{len(tiles)} tiles of shapes {sorted(shapes)}; expected one shape")
    tiles = [*tiles, *[np.zeros_like(tiles[0])] * (-len(tiles) % columns)]
    return np.vstack([np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)])


def text_strip(lines: Sequence[Line], width: int) -> Picture:
    """Lines of coloured text on black; a line that is too long for the width is written smaller.

    Signs outside ASCII are drawn as '?'.

    Returns
    -------
    RGB picture, :data:`LINE_PX` rows a line and a margin.
    """
    strip = np.zeros((LINE_PX * len(lines) + _MARGIN_PX, width, 3), np.uint8)
    for number, line in enumerate(lines):
        pieces = [("".join(sign if " " <= sign <= "~" else "?" for sign in text), colour) for text, colour in line]
        room, needed = width - 2 * _MARGIN_PX, _width_px("".join(text for text, _ in pieces))
        scale = _FONT_SCALE * min(1.0, room / max(needed, 1))
        drawn = ""
        for text, colour in pieces:
            left = _MARGIN_PX + round(_width_px(drawn) * scale / _FONT_SCALE)
            cv2.putText(strip, text, (left, LINE_PX * (number + 1) - 4), _FONT, scale, colour, 1, cv2.LINE_AA)
            drawn += text
    return strip


def plain(text: str) -> Line:
    """A line of one light colour."""
    return [(text, _LIGHT)]


def organ_key(organs: Sequence[str]) -> Line:
    """The organs' names in the colours of their contours."""
    return [(f"{organ.replace('_', ' ')}   ", ORGAN_COLOURS[organ]) for organ in organs]


def shortened(text: str, longest: int) -> str:
    """``text`` with its middle left out where it has more than ``longest`` signs, which is 5 or more.

    Ids of images differ at their ends: folders of a patient begin them, numbers of views end them.
    """
    if len(text) <= longest:
        return text
    kept = longest - 3
    return f"{text[: kept // 2]}...{text[len(text) - (kept - kept // 2) :]}"


def _width_px(text: str) -> int:
    return cv2.getTextSize(text, _FONT, _FONT_SCALE, 1)[0][0]
