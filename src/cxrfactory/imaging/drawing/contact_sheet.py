"""Contact sheets: radiographs with contours in rows, each with lines of text.

Points are (x, y); arrays are [row, column].
"""

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
        Side of the tile, pixels.

    Returns
    -------
    RGB picture [side, side, 3].
    """
    # Drawing at twice the size makes a line half a pixel wide, so that it hides little of the border below it.
    double = 2 * side
    larger = cv2.resize(image, (double, double), interpolation=cv2.INTER_AREA)
    scale = double / image.shape[0]
    points = {organ: (nodes + 0.5) * scale - 0.5 for organ, nodes in contours.items()}
    return cv2.resize(draw_overlay(larger, points), (side, side), interpolation=cv2.INTER_AREA)


def sheet(tiles: Sequence[Picture], columns: int) -> Picture:
    """Arrange tiles of one shape in rows; the last row is filled with black tiles.

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
    """Draw lines of coloured text on black; a line that is too long for the width gets a smaller font.

    Characters outside printable ASCII are drawn as '?'.

    Parameters
    ----------
    lines
        Lines of text, each a sequence of pieces with their colours (RGB).
    width
        Width of the strip, pixels.

    Returns
    -------
    RGB picture with :data:`LINE_PX` pixel rows per line and a margin.
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
    """Return a line of text in one light colour."""
    return [(text, _LIGHT)]


def organ_key(organs: Sequence[str]) -> Line:
    """Return a line with the organs' names in the colours of their contours."""
    return [(f"{organ.replace('_', ' ')}   ", ORGAN_COLOURS[organ]) for organ in organs]


def shortened(text: str, longest: int) -> str:
    """Return the text without its middle if it has more than ``longest`` characters; ``longest`` is 5 or more.

    Both ends are kept because image ids differ there: they begin with a patient's folder and end with a view number.
    """
    if len(text) <= longest:
        return text
    kept = longest - 3
    return f"{text[: kept // 2]}...{text[len(text) - (kept - kept // 2) :]}"


def _width_px(text: str) -> int:
    return cv2.getTextSize(text, _FONT, _FONT_SCALE, 1)[0][0]
