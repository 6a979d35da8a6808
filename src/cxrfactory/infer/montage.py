"""A contact sheet of contours over images, for people to look at."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.errors import CxrError
from cxrfactory.imaging.overlay import draw_overlay
from cxrfactory.imaging.png import decode_png, save_png
from cxrfactory.logs import get_logger
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import IMAGES, LANDMARKS

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
        Shards in the same order.
    graph
        Names the organs.
    output
        PNG to write.
    count, columns
        How many images, and how many in a row.
    tile
        Side of one image, pixels.

    Raises
    ------
    CxrError
        If there is no prediction at all.
    """
    names = {path: list(read_table(path, LANDMARKS, ["image_id"])["image_id"]) for path in landmarks}
    everything = sorted((seed_of(each, "montage"), each) for ids in names.values() for each in ids)
    chosen = {each for _, each in everything[:count]}
    if not chosen:
        raise CxrError(f"{', '.join(map(str, landmarks))}: no image has landmarks; nothing to draw")
    tiles = []
    for pictures, points in zip(images, landmarks, strict=True):
        if chosen.isdisjoint(names[points]):
            continue
        found = read_table(points, LANDMARKS, ["image_id", "landmarks"])
        merged = found[found["image_id"].isin(chosen)].merge(read_table(pictures, IMAGES), on="image_id")
        for row in merged.itertuples():
            image = cv2.resize(decode_png(row.png), (tile * 2, tile * 2), interpolation=cv2.INTER_AREA)
            nodes = (np.asarray(row.landmarks).reshape(-1, 2) + 0.5) * (tile * 2 / row.size) - 0.5
            drawn = draw_overlay(image, {organ: nodes[where] for organ, where in graph.slices.items()})
            tiles.append((row.image_id, cv2.resize(drawn, (tile, tile), interpolation=cv2.INTER_AREA)))
    pictures = [picture for _, picture in sorted(tiles, key=lambda each: each[0])]
    pictures += [np.zeros_like(pictures[0])] * (-len(pictures) % columns)
    rows = [np.hstack(pictures[start : start + columns]) for start in range(0, len(pictures), columns)]
    save_png(np.vstack(rows), output)
    log.info("drew %d of %d images; wrote %s", len(tiles), len(everything), output)
