"""Drawing of the graphs of a plate over its picture, and of a plate at several times on one sheet.

Points are (x, y) in pixels with the centre of the first pixel at (0, 0); pictures are [row, column].
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.contact_sheet import Picture, plain, sheet, text_strip

MAIN_COLOUR = (255, 96, 64)  # RGB
LATERAL_COLOUR = (64, 200, 255)
NODE_COLOUR = (255, 224, 64)
PLATE_SIDE = 1000  # px; the longer side of a drawn plate
TILE_SIDE = 640
TILES = 6  # times on a sheet
_COLUMNS = 3
_PARTS = 4  # OpenCV draws at fractions of a pixel: 2 ** 4 parts
_JPEG_QUALITY = 90
_NAME_SIZE, _NAME_GAP = 0.5, 8  # of a plant's name, and pixels between it and its seed


@dataclass(frozen=True)
class Drawing:
    """What is drawn of one plate at one time, in pixels of the drawn plate.

    Attributes
    ----------
    lines
        Points of each edge, float32 [n, 2].
    lateral
        Whether each edge belongs to a lateral; the others belong to roots from the seed.
    nodes
        Places of the nodes, float32 [m, 2].
    names
        Name of each plant with the place of its seed, by which tables of groups name it.
    """

    lines: Sequence[Float[np.ndarray, "n 2"]]
    lateral: Sequence[bool]
    nodes: Float[np.ndarray, "m 2"]
    names: Sequence[tuple[str, tuple[float, float]]] = ()


@dataclass(frozen=True)
class Canvas:
    """Size of the drawn plate, and the way from pixels of the plate's first picture to pixels of the drawn plate."""

    height: int
    width: int
    scale_x: float
    scale_y: float

    @classmethod
    def of(cls, height: int, width: int, side: int = PLATE_SIDE) -> "Canvas":
        """Return the canvas of a picture whose longer side becomes ``side`` at most; it is never enlarged."""
        factor = min(1.0, side / max(height, width))
        small = max(round(height * factor), 1), max(round(width * factor), 1)
        return cls(*small, small[1] / width, small[0] / height)

    def placed(self, points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
        """Return points of the first picture as points of the drawn plate."""
        scale = np.array([self.scale_x, self.scale_y])
        return ((np.asarray(points, np.float64) + 0.5) * scale - 0.5).astype(np.float32)

    def thinned(self, points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "m 2"]:
        """Return a line on the drawn plate with points about a pixel apart; both ends are kept."""
        step = max(int(1 / max(self.scale_x, self.scale_y)), 1)
        kept = np.unique(np.append(np.arange(0, len(points), step), len(points) - 1))
        return self.placed(np.asarray(points)[kept])


def fitted(
    picture: UInt8[np.ndarray, "height width"],
    canvas: Canvas,
    size: tuple[int, int],
    shift: tuple[float, float] = (0.0, 0.0),
) -> UInt8[np.ndarray, "rows columns"]:
    """Scale a picture to the canvas and shift it to lie over the plate's first picture.

    Parameters
    ----------
    picture
        Grey values; they may have been reduced already.
    canvas
        The drawn plate.
    size
        Height and width of the whole picture, in pixels, before it was reduced.
    shift
        (x, y) by which the whole picture is moved, in its pixels. What it does not cover is black.
    """
    columns, rows = max(round(size[1] * canvas.scale_x), 1), max(round(size[0] * canvas.scale_y), 1)
    small = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA)
    if shift == (0.0, 0.0) and small.shape == (canvas.height, canvas.width):
        return small
    move = np.array([[1, 0, shift[0] * canvas.scale_x], [0, 1, shift[1] * canvas.scale_y]], np.float64)
    return cv2.warpAffine(small, move, (canvas.width, canvas.height), flags=cv2.INTER_LINEAR)


def drawn_over(picture: UInt8[np.ndarray, "height width"], drawing: Drawing) -> Picture:
    """Draw lines and nodes over a grey picture: roots from the seed red, laterals blue, nodes and names yellow.

    Returns
    -------
    RGB picture [height, width, 3].
    """
    rgb = cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
    for wanted, colour in ((True, LATERAL_COLOUR), (False, MAIN_COLOUR)):
        both = zip(drawing.lines, drawing.lateral, strict=True)
        lines = [_fixed(line) for line, lateral in both if lateral == wanted]
        cv2.polylines(rgb, lines, False, colour, 1, cv2.LINE_AA, _PARTS)
    for x, y in _fixed(drawing.nodes).reshape(-1, 2).tolist():
        cv2.circle(rgb, (x, y), 2 << _PARTS, NODE_COLOUR, -1, cv2.LINE_AA, _PARTS)
    for name, (x, y) in drawing.names:
        _name(rgb, name, round(x), round(y))
    return rgb


def _name(rgb: Picture, name: str, x: int, y: int) -> None:
    """Write a plant's name above its seed, or below it where the picture ends, in place."""
    text = name.encode("ascii", "replace").decode()  # OpenCV's letters
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, _NAME_SIZE, 1)
    left = int(np.clip(x - width // 2, 1, max(rgb.shape[1] - width - 1, 1)))
    place = (left, y - _NAME_GAP if y - _NAME_GAP - height > 0 else y + _NAME_GAP + height)
    for colour, thickness in (((0, 0, 0), 3), (NODE_COLOUR, 1)):
        cv2.putText(rgb, text, place, cv2.FONT_HERSHEY_SIMPLEX, _NAME_SIZE, colour, thickness, cv2.LINE_AA)


def with_words(picture: Picture, words: str) -> Picture:
    """Return the picture with a line of text below it."""
    return np.vstack([picture, text_strip([plain(words)], picture.shape[1])])


def times_of(frames: Sequence[int], tiles: int = TILES) -> list[int]:
    """Choose frames for a sheet: the first and the last one, and others at equal distances between them."""
    places = np.linspace(0, len(frames) - 1, min(tiles, len(frames)))
    return [frames[int(place)] for place in np.unique(np.round(places))]


def plate_sheet(tiles: Sequence[Picture]) -> bytes:
    """Return pictures of a plate at several times as one JPEG, three in a row.

    Raises
    ------
    CxrError
        If there is no picture.
    """
    return jpeg(sheet(tiles, min(_COLUMNS, max(len(tiles), 1))))


def jpeg(picture: Picture) -> bytes:
    """Return an RGB picture as a JPEG; the same pixels give the same bytes."""
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    if not done:
        raise CxrError(f"picture of shape {picture.shape} cannot be a JPEG")
    return data.tobytes()


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.round(np.asarray(points, np.float64) * (1 << _PARTS)).astype(np.int32).reshape(-1, 1, 2)
