"""Contact sheets for looking: films with the outlines of their structures, one sheet for each group."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from jaxtyping import UInt8

from cxrfactory.anatomy.structure_groups import panel_of
from cxrfactory.evaluate.zero_shot.films import TestFilm
from cxrfactory.imaging.drawing.contact_sheet import plain, sheet, shortened, text_strip
from cxrfactory.imaging.drawing.structures import draw_structures
from cxrfactory.models.anatomy.network import LABEL, FoundStructure

TILE_PX = 320
COLUMNS = 6
PANELS = ("lungs", "bones", "heart and vessels", "abdomen")
_SIGNS = 40


def tiles_of(
    film: TestFilm, view: str, found: Mapping[str, FoundStructure], trust: float
) -> dict[str, UInt8[np.ndarray, "rows columns 3"]]:
    """Return the tile of a film for each panel."""
    caption = text_strip([plain(f"{shortened(film.image_id, _SIGNS)} {view}")], TILE_PX)
    tiles = {}
    for panel in PANELS:
        here = {
            name: (each.mask, each.confidence is not None and each.confidence >= trust)
            for name, each in found.items()
            if each.origin == LABEL and panel_of(name) == panel and each.mask.any()
        }
        drawn = cv2.resize(draw_structures(film.image, here), (TILE_PX, TILE_PX), interpolation=cv2.INTER_AREA)
        tiles[panel] = np.vstack([drawn, caption])
    return tiles


def arranged(tiles: Sequence[UInt8[np.ndarray, "rows columns 3"]]) -> UInt8[np.ndarray, "height width 3"]:
    """Arrange the tiles of a panel in rows."""
    return sheet(tiles, min(COLUMNS, len(tiles)))
