"""A contact sheet of contours over images, for visual inspection."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.contact_sheet import overlay_tile, sheet
from cxrfactory.imaging.drawing.png import decode_png, save_png
from cxrfactory.logs import get_logger
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import LANDMARKS
from cxrfactory.tables.selected_rows import selected_rows

log = get_logger(__name__)


def montage(
    images: Sequence[Path],
    landmarks: Sequence[Path],
    graph: LandmarkGraph,
    output: Path,
    count: int = 12,
    columns: int = 4,
    tile: int = 320,
) -> None:
    """Draw ``count`` images of the shards, chosen by a hash of their ids, side by side.

    Parameters
    ----------
    images, landmarks
        Image shards and landmark shards, in the same order.
    graph
        Landmark graph that names the organs.
    output
        PNG file to write.
    count, columns
        Number of images, and number of images per row.
    tile
        Side of one image in the sheet, in pixels.

    Raises
    ------
    CxrError
        If no image has landmarks, or the image shards lack an image that has landmarks.
    """
    names = {path: list(read_table(path, LANDMARKS, ["image_id"])["image_id"]) for path in landmarks}
    everything = sorted((seed_of(each, "montage"), each) for ids in names.values() for each in ids)
    chosen = {each for _, each in everything[:count]}
    if not chosen:
        raise CxrError(f"{', '.join(map(str, landmarks))}: no image has landmarks; nothing to draw")
    tiles = {}
    for pictures, points in zip(images, landmarks, strict=True):
        here = chosen.intersection(names[points])
        found = {
            row.image_id: np.asarray(row.landmarks).reshape(-1, 2)
            for part in selected_rows(points, here, ["landmarks"])
            for row in part.itertuples()
        }
        for part in selected_rows(pictures, here, ["png"]):
            for row in part.itertuples():
                contours = {organ: found[row.image_id][where] for organ, where in graph.slices.items()}
                tiles[row.image_id] = overlay_tile(decode_png(row.png), contours, tile)
    lost = chosen - tiles.keys()
    if lost:
        raise CxrError(f"{len(lost)} images with landmarks are in no image shard, first '{min(lost)}'; give all shards")
    save_png(sheet([tiles[each] for each in sorted(tiles)], columns), output)
    log.info("drew %d of %d images; wrote %s", len(tiles), len(everything), output)
